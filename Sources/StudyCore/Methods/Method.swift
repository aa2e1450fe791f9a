import FleetModel
import Search

/// How a study goes from trial to trial: each method is one file beside this one, and one case here.
/// A method is pure rules over stages; the engine runs them.
public enum Method: Hashable, Codable, Sendable {
    case search(SearchMethod)
    case stages(StagesMethod)

    private var rules: any MethodRules {
        switch self {
        case .search(let method): method
        case .stages(let method): method
        }
    }

    /// Names as the study file writes them.
    public static let names = ["search", "stages"]
}

/// What the engine asks a method.
protocol MethodRules {
    /// How many stages there are at most.
    var stageCount: Int { get }
    /// How many trials a stage has.
    var trialsPerStage: Int { get }
    /// Steps of each trial.
    var steps: Int { get }
    /// What the stage after `closed` begins with; nil where the study is complete.
    func next(after closed: Stage, best: Trial, original: Space) -> StageOpening?
}

extension Method: MethodRules {
    /// How many stages the study has.
    public var stageCount: Int { rules.stageCount }
    /// Trials of each stage.
    public var trialsPerStage: Int { rules.trialsPerStage }
    /// Optimiser steps of each trial that is not pruned.
    public var steps: Int { rules.steps }

    func next(after closed: Stage, best: Trial, original: Space) -> StageOpening? {
        rules.next(after: closed, best: best, original: original)
    }
}

/// What a stage begins with.
struct StageOpening {
    let space: Space
    /// The training state that every trial of the stage starts from; nil: a new model.
    let origin: Checkpoint?
    /// Assignments to try before the sampler is asked.
    let enqueued: [Assignment]
}
