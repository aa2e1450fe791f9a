import Search

/// Iterative search with warm starts: every trial of a stage starts from the best checkpoint of the stage
/// before, in a space shrunk around that stage's best assignment.
///
/// The incumbent's assignment is the first trial of the next stage, so that a stage is never worse than
/// going on unchanged.
public struct StagesMethod: Hashable, Codable, Sendable, MethodRules {
    public let stages: Int
    /// Per stage.
    public let trials: Int
    /// Per stage.
    public let steps: Int
    /// By parameter: the share around the last best that the next stage searches; others keep their range.
    public let shrink: [String: Double]

    public init(stages: Int, trials: Int, steps: Int, shrink: [String: Double]) {
        self.stages = stages
        self.trials = trials
        self.steps = steps
        self.shrink = shrink
    }

    var stageCount: Int { stages }
    var trialsPerStage: Int { trials }

    func next(after closed: Stage, best: Trial, original: Space) -> StageOpening? {
        guard closed.index + 1 < stages, let checkpoint = best.checkpoint else { return nil }
        return StageOpening(
            space: original.shrunk(around: best.assignment, shares: shrink),
            origin: checkpoint,
            enqueued: [best.assignment])
    }
}
