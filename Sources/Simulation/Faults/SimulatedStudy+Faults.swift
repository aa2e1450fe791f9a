import FleetModel
import StudyCore

/// What strikes, and how it heals.
extension SimulatedStudy {
    /// The script's faults, or the first of each kind by its hazard.
    mutating func planFaults() {
        if let script = scenario.faults.script {
            for fault in script { heap.push(.fault(fault), at: fault.at) }
            return
        }
        for kind in FaultKind.allCases {
            guard kind.strikesNodes else {
                planFault(kind, node: nil)
                continue
            }
            for node in nodes.indices { planFault(kind, node: node) }
        }
    }

    /// The next fault of its kind. From a stream of chance of its own, in whole milliseconds: as a script, the
    /// same faults give the same simulation.
    private mutating func planFault(_ kind: FaultKind, node: Int?) {
        let (faults, hazard) = (scenario.faults, scenario.faults[kind])
        guard hazard.perHour > 0 else { return }
        let time = milliseconds(now + faultRandom.exponential(mean: 3600 / hazard.perHour))
        guard time < faults.calmAfterSeconds else { return }
        let seconds = min(faultRandom.draw(hazard.seconds), faults.calmAfterSeconds - time)
        var slot: Slot?
        if kind == .slotTaken, let node { slot = faultRandom.pick(nodes[node].slots) }
        let fault = Fault(
            kind, node: node.map { nodes[$0].id }, slot: slot, at: time, seconds: milliseconds(seconds))
        heap.push(.fault(fault), at: time)
    }

    private func milliseconds(_ seconds: Double) -> Double { (seconds * 1000).rounded() / 1000 }

    mutating func strike(_ fault: Fault) {
        // A script may name a node that this fleet does not have.
        let node = fault.node.flatMap { nodeIndex[$0] }
        guard fault.node == nil || node != nil else { return }
        if scenario.faults.script == nil { planFault(fault.kind, node: node) }
        statistics.faults += 1
        if recordsFaults { struck.append(fault) }
        if let node { return strike(fault, at: node) }
        switch fault.kind {
        case .coordinatorCrash: crashCoordinator(for: fault)
        case .pause where coordinator.isUp:
            coordinator.pauseSeconds = fault.seconds
            post(.happened(.stopRequested))
        case .clockStep: coordinator.clockBehind += fault.seconds
        default: break
        }
    }

    private mutating func strike(_ fault: Fault, at node: Int) {
        switch fault.kind {
        case .linkCut:
            links[node].blockedUntil = max(links[node].blockedUntil, now + fault.seconds)
            cut(node)
        case .linkFrozen:
            links[node].frozenUntil = max(links[node].frozenUntil, now + fault.seconds)
            tracer?.note(now, "\(nodes[node].id)  link is frozen")
        case .agentCrash:
            nodes[node].agentIsUp = false
            tracer?.note(now, "\(nodes[node].id)  agent dies")
            cut(node)
        case .runsKilled: for run in nodes[node].live { kill(run, of: node) }
        case .powerLoss: losePower(node, fault)
        case .diskFull:
            nodes[node].diskIsFull = true
            tracer?.note(now, "\(nodes[node].id)  disk is full")
            tellInventory(of: node)
        case .slotTaken:
            guard let slot = fault.slot, nodes[node].foreign.insert(slot).inserted else { return }
            tracer?.note(now, "\(nodes[node].id)  somebody else takes \(slot)")
            tellInventory(of: node)
        case .coordinatorCrash, .pause, .clockStep: return
        }
        heap.push(.heal(fault.kind, node: node, slot: fault.slot), at: now + fault.seconds)
    }

    mutating func heal(_ kind: FaultKind, _ node: Int?, _ slot: Slot?) {
        switch (kind, node) {
        case (.coordinatorCrash, _), (.pause, _): recover()
        case (.agentCrash, let node?): returnAgent(node)
        case (.powerLoss, let node?):
            nodes[node].hostIsUp = true
            returnAgent(node)
        case (.diskFull, let node?):
            nodes[node].diskIsFull = false
            tracer?.note(now, "\(nodes[node].id)  disk has room")
            tellInventory(of: node)
        case (.slotTaken, let node?):
            if let slot { nodes[node].foreign.remove(slot) }
            tellInventory(of: node)
        case (.linkCut, _), (.linkFrozen, _), (.runsKilled, _), (.clockStep, _), (_, nil): break
        }
    }

    /// What a fault leaves to chance, the same for the same fault whatever else happens.
    private func chance(of fault: Fault) -> SeededGenerator {
        SeededGenerator(seed: scenario.seed, stream: fault.at.bitPattern)
    }

    private mutating func crashCoordinator(for fault: Fault) {
        guard coordinator.isUp, coordinator.dies == nil else { return }
        var random = chance(of: fault)
        let isTorn = random.chance(0.5)
        coordinator.dies =
            isTorn ? .beforeWriting : .afterBeginning(effects: Int.random(in: 0...4, using: &random))
        coordinator.downSeconds = fault.seconds
        planTurn()
    }

    /// The last lines of a file may not have reached the disk, nor an empty folder. What the agent itself
    /// wrote has: it saves before it goes on.
    private mutating func losePower(_ node: Int, _ fault: Fault) {
        guard nodes[node].hostIsUp else { return }
        nodes[node].hostIsUp = false
        nodes[node].agentIsUp = false
        tracer?.note(now, "\(nodes[node].id)  loses its power")
        cut(node)
        var random = chance(of: fault)
        for run in nodes[node].live {
            kill(run, of: node)
            let lost = random.chance(0.5) ? 0 : Int.random(in: 0...3, using: &random)
            nodes[node].runs[run].loseLines(lost)
            let (id, end) = (nodes[node].runs[run].id, nodes[node].runs[run].end)
            if lost > 0, nodes[node].runs[run].isLead {
                tracer?.note(now, "\(nodes[node].id)  \(id) has lost \(lost) lines")
                saw(FleetSight(.lostLines(id, after: end)))
            }
            if end == 0, random.chance(0.5) { nodes[node].forget(run) }
        }
    }
}
