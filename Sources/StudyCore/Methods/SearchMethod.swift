import Search

/// An ordinary search: one stage over the whole space, every trial from scratch.
public struct SearchMethod: Hashable, Codable, Sendable, MethodRules {
    public let trials: Int
    public let steps: Int

    public init(trials: Int, steps: Int) {
        self.trials = trials
        self.steps = steps
    }

    var stageCount: Int { 1 }
    var trialsPerStage: Int { trials }
    var comparesStages: Bool { true }

    func next(after stages: [Stage], original: Space) -> NextStep {
        .end(stages.last?.best == nil ? .failed(stages.withoutResult) : .completed)
    }
}
