import FleetModel
import StudyCore

/// The coordinator's loop, in the order of `coordinator/Loop/StudyLoop.swift`: take what has arrived, apply
/// it, write it, begin the effects.
extension SimulatedStudy {
    /// How long one turn takes, the transaction included. What arrives meanwhile waits for the next one.
    private static let turnSeconds = 0.005

    /// A process takes the study up, for the first time or again.
    mutating func begin() {
        coordinator.life += 1
        coordinator.isUp = true
        coordinator.inbox = []
        coordinator.isTurnPlanned = false
        coordinator.keepFailures = []
        coordinator.dies = nil
        tracer?.note(now, "coordinator starts")
        for effect in coordinator.engine.outstanding { begin(effect) }
        step([.happened(.started)])
    }

    /// Puts an item into the inbox.
    mutating func post(_ item: SimulatedCoordinator.Item) {
        guard coordinator.isUp else { return }
        coordinator.inbox.append(item)
        planTurn()
    }

    func isCurrent(_ life: Int) -> Bool { coordinator.isUp && life == coordinator.life }

    mutating func planTurn() {
        guard !coordinator.isTurnPlanned else { return }
        coordinator.isTurnPlanned = true
        heap.push(.turn(life: coordinator.life), at: max(now, coordinator.isBusyUntil))
    }

    mutating func turn(_ life: Int) {
        guard isCurrent(life) else { return }
        coordinator.isTurnPlanned = false
        statistics.turns += 1
        coordinator.isBusyUntil = now + Self.turnSeconds
        let items = coordinator.inbox
        coordinator.inbox.removeAll(keepingCapacity: true)
        step(items)
    }

    /// Applies, writes, begins: one transaction for all.
    private mutating func step(_ items: [SimulatedCoordinator.Item]) {
        let before = coordinator.dies == nil ? nil : coordinator.engine
        var entries: [Entry] = []
        coordinator.afterwards.removeAll(keepingCapacity: true)
        for item in items {
            for what in happenings(of: item) {
                if let entry = apply(what) { entries.append(entry) }
            }
        }
        if let death = coordinator.dies, let before {
            return die(death, entries, before)
        }
        write(entries)
        for answer in coordinator.afterwards { give(answer) }
        for entry in entries {
            for effect in entry.effects { begin(effect) }
        }
        endIfSettled()
    }

    private mutating func give(_ answer: SimulatedCoordinator.Answer) {
        switch answer {
        case .greet(let node): greet(node)
        case .stop(let run, let node): send(.stop(run, saves: false), to: node)
        case .remove(let checkpoints, let node): send(.remove(checkpoints), to: node)
        }
    }

    private mutating func apply(_ what: Happening) -> Entry? {
        let event = Event(at: Timestamp(seconds: Self.epoch + now - coordinator.clockBehind), what)
        do {
            let effects = try coordinator.applying(&coordinator.engine, event)
            statistics.events += 1
            tracer?.note(now, "coordinator  \(what.short)\(effects.isEmpty ? "" : " -> " + effects.short)")
            return Entry(event: event, effects: effects)
        } catch {
            statistics.refused += 1
            tracer?.note(now, "coordinator  \(what.short) is refused: \(error)")
            return nil
        }
    }

    /// When every simulation begins, in seconds since 1970.
    static let epoch = 1_700_000_000.0

    private mutating func write(_ entries: [Entry]) {
        guard !entries.isEmpty else { return }
        coordinator.journal.append(entries, coordinator.engine)
        count(entries)
        guard !checkers.isEmpty else { return }
        check { checker, engine throws(Violation) in try checker.wrote(entries, engine) }
    }

    private mutating func count(_ entries: [Entry]) {
        for entry in entries {
            for case .tell(let decision) in entry.effects {
                statistics.decisions += 1
                if case .proposed = decision { statistics.lastProposal = now }
            }
        }
        if statistics.lastProposal == now {
            statistics.slotSecondsAtLastProposal = coordinator.engine.slotHours * 3600
        }
    }

    private mutating func die(_ death: SimulatedCoordinator.Death, _ entries: [Entry], _ before: Engine) {
        statistics.faults += 1
        var durable = before
        switch death {
        case .beforeWriting:
            tracer?.note(now, "coordinator dies before it has written \(entries.count) steps")
        case .afterBeginning(let count):
            write(entries)
            durable = coordinator.engine
            let effects = entries.flatMap(\.effects).prefix(count)
            tracer?.note(
                now,
                "coordinator dies after writing \(entries.count) steps and beginning \(effects.count) effects"
            )
            for effect in effects { begin(effect) }
        }
        coordinator.isUp = false
        coordinator.engine = durable
        for node in nodes.indices where links[node].isConnected { cut(node) }
        heap.push(.heal(.coordinatorCrash, node: nil, slot: nil), at: now + coordinator.downSeconds)
    }

    /// A new process restores the engine from the journal.
    mutating func recover() {
        if coordinator.journal.isKept {
            let before = coordinator.engine
            do {
                coordinator.engine = try coordinator.journal.restore(coordinator.applying)
            } catch {
                return violate(error)
            }
            statistics.recoveries += 1
            check { checker, engine throws(Violation) in try checker.recovered(engine, before: before) }
        }
        begin()
        for node in nodes.indices { planConnection(to: node, after: random.draw(0...0.1)) }
    }
}

