import FleetModel
import StudyCore

/// `sweep_results.json`: one entry a point of a sweep, rewritten whenever one of them moves on.
struct SweepResults: Encodable {
    let entries: [Entry]

    struct Entry: Encodable {
        let params: Assignment
        let trial: String
        let status: String
        /// The objective as reported last.
        let value: Double?
        /// Mean and standard deviation over the point's runs with different seeds.
        let mean: Double?
        let spread: Double?
        /// Seconds that its runs took.
        let elapsedTime: Double
        /// On the node `node`; nil: none.
        let checkpointDir: String?
        let node: String?
        /// Below the study's folder.
        let logDir: String
        let why: String
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(entries)
    }

    init(of engine: Engine) {
        let objective = engine.plan.objective
        let words = Sentences(objective: objective)
        entries = engine.trials.filter { $0.repeats == nil }.map { trial in
            let mean = engine.stages[trial.id.stage].mean(of: trial.id.number)
            var why = "\(trial.reason)"
            if case .ended(let ending) = trial.state, trial.result == nil { why = words.line(ending) }
            return Entry(
                params: trial.assignment, trial: trial.id.description, status: trial.state.word,
                value: (trial.progress.latest ?? trial.result)?.metric(objective.direction),
                mean: mean?.loss.metric(objective.direction), spread: mean?.deviation,
                elapsedTime: trial.slotSeconds(at: engine.now) / Double(engine.plan.resources.gpus),
                checkpointDir: trial.checkpoint.map { engine.key($0.run).folder + "/checkpoints/" + $0.name },
                node: trial.checkpoint.flatMap {
                    engine.trial($0.run.trial)?.runs.last?.lease.parts[0].node.rawValue
                },
                logDir: "stage_\(trial.id.stage)/trial_\(trial.id.number)", why: why)
        }
    }
}
