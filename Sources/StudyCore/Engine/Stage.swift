public import FleetModel
public import Search

/// One round of a study: trials over one space from one training state. A plain search has one stage.
public struct Stage: Hashable, Codable, Sendable {
    public let index: Int
    /// The training state that its trials start from; nil: a new model.
    public let origin: Checkpoint?
    public let openedAt: Timestamp
    /// By number. They are added by `add` and change their state by `set`, which keep what follows true.
    public internal(set) var trials: [Trial] = []
    /// What a sampler may learn from, by number.
    package private(set) var history: History
    /// Numbers of the trials that wait for a lease, lowest first.
    private(set) var queued: [Int] = []
    /// How many trials have not ended.
    private(set) var unended = 0
    /// Numbers of the completed trials, best first.
    private(set) var ranked: [Int] = []
    /// How many trials it is to have, as far as is known.
    package var planned: Int
    /// Steps of each trial before a cooldown, in units of the method's fidelity; while the pilot is on, the
    /// most that it may choose.
    public internal(set) var steps: Int
    /// While the pilot is on, the units that its trials are to come to before they are looked at.
    public internal(set) var segment: Int?
    /// What its trials are judged by.
    public let score: StageScore
    /// Where its space is narrower than the study's, and why there. Empty where it does not follow the losses.
    public let windows: [Window]
    /// By parameter: where its good trials lie, once it is closed. Empty where its method asks for none.
    public internal(set) var optima: [String: SmoothedOptimum] = [:]
    /// The trial that the next stage goes on from, and why; nil while the stage is open, and where no trial
    /// completed.
    public internal(set) var choice: Choice?
    /// While the last trials run, what the next stage would go on from as it stands.
    public internal(set) var leader: TrialID?
    /// What the pilot found at the end of each segment, where there was one.
    public internal(set) var pilot: [PilotFindings] = []
    /// The best checkpoint stands among the study's results.
    public internal(set) var isKept = false
    public internal(set) var closedAt: Timestamp?
    /// Assignments that come before the sampler's.
    private var enqueued: [PlannedTrial]
    /// How many of the best trials may be chosen in the end, so that they keep their checkpoints.
    let candidates: Int
    /// How many trials came with their results.
    let given: Int
    /// The study's, with what it remembers of this stage's history.
    private var sampler: SamplerKind
    private let rules: Plan.Rules?
    private var pruner: PrunerKind
    /// What proposes the pilot's trials, and those that the sampler would draw at random to begin with.
    private let spread: SobolSampler
    private let spreadsStartup: Bool
    /// How many trials wait to be told to go on.
    private var paused = 0

    init(
        index: Int, opening: StageOpening, after earlier: [Stage], of plan: Plan, at now: Timestamp
    ) {
        self.index = index
        history = History(
            opening.space, rungs: plan.pruner.rungs,
            earlier: earlier.reversed().map { EarlierStage($0.history.trials) })
        origin = opening.origin
        enqueued = opening.planned
        given = opening.given.count
        candidates = max(plan.method.candidates, plan.repeats > 1 ? 2 * plan.repeats : 1)
        windows = opening.windows
        steps = opening.steps ?? plan.method.steps
        let done = earlier.count { $0.best != nil }
        score = plan.method.score.rule(before: max(0, plan.method.stageCount - 1 - done))
        spreadsStartup = plan.method.spreadsStartup && earlier.isEmpty
        planned = opening.given.count + (opening.count ?? plan.method.trialsPerStage)
        if opening.steps == nil, let pilot = plan.method.pilot {
            segment = pilot.fewest
            planned = min(planned, pilot.trials)
        }
        openedAt = now
        sampler = plan.sampler
        rules = plan.rules
        pruner = plan.pruner
        spread = SobolSampler(seed: plan.seed)
    }

    /// The best trial, once the stage is closed.
    // Inlined, it has Swift 6.3 optimise its callers into a fault of its own ("Found outside of lifetime use").
    @inline(never) public var best: TrialID? { choice?.trial }

    /// All its trials have ended or wait to be told to go on.
    var isAtRest: Bool { unended == paused }

    /// Trials that wait to be told to go on.
    var pausedTrials: [Trial] { trials.filter { $0.state == .paused } }

    public var space: Space { history.space }

    /// Completed trials, best first; equal losses in order of number.
    public var ranking: [Trial] { ranked.map { trials[$0] } }

    /// The best trial, or while the stage is open the first of the ranking.
    public var leading: Trial? { bestTrial ?? ranking.first }

    /// Takes a trial that has just completed into the ranking; answers its position from 0.
    mutating func rank(_ number: Int) -> Int {
        let place = (trials[number].violation, trials[number].result!, number)
        var (low, high) = (0, ranked.count)
        while low < high {
            let middle = (low + high) / 2
            let other = trials[ranked[middle]]
            let isBefore = (other.violation, other.result!, other.id.number) < place
            if isBefore { low = middle + 1 } else { high = middle }
        }
        ranked.insert(number, at: low)
        return low
    }

