import FleetModel
import Search

/// What runs say, and what becomes of their trials.
extension Engine {
    /// Moves the run's offset. False where what the run says no longer counts (its trial was pruned).
    @discardableResult
    mutating func heard(_ run: RunID, _ end: Int) throws(RefusedEvent) -> Bool {
        try check(run, end)
        stages[run.trial.stage].trials[run.trial.number].runs[run.attempt].offset = end
        switch stages[run.trial.stage].trials[run.trial.number].state {
        case .running, .stopping(.paused): return true
        case .queued, .paused, .stopping(.pruned), .stopping(.givenUp), .ended: return false
        }
    }

    /// The run is its trial's current one, and `end` is past what was applied.
    private func check(_ run: RunID, _ end: Int) throws(RefusedEvent) {
        guard let trial = trial(run.trial), trial.runs.indices.contains(run.attempt) else {
            throw .unknown(what: "run \(run)")
        }
        guard end > trial.runs[run.attempt].offset else { throw .alreadyApplied(run: run, end: end) }
        guard run.attempt == trial.runs.count - 1, trial.runs[run.attempt].until == nil else {
            throw .notCurrent(run: run)
        }
    }

    mutating func heard(
        _ report: Report, of run: RunID, _ end: Int, _ effects: inout [Effect]
    ) throws(RefusedEvent) {
        guard try heard(run, end) else { return }
        let (stage, number) = (run.trial.stage, run.trial.number)
        // A run that resumed from a checkpoint repeats the steps after it: they are known.
        guard report.step > stages[stage].trials[number].progress.step else { return }
        guard
            let loss = stages[stage].trials[number].progress.take(
                report, of: run.attempt, objective: plan.objective, measuring: plan.measured)
        else { return }
        let units = plan.method.fidelity.units(report.step, of: stages[stage].trials[number].assignment)
        guard let losses = losses(of: run.trial, first: loss) else { return }
        switch stages[stage].judge(number, step: units, losses: losses) {
        case .go: break
        case .pass(let standing): tell(.promoted(trial: run.trial, because: standing), &effects)
        case .stop(let reason):
            tell(.pruned(trial: run.trial, because: reason), &effects)
            stop(run, because: .pruned(reason), &effects)
        case .pause, .exploit: preconditionFailure("a study's pruner stops trials and does nothing else")
        }
    }

    mutating func heard(
        _ checkpoint: Checkpoint, _ end: Int, _ effects: inout [Effect]
    ) throws(RefusedEvent) {
        let run = checkpoint.run
        try heard(run, end)
        let (stage, number) = (run.trial.stage, run.trial.number)
        let handover = course(of: stages[stage].trials[number]).training
        let older = stages[stage].trials[number].progress.checkpoints.filter {
            $0.step != handover || checkpoint.step <= handover
        }
        stages[stage].trials[number].progress.checkpoints.append(checkpoint)
        remove(older, of: run.trial, &effects)
    }

    /// Tells the trial's last run to stop.
    mutating func stop(_ run: RunID, because reason: StopReason, _ effects: inout [Effect]) {
        stages[run.trial.stage].set(.stopping(because: reason), of: run.trial.number)
        let nodes = stages[run.trial.stage].trials[run.trial.number].runs[run.attempt].lease.parts.map(\.node)
        effects.append(.stop(run: run, nodes: nodes, because: reason))
    }

    mutating func ended(
        _ run: RunID, _ end: Int, _ ending: RunEnding, _ effects: inout [Effect]
    ) throws(RefusedEvent) {
        try heard(run, end)
        release(run)
        switch (trial(run.trial)!.state, ending) {
        case (.stopping(.pruned(let reason)), _): close(run.trial, .pruned(reason), &effects)
        case (.stopping(.paused), .failed(let failure)) where !failure.isInfrastructure:
            close(run.trial, .failed(.run(failure)), &effects)
        case (_, .completed): arrived(run.trial, &effects)
        case (.stopping(.paused), _): goOnLater(run.trial, &effects)
        case (_, .failed(let failure)) where !failure.isInfrastructure:
            close(run.trial, .failed(.run(failure)), &effects)
        case (_, .failed(let failure)): retry(run, failure, &effects)
        case (_, .stopped): retry(run, RunFailure(.node(reason: "stopped by somebody else")), &effects)
        }
    }

