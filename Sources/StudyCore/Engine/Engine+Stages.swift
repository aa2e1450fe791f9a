import FleetModel
import Search

/// From stage to stage.
extension Engine {
    mutating func open(_ opening: StageOpening, _ effects: inout [Effect]) {
        let stage = Stage(
            index: stages.count, opening: opening, after: stages, sampler: plan.sampler, pruner: plan.pruner,
            at: now)
        stages.append(stage)
        tell(.stageOpened(stage: stage.index, from: opening.origin), &effects)
    }

    /// True where the open stage was closed and another may begin.
    mutating func closeStageIfFinished(_ effects: inout [Effect]) -> Bool {
        let index = stages.count - 1
        guard !wantsTrial, stages[index].unended == 0 else { return false }
        guard let best = stages[index].ranking.first else {
            finish(.failed(stages[index].withoutResult), &effects)
            return false
        }
        close(index, &effects)
        if let opening = plan.method.next(after: stages[index], best: best, original: plan.space) {
            open(opening, &effects)
            return true
        }
        let isLast = index + 1 == plan.method.stageCount
        finish(isLast ? .completed : .failed(.noCheckpoint(stage: index, best: best.id)), &effects)
        return false
    }

    /// Closes a stage that has a completed trial.
    mutating func close(_ index: Int, _ effects: inout [Effect]) {
        let stage = stages[index]
        let best = stage.ranking.first!
        stages[index].best = best.id
        stages[index].closedAt = now
        tell(
            .stageClosed(
                stage: index, best: best.id, loss: best.result!, completed: stage.ranking.count,
                pruned: stage.trials.count(where: \.wasPruned),
                failed: stage.trials.count(where: \.hasFailed)), &effects)
        if let keep = keepEffect(of: index) { effects.append(keep) }
    }

    /// Puts the best checkpoint of a closed stage among the results; nil where that is done, or where the
    /// trainer made none.
    func keepEffect(of index: Int) -> Effect? {
        guard let best = stages[index].best.flatMap(trial), !stages[index].isKept,
            let checkpoint = best.checkpoint,
            let node = holders(of: checkpoint).first ?? node(of: checkpoint)
        else { return nil }
        return .keep(checkpoint: checkpoint, node: node, stage: index)
    }
}

extension Stage {
    /// The failure of a stage in which no trial completed.
    fileprivate var withoutResult: StudyFailure {
        let failed = trials.filter(\.hasFailed)
        return .noResult(
            stage: index, trials: trials.count, failed: failed.count, example: failed.first?.id)
    }
}

extension Trial {
    /// Nothing more will happen to it.
    public var hasEnded: Bool {
        if case .ended = state { true } else { false }
    }

    /// It ended in failure.
    public var hasFailed: Bool {
        if case .ended(.failed) = state { true } else { false }
    }

    /// A pruner ended it.
    public var wasPruned: Bool {
        if case .ended(.pruned) = state { true } else { false }
    }
}