// MARK: - What items mean

extension SimulatedStudy {
    private mutating func happenings(of item: SimulatedCoordinator.Item) -> [Happening] {
        switch item {
        case .happened(let what): return [what]
        case .connected(let node):
            coordinator.afterwards.append(.greet(node: node))
            return []
        case .disconnected(let node):
            if let seconds = scenario.faults.givesUpAfterSeconds {
                heap.push(.givesUp(node: node, epoch: links[node].epoch), at: now + seconds)
            }
            return []
        case .news(let node, let news): return happenings(of: news, from: node)
        case .keepFailed(let stage):
            coordinator.keepFailures.insert(stage)
            return []
        }
    }

    private mutating func happenings(of news: FleetNews, from node: Int) -> [Happening] {
        switch news {
        case .inventory(let slots):
            return stopStrays(coordinator.engine.reconcile(nodes[node].id, slots: slots), on: node)
        case .runs(let runs):
            return stopStrays(coordinator.engine.reconcile(nodes[node].id, observed: runs), on: node)
        case .checkpoints(let held):
            let found = coordinator.engine.reconcile(nodes[node].id, held: held.map { ($0.run, $0.name) })
            if !found.garbage.isEmpty { coordinator.afterwards.append(.remove(found.garbage, node: node)) }
            return found.events
        case .events(let run, let events): return events.map { Happening($0, of: run) }
        case .refused(let run, let reason):
            for blocked in coordinator.engine.nodesToSurvey(afterRefusalOf: run) {
                heap.push(.survey(node: nodeIndex[blocked]!, life: coordinator.life), at: now + 5)
            }
            return [.launchRefused(run: run, reason: reason)]
        }
    }

    private mutating func stopStrays(_ found: Reconciliation, on node: Int) -> [Happening] {
        coordinator.afterwards += found.strays.map { .stop($0, node: node) }
        return found.events
    }

    /// A node has just answered.
    private mutating func greet(_ node: Int) {
        send(.survey, to: node)
        let id = nodes[node].id
        let offsets = coordinator.engine.offsets(on: id).map { ($0.run, $0.offset) }
        send(.follow(Dictionary(uniqueKeysWithValues: offsets)), to: node)
        for effect in coordinator.engine.outstanding(on: id) { begin(effect) }
    }

    mutating func giveUp(_ node: Int, _ epoch: Int) {
        guard coordinator.isUp, links[node].epoch == epoch, !links[node].isConnected else { return }
        post(.happened(.nodeLost(node: nodes[node].id)))
    }
}

// MARK: - Effects

extension SimulatedStudy {
    /// As `Hands` does: begins and never waits.
    private mutating func begin(_ effect: Effect) {
        switch effect {
        case .launch(let order):
            for part in order.lease.parts { send(.launch(order), to: nodeIndex[part.node]!) }
        case .stop(let run, let nodes, let reason):
            for node in nodes { send(.stop(run, saves: reason.saves), to: nodeIndex[node]!) }
        case .remove(let checkpoints, let node): send(.remove(checkpoints), to: nodeIndex[node]!)
        case .bring(let checkpoint, let sources, let nodes):
            for node in nodes { beginTransfer(of: checkpoint, from: sources, to: nodeIndex[node]!) }
        case .keep(let checkpoint, let node, let stage): keep(checkpoint, node, stage)
        case .wake(let moment):
            let time = max(now, moment.seconds - Self.epoch + coordinator.clockBehind)
            heap.push(.item(.happened(.clockReached), life: coordinator.life), at: time)
        case .tell, .record, .finish: break
        }
    }

    /// Copies a stage's best among the results, from the first node that has it and can be reached.
    private mutating func keep(_ checkpoint: Checkpoint, _ node: NodeID, _ stage: Int) {
        let isReachable = coordinator.engine.sources(toKeep: checkpoint, of: node).contains { source in
            let index = nodeIndex[source]!
            return links[index].isConnected && nodes[index].checkpoints.contains(checkpoint)
        }
        if isReachable { saw(FleetSight(.kept(checkpoint))) }
        let item =
            isReachable
            ? SimulatedCoordinator.Item.happened(.checkpointKept(stage: stage))
            : .keepFailed(stage: stage)
        heap.push(.item(item, life: coordinator.life), at: now + random.draw(0.01...1))
    }

    /// The session is over once the study has ended and its last checkpoints stand among the results.
    private mutating func endIfSettled() {
        guard case .ended(let ending) = coordinator.engine.phase else { return }
        let engine = coordinator.engine
        let isOpen = engine.stages.contains { stage in
            stage.best.flatMap(engine.trial)?.checkpoint != nil && !stage.isKept
                && !coordinator.keepFailures.contains(stage.index)
        }
        guard !isOpen else { return }
        tracer?.note(now, "study \(ending)")
        guard ending == .stopped else {
            coordinator.isDone = true
            return
        }
        coordinator.isUp = false
        for node in nodes.indices where links[node].isConnected { cut(node) }
        heap.push(.heal(.pause, node: nil, slot: nil), at: now + coordinator.pauseSeconds)
    }
}
