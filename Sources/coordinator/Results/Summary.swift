import FleetModel
import Search
import StudyCore

/// `hpo_summary.csv`: one row a trial, one column a parameter (RFC 4180).
enum Summary {
    static func csv(of engine: Engine) -> String {
        let names = engine.plan.space.kinds.map { $0.name }
        let head =
            ["stage", "trial", "state", engine.plan.objective.metric] + names
            + ["used_learning_rate", "used_batch_size", "consumed_samples"]
            + ["steps", "attempts", "lease", "seconds", "why"]
        let rows = engine.trials.map { row($0, names, engine) }
        return ([head] + rows).map { $0.map(quoted).joined(separator: ",") + "\r\n" }.joined()
    }

    private static func row(_ trial: Trial, _ names: [String], _ engine: Engine) -> [String] {
        let direction = engine.plan.objective.direction
        let words = Sentences(objective: engine.plan.objective)
        var why = "\(trial.reason)"
        if case .ended(let ending) = trial.state, trial.result == nil { why = words.line(ending) }
        return [
            "\(trial.id.stage)", "\(trial.id.number)", trial.state.word,
            (trial.progress.latest ?? trial.result).map { "\($0.metric(direction))" } ?? "",
        ] + names.map { trial.assignment[$0]?.description ?? "" } + used(by: trial) + [
            "\(trial.progress.step)", "\(trial.runs.count)", trial.runs.last?.lease.description ?? "",
            Text.number(trial.slotSeconds(at: engine.now) / Double(engine.plan.resources.gpus)), why,
        ]
    }

    /// What the trainer said that it used; empty where it said nothing.
    private static func used(by trial: Trial) -> [String] {
        let used = trial.progress.used
        return [used.learningRate, used.batchSize, used.consumedSamples].map { number in
            number.map { Int(exactly: $0).map(String.init) ?? "\($0)" } ?? ""
        }
    }

    static func quoted(_ cell: String) -> String {
        guard cell.contains(where: { "\",\r\n".contains($0) }) else { return cell }
        return "\"" + cell.replacing("\"", with: "\"\"") + "\""
    }
}

extension TrialState {
    /// One word for tables and scripts.
    var word: String {
        switch self {
        case .queued: "queued"
        case .running: "running"
        case .paused: "paused"
        case .stopping: "stopping"
        case .ended(.completed): "completed"
        case .ended(.pruned): "pruned"
        case .ended(.failed): "failed"
        case .ended(.cancelled): "cancelled"
        }
    }
}