    /// What the next trial starts from.
    var nextOrigin: Checkpoint? { enqueued.first.map(\.origin) ?? origin }

    /// What to try next; nil where the sampler is exhausted.
    mutating func propose(using random: inout SeededGenerator) -> PlannedTrial? {
        if !enqueued.isEmpty { return enqueued.removeFirst() }
        return drawn(using: &random).map { PlannedTrial($0.assignment, $0.reason, from: origin) }
    }

    private mutating func drawn(using random: inout SeededGenerator) -> Proposal? {
        if segment == nil {
            let proposal = sampler.propose(
                from: history, repeatsRunning: rules == nil, using: &random)
            guard spreadsStartup, case .startup? = proposal?.reason.core else { return proposal }
        }
        var spread = SamplerKind.sobol(spread)
        return spread.propose(from: history, repeatsRunning: rules == nil, using: &random)
    }

    /// Plans one more trial, before what the sampler would propose.
    mutating func plan(_ trial: PlannedTrial) {
        enqueued.append(trial)
        planned += 1
    }

    /// Plans the `time`th repeat of a trial, with another seed.
    mutating func plan(repeatOf trial: Trial, time: Int = 1) {
        plan(
            PlannedTrial(
                space.searched(trial.assignment), .repeated(number: trial.id.number, time: time),
                from: trial.origin))
    }

    /// Forgets planned trials that are not wanted any more.
    mutating func drop(where isUnwanted: (PlannedTrial) -> Bool) {
        let before = enqueued.count
        enqueued.removeAll(where: isUnwanted)
        planned -= before - enqueued.count
    }

    /// Whether a running trial goes on after this report, which the sampler learns of where it ends a rung.
    /// While the pilot is on, every trial does.
    mutating func judge(_ number: Int, step: Int, losses: [Loss]) -> Verdict {
        history.report(losses[0], step: step, of: number)
        return segment != nil || pruner.pauses
            ? .go : pruner.judge(trials[number].id, step: step, losses: losses)
    }

    /// A trial has come to the end of its rung; answers where it stands there. nil where it goes on at once.
    mutating func arrive(_ number: Int, step: Int, loss: Loss) -> Standing? {
        guard case .pause(let standing) = pruner.judge(trials[number].id, step: step, loss: loss) else {
            return nil
        }
        return standing
    }

    /// Its trials wait at rungs without a place.
    var pauses: Bool { pruner.pauses && segment == nil }

    /// A trial that waits at a rung and is to go on, now that there is room.
    mutating func resume() -> Resumption? { pruner.resume() }

    /// A trial waits at a rung that may go on, or must, because none would complete.
    var canResume: Bool {
        guard pauses, paused > 0 else { return false }
        var pruner = pruner
        return ranked.isEmpty || pruner.resume() != nil
    }

    /// The trial no longer waits at a rung, and never will again.
    mutating func forget(_ number: Int) {
        pruner.ended(TrialID(stage: index, number: number))
    }

    /// Where the trial stops next; nil: at the stage's end.
    func nextRung(of number: Int) -> Int? {
        guard pruner.pauses, let next = pruner.nextDecision(of: TrialID(stage: index, number: number)),
            next < steps
        else { return nil }
        return next
    }

    /// Takes a new trial, which is queued.
    mutating func add(_ trial: Trial) {
        trials.append(trial)
        trials[trial.id.number].rung = nextRung(of: trial.id.number)
        let known = history.add(space.searched(trial.assignment), trial.observed)
        pruner.begin(trial.id, at: history.coordinates(of: known))
        queued.append(trial.id.number)
        unended += 1
    }

    /// Where the number stands among those that wait, or would.
    private func place(inQueue number: Int) -> Int {
        var (low, high) = (0, queued.count)
        while low < high {
            let middle = (low + high) / 2
            if queued[middle] < number { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Moves a trial on in its life.
    mutating func set(_ state: TrialState, of number: Int) {
        if trials[number].state == .queued { queued.remove(at: place(inQueue: number)) }
        if trials[number].state == .paused { paused -= 1 }
        trials[number].state = state
        history.set(trials[number].observed, violation: trials[number].violation, of: number)
        switch state {
        case .queued: queued.insert(number, at: place(inQueue: number))
        case .ended:
            unended -= 1
            forget(number)
        case .paused: paused += 1
        case .running, .stopping: break
        }
    }
}

extension Trial {
    fileprivate var observed: Observation.Result {
        switch state {
        case .queued, .running, .paused, .stopping: .running
        case .ended(.completed(let loss)): .complete([loss] + further)
        case .ended(.failed), .ended(.cancelled): .failed
        case .ended(.pruned):
            progress.latest.map { .pruned(step: progress.latestStep, $0) } ?? .failed
        }
    }
}
