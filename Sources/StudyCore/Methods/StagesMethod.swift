import FleetModel
import Search

/// Iterative search with warm starts: every trial of a stage starts from the best checkpoint of the stage
/// before, in a space shrunk around that stage's best assignment.
///
/// The incumbent's assignment is the first trial of the next stage, so that a stage is never worse than
/// going on unchanged. A stage of which nothing completes is tried again once, from where it began and around
/// the incumbent.
public struct StagesMethod: Hashable, Codable, Sendable, MethodRules {
    public let stages: Int
    /// Per stage, repeats aside.
    public let trials: Int
    /// Per stage, before a cooldown; with a pilot, at most.
    public let steps: Int
    public let shrink: Shrinking
    public let score: Score
    public let fidelity: Fidelity
    public let pilot: Pilot?
    public let confirm: Int
    /// How the best is chosen.
    public let choose: ChoiceRule

    /// How the best trial of a stage is chosen.
    public enum ChoiceRule: String, Hashable, Codable, Sendable, CaseIterable {
        /// By a smooth surface through all losses, ties to the cheaper trial.
        case smoothed
        /// The lowest loss.
        case lowest
    }

    public init(
        stages: Int, trials: Int, steps: Int, shrink: Shrinking = .automatic, score: Score = .last,
        fidelity: Fidelity = .steps, pilot: Pilot? = nil, confirm: Int = 0, choose: ChoiceRule = .smoothed
    ) {
        self.stages = stages
        self.trials = trials
        self.steps = steps
        self.shrink = shrink
        self.score = score
        self.fidelity = fidelity
        self.pilot = pilot
        self.confirm = confirm
        self.choose = choose
    }

    /// The same with another score.
    func scored(by score: Score) -> StagesMethod {
        StagesMethod(
            stages: stages, trials: trials, steps: steps, shrink: shrink, score: score, fidelity: fidelity,
            pilot: pilot, confirm: confirm, choose: choose)
    }

    var stageCount: Int { stages }
    var trialsPerStage: Int { trials }
    var spreadsStartup: Bool { true }
    var candidates: Int { max(2 * confirm, choose == .smoothed ? 3 : 1) }

    func choice(in stage: Stage) -> Choice? {
        switch choose {
        case .smoothed: stage.smoothedChoice(among: candidates, fidelity)
        case .lowest: stage.lowestChoice(among: candidates)
        }
    }

    func optima(of stage: Stage) -> [String: SmoothedOptimum] {
        // With fewer stages no law is ever claimed.
        shrink == .automatic && stages > Trend.fewestPoints ? stage.smoothedOptima() : [:]
    }

    func next(after stages: [Stage], original: Space) -> NextStep {
        guard let last = stages.last else { return .end(.completed) }
        guard last.best != nil else { return again(after: stages, original) }
        guard stages.count(where: { $0.best != nil }) < self.stages else { return .end(.completed) }
        return opening(after: stages, original)
    }

    /// Nothing of the last stage completed.
    private func again(after stages: [Stage], _ original: Space) -> NextStep {
        let before = stages.dropLast()
        guard let incumbent = before.last, incumbent.best != nil else {
            return .end(.failed(stages.withoutResult))
        }
        return opening(after: Array(before), original)
    }

    /// A stage that goes on from the best of the last of `stages`.
    private func opening(after stages: [Stage], _ original: Space) -> NextStep {
        guard let last = stages.last, let best = last.bestTrial else {
            return .end(.failed(stages.withoutResult))
        }
        guard let checkpoint = last.handover(of: best, fidelity) else {
            return .end(.failed(.noCheckpoint(stage: last.index, best: best.id)))
        }
        let narrowed = shrink.space(after: stages, around: best.assignment, original: original, fidelity)
        return .stage(
            StageOpening(
                space: narrowed.space, origin: checkpoint, enqueued: [best.assignment], steps: last.steps,
                windows: narrowed.windows))
    }
}

extension [Stage] {
    /// The failure of a last stage in which no trial completed.
    var withoutResult: StudyFailure {
        let trials = last?.trials ?? []
        let failed = trials.filter(\.hasFailed)
        return .noResult(
            stage: count - 1, trials: trials.count, failed: failed.count, example: failed.first?.id)
    }
}
