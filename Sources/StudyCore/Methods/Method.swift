import FleetModel
import Search

/// How a study goes from trial to trial: each method is one file beside this one, and one case here.
/// A method is pure rules over stages; the engine runs them.
public enum Method: Hashable, Codable, Sendable {
    case search(SearchMethod)
    case stages(StagesMethod)
    /// Not in study files: `coordinator replay-schedule` makes it.
    case replay(ReplayMethod)

    private var rules: any MethodRules {
        switch self {
        case .search(let method): method
        case .stages(let method): method
        case .replay(let method): method
        }
    }

    /// Names as the study file writes them.
    public static let names = ["search", "stages"]
}

/// What the engine asks a method.
protocol MethodRules {
    /// How many stages there are, faults aside.
    var stageCount: Int { get }
    /// How many trials a stage has, repeats aside.
    var trialsPerStage: Int { get }
    /// Steps of each trial before a cooldown; with a pilot, the most that it may choose.
    var steps: Int { get }
    /// What a trial's score is.
    var score: Score { get }
    /// What trials of different batch sizes are compared at.
    var fidelity: Fidelity { get }
    /// How the first stage finds the number of steps; nil: it is given.
    var pilot: Pilot? { get }
    /// Whether what a sampler would draw at random to begin with is spread over the space instead.
    var spreadsStartup: Bool { get }
    /// How many of a stage's best are run again with another seed before one is chosen.
    var confirm: Int { get }
    /// How many of the best trials of an open stage may be chosen in the end.
    var candidates: Int { get }
    /// The trial of a finished stage that the next one goes on from; nil where none completed.
    func choice(in stage: Stage) -> Choice?
    /// What the method wants to know of a finished stage, see `Stage.optima`.
    func optima(of stage: Stage) -> [String: SmoothedOptimum]
    /// What the first stage begins with.
    func first(original: Space, prior: Prior?) -> StageOpening
    /// What comes after the last of `stages`, which is closed.
    func next(after stages: [Stage], original: Space) -> NextStep
}

extension MethodRules {
    var score: Score { .last }
    var fidelity: Fidelity { .steps }
    var pilot: Pilot? { nil }
    var confirm: Int { 0 }
    var candidates: Int { 1 }
    var spreadsStartup: Bool { false }

    func first(original: Space, prior: Prior?) -> StageOpening {
        StageOpening(space: original, origin: nil, enqueued: prior?.points ?? [], reason: .prior)
    }

    func optima(of stage: Stage) -> [String: SmoothedOptimum] { [:] }

    func choice(in stage: Stage) -> Choice? {
        stage.ranking.first.map { Choice(trial: $0.id, because: .lowest) }
    }
}

extension Method: MethodRules {
    /// How many stages the study has, faults aside.
    public var stageCount: Int { rules.stageCount }
    /// Trials of each stage, repeats aside.
    public var trialsPerStage: Int { rules.trialsPerStage }
    /// Optimiser steps of each trial that is not pruned, before a cooldown; with a pilot, at most.
    public var steps: Int { rules.steps }
    /// What a trial's score is.
    public var score: Score { rules.score }
    /// What trials of different batch sizes are compared at.
    public var fidelity: Fidelity { rules.fidelity }
    /// How the first stage finds the number of steps; nil: it is given.
    public var pilot: Pilot? { rules.pilot }
    /// How many of a stage's best are run again with another seed.
    public var confirm: Int { rules.confirm }

    var candidates: Int { rules.candidates }
    var spreadsStartup: Bool { rules.spreadsStartup }

    func choice(in stage: Stage) -> Choice? { rules.choice(in: stage) }
    func optima(of stage: Stage) -> [String: SmoothedOptimum] { rules.optima(of: stage) }

    func first(original: Space, prior: Prior?) -> StageOpening {
        rules.first(original: original, prior: prior)
    }

    func next(after stages: [Stage], original: Space) -> NextStep {
        rules.next(after: stages, original: original)
    }
}

/// What comes after a stage.
enum NextStep {
    case stage(StageOpening)
    case end(StudyEnding)
}

/// What a stage begins with.
struct StageOpening {
    let space: Space
    /// The training state that every trial of the stage starts from; nil: a new model.
    let origin: Checkpoint?
    /// Assignments to try before the sampler is asked.
    let enqueued: [Assignment]
    /// Why these.
    var reason = ProposalReason.enqueued
    /// Steps of each trial before a cooldown; nil: those of the method.
    var steps: Int?
    /// Why the space is where it is, see `Stage.windows`.
    var windows: [Window] = []
}
