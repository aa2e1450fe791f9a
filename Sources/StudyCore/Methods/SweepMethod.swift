public import FleetModel
import Search

/// A list that somebody wrote: each assignment once, in order. What was tried is not tried again when the list is
/// changed; what is new in it becomes another stage.
public struct SweepMethod: Hashable, Codable, Sendable, MethodRules {
    /// Each once, in the order of the study file.
    public let points: [Assignment]
    /// Those of the list whose results are known: nothing is run for them.
    public let done: [GivenTrial]
    public let steps: Int

    /// - Parameter points: at least one; those of `done` among them or not.
    public init(points: [Assignment], done: [GivenTrial] = [], steps: Int) {
        self.points = points
        self.done = done
        self.steps = steps
    }

    var stageCount: Int { 1 }
    var trialsPerStage: Int { points.count }
    /// People ask for a list because they want each of its models.
    var candidates: Int { .max }
    var comparesStages: Bool { true }

    func first(original: Space, prior: Prior?) -> StageOpening {
        opening(of: open(after: []), given: done, original)
    }

    func next(after stages: [Stage], original: Space) -> NextStep {
        let rest = open(after: stages)
        guard rest.isEmpty else { return .stage(opening(of: rest, given: [], original)) }
        return .end(stages.contains { $0.best != nil } ? .completed : .failed(stages.withoutResult))
    }

    /// A point that left the list before its turn came is not run.
    func wants(_ planned: PlannedTrial) -> Bool {
        guard case .listed = planned.reason else { return true }
        return points.contains(planned.assignment)
    }

    private func open(after stages: [Stage]) -> [PlannedTrial] {
        let space = stages.last?.space
        let known = Set(
            stages.flatMap(\.trials).filter { $0.isTried }.map { trial in
                space.map { $0.searched(trial.assignment) } ?? trial.assignment
            } + done.map(\.assignment))
        return points.enumerated().filter { !known.contains($0.element) }.map { index, point in
            PlannedTrial(point, .listed(number: index + 1, of: points.count))
        }
    }

    private func opening(
        of planned: [PlannedTrial], given: [GivenTrial], _ space: Space
    ) -> StageOpening {
        .only(planned, given: given, in: space)
    }
}

extension Trial {
    /// It has begun, or will: only what was cancelled before its end has not been tried.
    fileprivate var isTried: Bool {
        if case .ended(.cancelled) = state { false } else { true }
    }
}
