import FleetModel
import Search
import StudyCore

/// One optimisation that a client drives: what each request is answered with, and what it changes. A value
/// without clock, files or randomness of its own: the same setup and requests give the same replies.
struct AskTellStudy {
    let setup: AskTellSetup
    /// By number.
    private(set) var trials: [Trial] = []
    private var history: History
    private var sampler: SamplerKind
    private var pruner: PrunerKind
    private var queue = EnqueuedPoints()
    private var best = BestTrials()
    private(set) var finished = 0
    /// What happened since they were last taken, in order: enough to make this study again.
    private(set) var changes: [Change] = []
    /// How often parameters were moved after an exploit.
    private var explorations: UInt64 = 0

    /// A trial as its client knows it.
    struct Trial {
        enum State {
            case running
            /// Its checkpoint is kept.
            case paused
            case complete
            case pruned
            case failed
        }

        var params: Assignment
        var state: State
        var last: LastReport?
        /// Its place in the history.
        var index: Int
    }

    struct LastReport {
        var step: Int
        var loss: Loss
    }

    init(_ setup: AskTellSetup) {
        self.setup = setup
        history = History(setup.space, rungs: setup.rungs)
        sampler = setup.sampler.value
        pruner = setup.pruner.value
    }

    /// - Throws: why the request was refused; then nothing has changed.
    mutating func answer(_ request: Request) throws(Refusal) -> Reply {
        switch request {
        case .hello: return hello
        case .best: return bestTrials
        case .ask(let count): return ask(count)
        case .tell(let trial, let outcome):
            try tell(trial, outcome)
            return .ok
        case .report(let trial, let step): return .decision(try report(trial, step))
        case .add(let params, let outcome, let steps): return .added(trial: try add(params, outcome, steps))
        case .enqueue(let params):
            queue.append(try EnqueuedPoint(params, in: setup.space))
            changes.append(.enqueued(params))
            return .ok
        }
    }

    mutating func takeChanges() -> [Change] {
        defer { changes.removeAll(keepingCapacity: true) }
        return changes
    }

    var hello: Reply {
        .hello(
            sampler: setup.sampler.name, pruner: setup.pruner.name, seed: setup.seed, finished: finished,
            running: trials.indices.filter { trials[$0].state == .running })
    }

    var bestTrials: Reply { .best(best.sorted.map(finished)) }

    private func finished(_ trial: BestTrials.Member) -> Reply.Finished {
        Reply.Finished(
            trial: trial.number, values: zip(trial.losses, setup.objectives).map { $0.metric($1.direction) },
            params: trials[trial.number].params)
    }
}

// MARK: ask

extension AskTellStudy {
    private mutating func ask(_ count: Int) -> Reply {
        var given: [Reply.Given] = []
        while given.count < min(count, setup.mostTrialsAtOnce), let next = nextTrial() { given.append(next) }
        guard given.isEmpty else { return .trials(given) }
        let mayPause = setup.pruner.pauses && trials.contains { $0.state == .running }
        return mayPause ? .wait : .done
    }

    /// An enqueued one, one that is taken up again, or a new one.
    private mutating func nextTrial() -> Reply.Given? {
        var generator = SeededGenerator(seed: setup.seed, stream: UInt64(trials.count))
        if queue.first == nil, let resumption = resumption() { return resumption }
        if let point = queue.first {
            let rest = point.isWhole ? nil : sampler.propose(from: history, using: &generator)
            let params = point.completed(with: rest?.assignment ?? [:], in: setup.space, using: &generator)
            return begin(params, isEnqueued: true)
        }
        guard let proposal = sampler.propose(from: history, using: &generator) else { return nil }
        return begin(proposal.assignment, isEnqueued: false)
    }

    private mutating func begin(_ params: Assignment, isEnqueued: Bool) -> Reply.Given {
        if isEnqueued { queue.removeFirst() }
        let number = append(params)
        changes.append(.began(params, isEnqueued: isEnqueued))
        return given(number)
    }

    private mutating func resumption() -> Reply.Given? {
        while let resumption = pruner.resume() {
            let number = resumption.trial.number
            guard trials[number].state == .paused else { continue }
            resume(number)
            return given(number, resume: resumption.step)
        }
        return nil
    }

    private mutating func resume(_ number: Int) {
        trials[number].state = .running
        changes.append(.resumed(number))
    }

    private func given(_ number: Int, resume: Int? = nil) -> Reply.Given {
        Reply.Given(
            trial: number, params: trials[number].params, resume: resume,
            until: pruner.nextDecision(of: id(of: number)))
    }

    private func id(of number: Int) -> TrialID { TrialID(stage: 0, number: number) }

    private mutating func append(_ params: Assignment) -> Int {
        let (number, index) = (trials.count, history.add(params))
        trials.append(Trial(params: params, state: .running, index: index))
        pruner.begin(id(of: number), at: history.coordinates(of: index))
        return number
    }
}

// MARK: report and tell

extension AskTellStudy {
    /// - Parameter recorded: what was decided when this was reported first.
    private mutating func report(
        _ number: Int, _ report: Request.Step, as recorded: Reply.Decision? = nil
    ) throws(Refusal) -> Reply.Decision {
        guard setup.objectives.count == 1 else {
            throw .badRequest("reports are for studies with one objective")
        }
        try check(number, is: .running)
        if let last = trials[number].last, report.step <= last.step {
            throw .badState("trial \(number): step \(report.step) after step \(last.step)")
        }
        let judged = judge(number, report)
        let decision = recorded ?? judged
        carryOut(decision, number, report)
        changes.append(.reported(number, report, decision))
        return decision
    }

