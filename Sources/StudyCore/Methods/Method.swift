import FleetModel
import Search

/// How a study goes from trial to trial: each method is one file beside this one, and one case here.
/// A method is pure rules over stages; the engine runs them.
public enum Method: Hashable, Codable, Sendable {
    case search(SearchMethod)
    case stages(StagesMethod)
    case sweep(SweepMethod)
    case population(PopulationMethod)
    case growth(GrowthMethod)
    /// Not in study files: `coordinator replay-schedule` makes it.
    case replay(ReplayMethod)

    private var rules: any MethodRules {
        switch self {
        case .search(let method): method
        case .stages(let method): method
        case .sweep(let method): method
        case .population(let method): method
        case .growth(let method): method
        case .replay(let method): method
        }
    }

    /// Names as the study file writes them.
    public static let names = ["search", "stages", "sweep", "population", "growth"]
}

/// What the engine asks a method.
protocol MethodRules {
    /// How many stages there are, faults aside.
    var stageCount: Int { get }
    /// How many trials a stage has, repeats aside.
    var trialsPerStage: Int { get }
    /// How many trials there are at most, repeats aside.
    var mostTrials: Int { get }
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
    /// Metrics beside the objective that it decides by: every trial must report them.
    var measured: [String] { get }
    /// Losses of different stages compare with each other: the best is that of all stages, not of the last.
    var comparesStages: Bool { get }
    /// Repeats of a trial that loses clearly at the first time are not worth running.
    var prunesRepeats: Bool { get }
    /// The trial of a finished stage that the next one goes on from; nil where none completed.
    func choice(in stage: Stage) -> Choice?
    /// Trials start from the states of others.
    var startsWarm: Bool { get }
    /// What a trial is judged by.
    func score(of trial: Trial, in stage: Stage) -> StageScore
    /// Trials with the same number see the same data and start from the same weights.
    func round(of trial: Trial) -> Int
    /// Trials that follow from what the open stage has shown. Asked again after every event that may free
    /// something, so one that was answered must be among the stage's trials the next time.
    func followers(in stage: Stage, of space: Space, using random: inout SeededGenerator) -> [PlannedTrial]
    /// Numbers of the ended trials whose checkpoints are worth their disk; nil: the best `candidates`.
    func kept(in stage: Stage) -> Set<Int>?
    /// Every trial keeps its checkpoint, also when its stage is closed.
    var keepsAll: Bool { get }
    /// A trial that waits for its turn is still wanted: the study file may have changed.
    func wants(_ planned: PlannedTrial) -> Bool
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
    var mostTrials: Int { stageCount * (trialsPerStage + confirm) }
    var measured: [String] { [] }
    var comparesStages: Bool { false }
    var startsWarm: Bool { stageCount > 1 }
    var prunesRepeats: Bool { true }

    func score(of trial: Trial, in stage: Stage) -> StageScore { stage.score }
    func round(of trial: Trial) -> Int { trial.id.stage }
    func kept(in stage: Stage) -> Set<Int>? { nil }
    var keepsAll: Bool { false }
    func wants(_ planned: PlannedTrial) -> Bool { true }

    func followers(
        in stage: Stage, of space: Space, using random: inout SeededGenerator
    ) -> [PlannedTrial] { [] }

    func first(original: Space, prior: Prior?) -> StageOpening {
        StageOpening(space: original, origin: nil, enqueued: prior?.points ?? [], reason: .prior)
    }

    func optima(of stage: Stage) -> [String: SmoothedOptimum] { [:] }

    func choice(in stage: Stage) -> Choice? { stage.lowestChoice(among: stage.candidates) }
}

extension Method: MethodRules {
    /// How many stages the study has, faults aside.
    public var stageCount: Int { rules.stageCount }
    /// Trials of each stage, repeats aside.
    public var trialsPerStage: Int { rules.trialsPerStage }
    /// Trials of the whole study at most, repeats aside.
    public var mostTrials: Int { rules.mostTrials }
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

    /// Metrics beside the objective that every trial must report.
    public var measured: [String] { rules.measured }
    /// Losses of different stages compare with each other.
    public var comparesStages: Bool { rules.comparesStages }

    /// Trials start from the states of others.
    public var startsWarm: Bool { rules.startsWarm }
    var prunesRepeats: Bool { rules.prunesRepeats }
    var candidates: Int { rules.candidates }
    var keepsAll: Bool { rules.keepsAll }
    var spreadsStartup: Bool { rules.spreadsStartup }

    func choice(in stage: Stage) -> Choice? { rules.choice(in: stage) }
    /// What a trial is judged by.
    public func score(of trial: Trial, in stage: Stage) -> StageScore {
        rules.score(of: trial, in: stage)
    }

    func round(of trial: Trial) -> Int { rules.round(of: trial) }
    func kept(in stage: Stage) -> Set<Int>? { rules.kept(in: stage) }
    func wants(_ planned: PlannedTrial) -> Bool { rules.wants(planned) }

    func followers(
        in stage: Stage, of space: Space, using random: inout SeededGenerator
    ) -> [PlannedTrial] { rules.followers(in: stage, of: space, using: &random) }

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
