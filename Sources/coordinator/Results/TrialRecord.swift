import FleetModel
import Search
import StudyCore

/// `stage_K/trial_N/trial.json`: what the trial was and what became of it.
struct TrialRecord: Encodable {
    struct Attempt: Encodable {
        let lease: String
        let seconds: Double
        let start: String
    }

    let trial: String
    let stage: Int
    let state: String
    let why: String
    let params: Assignment
    let proposedBecause: String
    let startedFrom: String?
    let steps: Int
    /// As it was reported last.
    let value: Double?
    /// What the trial is judged by; another number than `value` where that is a forecast.
    let score: Double?
    /// What the trainer said that it used.
    let used: Used
    let runs: [Attempt]
    /// The last lines of stderr of a trial that failed.
    let lastLines: [String]?

    init(of trial: Trial, in engine: Engine) {
        let direction = engine.plan.objective.direction
        let words = Sentences(objective: engine.plan.objective)
        self.trial = trial.id.description
        stage = trial.id.stage
        state = trial.state.word
        if case .ended(let ending) = trial.state { why = words.line(ending) } else { why = "" }
        params = trial.assignment
        proposedBecause = "\(trial.reason)"
        startedFrom = trial.origin?.run.trial.description
        steps = trial.progress.step
        used = trial.progress.used
        value = trial.progress.latest?.metric(direction)
        score = trial.result?.metric(direction)
        runs = trial.runs.map { run in
            Attempt(
                lease: run.lease.description, seconds: (run.until ?? engine.now).since(run.since),
                start: run.start.word)
        }
        lastLines = trial.failure?.lastLines
    }
}

extension RunStart {
    fileprivate var word: String {
        switch self {
        case .fresh: "new model"
        case .warm(let checkpoint): "warm, from \(checkpoint)"
        case .resume(let checkpoint): "resumed, from \(checkpoint)"
        }
    }
}

extension Trial {
    /// What failed the trial's last run.
    var failure: RunFailure? {
        switch state {
        case .ended(.failed(.run(let failure))), .ended(.failed(.infrastructure(_, let failure))): failure
        default: nil
        }
    }
}
