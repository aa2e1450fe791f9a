import FleetModel
import Search

/// What can be started now, and what is finished.
extension Engine {
    mutating func begin(_ effects: inout [Effect]) throws(RefusedEvent) {
        switch phase {
        case .new:
            startedAt = now
            guard let opening = firstOpening else { return finish(.completed, &effects) }
            open(opening, &effects)
        case .pausing, .ended(.stopped): break
        case .open, .draining, .ended: throw .noChange
        }
        phase = .open
        // What was to be tried again while nobody was there to be woken is asked for once more.
        effects += alarms.map { .wake(at: $0) }
    }

    mutating func pause(_ effects: inout [Effect]) throws(RefusedEvent) {
        guard phase == .open else { throw .noChange }
        phase = .pausing
        tell(.pausing(running: leasing.count), &effects)
        for run in leasing where trial(run.trial)!.state == .running {
            stop(run, because: .paused, &effects)
        }
    }

    /// Closes what is finished, then starts whatever there is room for.
    mutating func advance(_ effects: inout [Effect]) {
        waiting = nil
        checkBudget(&effects)
        while phase == .open {
            waiting = nil
            addFollowers(&effects)
            if launchNext(&effects) { continue }
            guard goOnAtRest(&effects) else {
                bringCheckpoints(&effects)
                return bringAhead(&effects)
            }
            dropCopies(&effects)
            checkBudget(&effects)
        }
        guard leasing.isEmpty else { return }
        switch phase {
        case .pausing: finish(.stopped, &effects)
        case .draining(let spent): drained(spent, &effects)
        case .new, .open, .ended: break
        }
    }

    mutating func finish(_ ending: StudyEnding, _ effects: inout [Effect]) {
        phase = .ended(ending)
        effects.append(.finish(ending))
    }

    /// Starts one run, of a trial that waits or of a new one. False where nothing can be started now.
    private mutating func launchNext(_ effects: inout [Effect]) -> Bool {
        guard leasing.count < plan.resources.parallel ?? .max else { return false }
        let open = stages.count - 1
        // The trials that wait come first, in order. Where one has to wait for its own node, another may go.
        for number in stages[open].queued {
            let trial = stages[open].trials[number]
            let start = start(of: trial)
            guard let lease = room(for: start) else {
                if nodes.areFull(for: plan.resources) { return false }
                continue
            }
            launch(trial, start, on: lease, &effects)
            return true
        }
        if goOnFromRung(&effects) { return true }
        let start = stages[open].nextOrigin.map { RunStart.warm($0) } ?? .fresh
        guard wantsTrial, let lease = room(for: start), let trial = propose(&effects) else { return false }
        launch(trial, start, on: lease, &effects)
        return true
    }

    /// Has a trial go on that waits at a rung, where there is room for any.
    private mutating func goOnFromRung(_ effects: inout [Effect]) -> Bool {
        let open = stages.count - 1
        guard stages[open].pauses, !nodes.areFull(for: plan.resources),
            let resumption = stages[open].resume()
        else { return false }
        let number = resumption.trial.number
        stages[open].trials[number].rung = stages[open].nextRung(of: number)
        tell(.promoted(trial: resumption.trial, because: resumption.standing), &effects)
        resume(resumption.trial, &effects)
        return true
    }

    /// Adds the trials that follow from what the open stage has shown.
    private mutating func addFollowers(_ effects: inout [Effect]) {
        let open = stages.count - 1
        let followers = plan.method.followers(in: stages[open], of: plan.space, using: &random)
        for planned in followers where !trialBudgetIsSpent {
            stages[open].planned += 1
            add(planned, &effects)
        }
    }

    /// A lease for a trial of the open stage; nil, with the reason in `waiting`, where there is no room.
    private mutating func room(for start: RunStart) -> Lease? {
        if let checkpoint = start.checkpoint, !isReachable(checkpoint), let writer = node(of: checkpoint) {
            waiting = waiting ?? .nodeGone(writer)
            return nil
        }
        let need = Need(
            slots: plan.resources.gpus, perNode: plan.resources.gpusPerNode,
            homes: start.checkpoint.map(holders(of:)))
        switch nodes.place(need) {
        case .success(let lease): return lease
        case .failure(let wait):
            waiting = waiting ?? wait.reason
            return nil
        }
    }

    /// The open stage is to have another trial.
    var wantsTrial: Bool {
        let index = stages.count - 1
        return stages[index].trials.count < stages[index].planned && !trialBudgetIsSpent
    }

    /// A new trial; nil where the sampler is exhausted.
    private mutating func propose(_ effects: inout [Effect]) -> Trial? {
        let index = stages.count - 1
        guard let planned = stages[index].propose(using: &random) else {
            let (count, planned) = (stages[index].trials.count, stages[index].planned)
            if plan.rules != nil { tell(.exhausted(stage: index, trials: count, of: planned), &effects) }
            stages[index].planned = count
            return nil
        }
        return add(planned, &effects)
    }

    /// Makes a trial of the open stage, which waits for a lease.
    @discardableResult
    mutating func add(_ planned: PlannedTrial, _ effects: inout [Effect]) -> Trial {
        let index = stages.count - 1
        let id = TrialID(stage: index, number: stages[index].trials.count)
        let assignment = stages[index].space.completed(planned.assignment)
        let trial = Trial(
            id: id, assignment: assignment, reason: planned.reason, origin: planned.origin, proposedAt: now)
        stages[index].add(trial)
        tell(.proposed(trial: id, assignment: assignment, because: planned.reason), &effects)
        return stages[index].trials[id.number]
    }

    private mutating func launch(
        _ trial: Trial, _ start: RunStart, on lease: Lease, _ effects: inout [Effect]
    ) {
        let id = trial.id
        let run = Run(
            id: RunID(trial: id, attempt: trial.runs.count), lease: lease, start: start, since: now)
        stages[id.stage].trials[id.number].runs.append(run)
        stages[id.stage].set(.running, of: id.number)
        leasing.append(run.id)
        spending.begin(lease.width, at: elapsed)
        for part in lease.parts { nodes.lease(part, to: run.id) }
        effects.append(.launch(order(for: run)))
    }

    /// The order that starts this run.
    func order(for run: Run) -> RunOrder {
        let id = run.id.trial
        let trial = stages[id.stage].trials[id.number]
        let course = course(of: trial)
        return RunOrder(
            run: run.id, lease: run.lease, assignment: trial.assignment, start: run.start,
            steps: course.steps, cooldown: course.cooldown, seed: seed(of: trial))
    }

    /// What a trial's run is to come to, in its own steps.
    public func course(of trial: Trial) -> Course {
        let stage = stages[trial.id.stage]
        let stop = stage.segment ?? trial.rung
        let training = plan.method.fidelity.steps(stop ?? stage.steps, of: trial.assignment)
        let score = plan.method.score(of: trial, in: stage)
        let cooldown = stop == nil ? score.cooldown(after: training) : 0
        return Course(training: training, cooldown: cooldown)
    }

    /// One for all trials of a round (mostly a stage), and one for each round of repeats.
    private func seed(of trial: Trial) -> UInt64 {
        var seeds = SeededGenerator(seed: plan.seed, stream: UInt64(plan.method.round(of: trial)))
        var seed = seeds.next()
        if case .repeated(_, let time) = trial.reason {
            for _ in 0..<time { seed = seeds.next() }
        }
        return seed
    }
}

/// Steps of a trial's run.
public struct Course: Hashable, Sendable {
    /// Before the cooldown.
    public let training: Int
    /// May be 0.
    public let cooldown: Int

    public var steps: Int { training + cooldown }
}
