public import FleetModel
import Search

/// From stage to stage.
extension Engine {
    mutating func open(_ opening: StageOpening, _ effects: inout [Effect]) {
        let stage = Stage(index: stages.count, opening: opening, after: stages, of: plan, at: now)
        stages.append(stage)
        tell(.stageOpened(stage: stage.index, from: opening.origin), &effects)
        if !stage.windows.isEmpty { tell(.narrowed(stage: stage.index, to: stage.windows), &effects) }
        for (assignment, reason) in opening.skipped {
            tell(.skipped(stage: stage.index, assignment: assignment, because: reason), &effects)
        }
        for given in opening.given {
            let trial = add(PlannedTrial(given.assignment, given.reason), &effects)
            stages[stage.index].trials[trial.id.number].progress.measured = given.measured
            close(trial.id, .completed(given.loss), &effects)
        }
    }

    /// True where there may be something new to start: the open stage's trials have more to do, or the stage
    /// was closed and another opened.
    mutating func goOnAtRest(_ effects: inout [Effect]) -> Bool {
        let index = stages.count - 1
        guard !wantsTrial, stages[index].isAtRest else { return false }
        if stages[index].segment != nil {
            judgePilot(of: index, &effects)
            return true
        }
        if confirm(index, &effects) { return true }
        if finishOne(of: index, &effects) { return true }
        for trial in stages[index].pausedTrials {
            let reason = trial.standing.map { PruneReason.outranked($0) }
            close(trial.id, .pruned(reason!), &effects)
        }
        close(index, &effects)
        switch plan.method.next(after: stages, original: plan.space) {
        case .stage(let opening):
            open(opening, &effects)
            return true
        case .end(let ending):
            finish(ending, &effects)
            return false
        }
    }

    /// Has the trial that came furthest go on to the end where none would complete: so few trials may come to the
    /// last rung that nobody is to pass it.
    private mutating func finishOne(of index: Int, _ effects: inout [Effect]) -> Bool {
        let furthest = stages[index].pausedTrials.min { a, b in
            (-a.progress.step, a.progress.latest!, a.id) < (-b.progress.step, b.progress.latest!, b.id)
        }
        guard stages[index].ranking.isEmpty, let furthest else { return false }
        stages[index].trials[furthest.id.number].rung = nil
        stages[index].forget(furthest.id.number)
        tell(.finishing(trial: furthest.id), &effects)
        resume(furthest.id, &effects)
        return true
    }

    /// The pilot's trials have come to the end of a segment.
    private mutating func judgePilot(of index: Int, _ effects: inout [Effect]) {
        guard let pilot = plan.method.pilot, let reached = stages[index].segment else { return }
        let trials = stages[index].pausedTrials
        let curves = trials.map { trial in
            trial.progress.curve.points.map { point in
                Curve.Point(
                    step: plan.method.fidelity.units(point.step, of: trial.assignment), loss: point.loss)
            }
        }
        let verdict = trials.isEmpty ? nil : pilot.verdict(after: reached, curves: curves)
        if let verdict { stages[index].pilot.append(verdict.findings) }
        switch verdict {
        case .goOn(let next, let findings)?:
            stages[index].segment = next
            tell(.pilotJudged(stage: index, findings, next: next), &effects)
        case .settled(let findings)?, .unsettled(let findings)?:
            endPilot(of: index, at: reached)
            tell(.pilotJudged(stage: index, findings, next: nil), &effects)
        case nil: endPilot(of: index, at: reached)
        }
        for trial in trials { resume(trial.id, &effects) }
    }

    private mutating func endPilot(of index: Int, at steps: Int) {
        stages[index].segment = nil
        stages[index].steps = steps
        stages[index].planned = max(stages[index].trials.count, plan.method.trialsPerStage)
    }

    /// Plans repeats of the stage's best; false where there are none to make, or they are made.
    private mutating func confirm(_ index: Int, _ effects: inout [Effect]) -> Bool {
        let stage = stages[index]
        guard plan.method.confirm > 0, !trialBudgetIsSpent, stage.ranking.count > 1,
            !stage.trials.contains(where: { $0.repeats != nil })
        else { return false }
        let best = stage.ranking.prefix(plan.method.confirm)
        for trial in best { stages[index].plan(repeatOf: trial) }
        tell(.confirming(stage: index, trials: best.map(\.id)), &effects)
        return true
    }

    /// Closes a stage, with its best where a trial completed.
    mutating func close(_ index: Int, _ effects: inout [Effect]) {
        stages[index].closedAt = now
        stages[index].choice = plan.method.choice(in: stages[index])
        stages[index].optima = plan.method.optima(of: stages[index])
        let stage = stages[index]
        let failed = stage.trials.count(where: \.hasFailed)
        guard let choice = stage.choice, let best = trial(choice.trial),
            let loss = best.progress.latest ?? best.result
        else {
            if index > 0 { tell(.fellBack(stage: index, failed: failed), &effects) }
            return
        }
        tell(
            .stageClosed(
                stage: index, best: choice.trial, because: choice.reason, loss: loss,
                completed: stage.ranking.count, pruned: stage.trials.count(where: \.wasPruned),
                failed: failed), &effects)
        dropCheckpoints(of: index, &effects)
        if let keep = keepEffect(of: index) { effects.append(keep) }
    }

    /// Puts the best checkpoint of a closed stage among the results; nil where that is done, or where the
    /// trainer made none.
    func keepEffect(of index: Int) -> Effect? {
        guard let best = stages[index].best.flatMap(trial), !stages[index].isKept, best.id.stage == index,
            let checkpoint = result(of: best),
            let node = holders(of: checkpoint).first ?? node(of: checkpoint)
        else { return nil }
        return .keep(checkpoint: checkpoint, node: node, stage: index)
    }
}

extension Engine {
    /// The checkpoint that stands for a stage's best among the results: what the next stage goes on from; of the
    /// last stage the newest, after the cooldown.
    func result(of best: Trial) -> Checkpoint? {
        best.id.stage + 1 < plan.method.stageCount
            ? stages[best.id.stage].handover(of: best, plan.method.fidelity) : best.checkpoint
    }
}

extension Stage {
    /// The state of a trial that the next stage goes on from.
    func handover(of trial: Trial, _ fidelity: Fidelity) -> Checkpoint? {
        trial.handover(at: fidelity.steps(steps, of: trial.assignment))
    }
}

extension Engine {
    /// Optimiser steps behind a stage: those of the chain of trials that it goes on from.
    public func steps(before stage: Int) -> Int { stages.steps(before: stage) }

    /// Optimiser steps behind a training state: those of the chain of trials that led to it.
    public func steps(behind origin: Checkpoint?) -> Int {
        guard let origin else { return 0 }
        return steps(behind: trial(origin.run.trial)?.origin) + origin.step
    }

    /// The chain of trials that led to this one, which is the last.
    public func lineage(of id: TrialID) -> [Trial] {
        guard let trial = trial(id) else { return [] }
        return (trial.origin.map { lineage(of: $0.run.trial) } ?? []) + [trial]
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