    /// By objective, the first one as it was just reported; nil where another was never measured so far.
    private func losses(of id: TrialID, first: Loss) -> [Loss]? {
        let further = furtherLosses(of: id)
        return further.count == plan.further.count ? [first] + further : nil
    }

    /// By the objectives beside the first one, as far as they were measured.
    private func furtherLosses(of id: TrialID) -> [Loss] {
        guard !plan.further.isEmpty else { return [] }
        let measured = trial(id)!.progress.measured
        return plan.further.compactMap { objective in
            measured[objective.metric].flatMap { Loss($0, objective.direction) }
        }
    }

    private func completion(of id: TrialID) -> TrialEnding {
        let progress = trial(id)!.progress
        guard let loss = progress.latest else {
            return .failed(.noObjective(metric: plan.objective.metric, reported: progress.metrics))
        }
        if let missing = plan.measured.first(where: { progress.measured[$0] == nil }) {
            return .failed(.noObjective(metric: missing, reported: progress.metrics))
        }
        return .completed(forecast(of: id) ?? loss)
    }

    /// Where the trial's curve is forecast to go, where that is its score and can be told.
    private func forecast(of id: TrialID) -> Loss? {
        guard let trial = trial(id) else { return nil }
        return plan.method.score(of: trial, in: stages[id.stage]).forecast(
            of: trial.progress.curve.points, steps: course(of: trial).training,
            behind: steps(behind: trial.origin))
    }

    /// The trial's run did all that it was to do: the trial is complete, or of a pilot.
    private mutating func arrived(_ id: TrialID, _ effects: inout [Effect]) {
        let trial = trial(id)!
        guard let loss = trial.progress.latest else { return close(id, completion(of: id), &effects) }
        if stages[id.stage].segment != nil { return stages[id.stage].set(.paused, of: id.number) }
        guard let rung = trial.rung else { return close(id, completion(of: id), &effects) }
        guard let standing = stages[id.stage].arrive(id.number, step: rung, loss: loss) else {
            stages[id.stage].trials[id.number].rung = nil
            return goOnLater(id, &effects)
        }
        stages[id.stage].trials[id.number].standing = standing
        stages[id.stage].set(.paused, of: id.number)
        tell(.waiting(trial: id, because: standing), &effects)
    }

    /// A paused trial whose number of steps is known now: there may be some left to do.
    mutating func resume(_ id: TrialID, _ effects: inout [Effect]) {
        goOnLater(id, &effects)
    }

    /// The node did not start the run: it is busy, or its disk is full. That says nothing about the trial,
    /// so no retry is spent: it waits until the node offers its slots again.
    mutating func refused(
        _ run: RunID, _ reason: String, _ effects: inout [Effect]
    ) throws(RefusedEvent) {
        try checkNotBegun(run)
        release(run)
        withdraw(run, &effects)
        block(trial(run.trial)!.runs[run.attempt].lease, because: reason)
        goOnLater(run.trial, &effects)
        // A node that goes on refusing is asked again and again; people are told once.
        let decision = Decision.refused(trial: run.trial, because: reason)
        if !recentDecisions.contains(where: { $0.decision == decision }) { tell(decision, &effects) }
    }

    mutating func missing(_ run: RunID, _ effects: inout [Effect]) throws(RefusedEvent) {
        guard leasing.contains(run) else { throw .notCurrent(run: run) }
        release(run)
        withdraw(run, &effects)
        interrupted(run, RunFailure(.vanished), &effects)
    }

    /// What is left of a gang that was given up does not go on holding its slots.
    mutating func withdraw(_ run: RunID, _ effects: inout [Effect]) {
        let nodes = trial(run.trial)!.runs[run.attempt].lease.parts.map(\.node)
        if nodes.count > 1 { effects.append(.stop(run: run, nodes: nodes, because: .givenUp)) }
    }

    /// A run is gone by no fault of its trial.
    mutating func interrupted(_ run: RunID, _ failure: RunFailure, _ effects: inout [Effect]) {
        switch trial(run.trial)!.state {
        case .stopping(.pruned(let reason)): close(run.trial, .pruned(reason), &effects)
        case .stopping(.paused): goOnLater(run.trial, &effects)
        case .queued, .running, .paused, .stopping(.givenUp), .ended: retry(run, failure, &effects)
        }
    }