    private mutating func judge(_ number: Int, _ report: Request.Step) -> Reply.Decision {
        // A loss that is no number gets no better.
        guard let loss = report.value.flatMap({ Loss($0, setup.direction) }) else { return .stop }
        note(loss, report.step, of: number)
        let verdict = pruner.judge(id(of: number), step: report.step, loss: loss)
        // At its end the client tells.
        if let end = setup.maxStep, report.step >= end { return .go }
        switch verdict {
        case .go, .pass: return .go
        case .stop: return .stop
        case .pause: return .pause
        case .exploit(let exploit):
            let (from, stream) = (exploit.from.number, UInt64.max - explorations)
            var generator = SeededGenerator(seed: setup.seed, stream: stream)
            let params = setup.space.explored(from: trials[from].params, using: &generator)
            return .exploit(from: from, step: exploit.step, params: params)
        }
    }

    private mutating func note(_ loss: Loss, _ step: Int, of number: Int) {
        trials[number].last = LastReport(step: step, loss: loss)
        history.report(loss, step: step, of: trials[number].index)
    }

    private mutating func carryOut(_ decision: Reply.Decision, _ number: Int, _ report: Request.Step) {
        switch decision {
        case .go: break
        case .stop: end(number, report.value == nil ? .failed : .pruned())
        case .pause: trials[number].state = .paused
        case .exploit(_, let step, let params):
            explorations += 1
            if let last = trials[number].last {
                // To a sampler it is another trial that begins.
                history.set(.pruned(step: last.step, last.loss), of: trials[number].index)
                // The checkpoint may be an earlier one than its own, and its steps are counted on from there.
                trials[number].last = LastReport(step: min(last.step, step), loss: last.loss)
            }
            trials[number].params = params
            trials[number].index = history.add(params)
        }
    }

    private mutating func tell(_ number: Int, _ outcome: Request.Outcome) throws(Refusal) {
        try check(number, is: .running, .paused)
        try check(outcome)
        end(number, outcome)
        changes.append(.told(number, outcome))
    }

    private func check(_ number: Int, is states: Trial.State...) throws(Refusal) {
        guard trials.indices.contains(number) else {
            throw Refusal(code: .unknownTrial, message: "there is no trial \(number)")
        }
        guard states.contains(trials[number].state) else {
            throw .badState("trial \(number) is \(trials[number].state)")
        }
    }

    private func check(_ outcome: Request.Outcome) throws(Refusal) {
        let expected = setup.objectives.count
        switch outcome {
        case .failed, .pruned([]): return
        case .values(let values), .pruned(let values):
            guard values.count == expected else {
                throw .badValue("found \(values.count) values, expected \(expected)")
            }
        }
    }

    private mutating func end(_ number: Int, _ outcome: Request.Outcome) {
        finished += 1
        pruner.ended(id(of: number))
        switch outcome {
        case .values(let values):
            let losses = zip(values, setup.objectives).compactMap { value, objective in
                value.flatMap { Loss($0, objective.direction) }
            }
            guard losses.count == values.count else { return end(number, .failed, .failed) }
            best.add(number, losses)
            end(number, .complete, .complete(losses))
        case .failed: end(number, .failed, .failed)
        case .pruned:
            // Without any report nothing is known of it.
            end(number, .pruned, trials[number].last.map { .pruned(step: $0.step, $0.loss) } ?? .failed)
        }
    }

    private mutating func end(_ number: Int, _ state: Trial.State, _ result: Observation.Result) {
        trials[number].state = state
        history.set(result, of: trials[number].index)
    }
}

// MARK: add

extension AskTellStudy {
    private mutating func add(
        _ params: Assignment, _ outcome: Request.Outcome, _ steps: [Request.Step]
    ) throws(Refusal) -> Int {
        let params = try setup.space.checked(params)
        try check(outcome)
        guard steps.isEmpty || setup.objectives.count == 1 else {
            throw .badRequest("steps are for studies with one objective")
        }
        let number = append(params)
        for step in steps { note(step, of: number) }
        if case .pruned(let values) = outcome, trials[number].last == nil, values.count == 1 {
            // It came from somewhere with a value: that is all there is to know of its course.
            note(Request.Step(step: 1, value: values[0]), of: number)
        }
        end(number, outcome)
        changes.append(.added(params, outcome, steps))
        return number
    }

    /// Lets history and pruner know of a step that was not decided here.
    private mutating func note(_ step: Request.Step, of number: Int) {
        guard let loss = step.value.flatMap({ Loss($0, setup.direction) }) else { return }
        note(loss, step.step, of: number)
        _ = pruner.judge(id(of: number), step: step.step, loss: loss)
    }
}

// MARK: going on

extension AskTellStudy {
    /// Makes `change` again, in the order in which they came, without asking the sampler.
    /// - Throws: where it does not fit what came before.
    mutating func redo(_ change: Change) throws(Refusal) {
        switch change {
        case .began(let params, let isEnqueued):
            _ = begin(try setup.space.checked(params), isEnqueued: isEnqueued && queue.first != nil)
        case .resumed(let number):
            try check(number, is: .paused)
            _ = pruner.resume()
            resume(number)
        case .reported(let number, let step, let decision): _ = try report(number, step, as: decision)
        case .told(let number, let outcome): try tell(number, outcome)
        case .added(let params, let outcome, let steps): _ = try add(params, outcome, steps)
        case .enqueued(let params): _ = try answer(.enqueue(params: params))
        }
        changes.removeAll(keepingCapacity: true)
    }
}