    private func checkNotBegun(_ run: RunID) throws(RefusedEvent) {
        guard leasing.contains(run), let known = trial(run.trial)?.runs.last else {
            throw .notCurrent(run: run)
        }
        guard known.offset == 0 else { throw .unknown(what: "refusal of \(run), which has begun") }
    }

    private mutating func retry(_ run: RunID, _ failure: RunFailure, _ effects: inout [Effect]) {
        let (stage, number) = (run.trial.stage, run.trial.number)
        guard !isTrained(run.trial) else { return goOnLater(run.trial, &effects) }
        stages[stage].trials[number].faults += 1
        let trial = stages[stage].trials[number]
        guard trial.faults <= plan.resources.retries else {
            let ending = TrialEnding.failed(.infrastructure(faults: trial.faults, last: failure))
            return close(run.trial, ending, &effects)
        }
        goOnLater(run.trial, &effects)
        let from = trial.progress.checkpoints.last(where: isReachable)
        tell(.retried(run: run, because: failure, from: from), &effects)
    }

    /// The trial waits for another run, unless there is nothing left to train: a run that was gone between
    /// its last checkpoint and its last word has completed its trial.
    private mutating func goOnLater(_ id: TrialID, _ effects: inout [Effect]) {
        if isTrained(id) { return arrived(id, &effects) }
        stages[id.stage].set(.queued, of: id.number)
    }

    /// Its state after the last step is saved.
    private func isTrained(_ id: TrialID) -> Bool {
        let trial = trial(id)!
        return trial.checkpoint.map { $0.step >= course(of: trial).steps } ?? false
    }

    /// Ends a trial for good.
    mutating func close(_ id: TrialID, _ ending: TrialEnding, _ effects: inout [Effect]) {
        if case .completed = ending { weigh(id) }
        stages[id.stage].set(.ended(ending), of: id.number)
        stages[id.stage].trials[id.number].endedAt = now
        stages[id.stage].trials[id.number].progress.curve.end()
        switch ending {
        case .completed(let loss):
            let position = stages[id.stage].rank(id.number) + 1
            let count = stages[id.stage].ranked.count
            let last = stages[id.stage].trials[id.number].progress.latest ?? loss
            tell(.completed(trial: id, loss: loss, last: last, position: position, of: count), &effects)
        case .failed(let failure): tell(.failed(trial: id, because: failure), &effects)
        case .pruned, .cancelled: break
        }
        effects.append(.record(trial: id))
        dropCheckpoints(after: id, &effects)
        if case .completed = ending { planRepeats(of: id, &effects) }
        findLeader(of: id.stage)
    }

    /// Takes down what a trial that completes is worth beside its loss.
    private mutating func weigh(_ id: TrialID) {
        let measured = trial(id)!.progress.measured
        stages[id.stage].trials[id.number].violation = plan.bounds.violation(in: measured) ?? 0
        stages[id.stage].trials[id.number].further = furtherLosses(of: id)
    }

    /// A trial has completed for the first time: it is run again with other seeds, unless it loses clearly.
    private mutating func planRepeats(of id: TrialID, _ effects: inout [Effect]) {
        let trial = trial(id)!
        guard plan.repeats > 1, trial.repeats == nil, !trial.runs.isEmpty, phase == .open else { return }
        if plan.method.prunesRepeats, let lost = stages[id.stage].clearLoss(of: id.number) {
            return tell(
                .notRepeated(trial: id, difference: lost.difference, noise: lost.noise), &effects)
        }
        for time in 1..<plan.repeats { stages[id.stage].plan(repeatOf: trial, time: time) }
    }

    /// Gives the run's lease back.
    mutating func release(_ run: RunID) {
        let (stage, number) = (run.trial.stage, run.trial.number)
        stages[stage].trials[number].runs[run.attempt].until = now
        let lease = stages[stage].trials[number].runs[run.attempt].lease
        spending.end(lease.width, at: elapsed)
        leasing.remove(run)
        for part in lease.parts { nodes.giveBack(part) }
    }
}
