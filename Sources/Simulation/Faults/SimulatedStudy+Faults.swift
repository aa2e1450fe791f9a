import FleetModel
import StudyCore

/// What strikes, and how it heals.
extension SimulatedStudy {
    mutating func planFault(_ kind: FaultKind, node: Int?) {
        let hazard = scenario.faults.hazard(kind)
        guard hazard.perHour > 0 else { return }
        let time = now + random.exponential(mean: 3600 / hazard.perHour)
        guard time < scenario.faults.calmAfterSeconds else { return }
        heap.push(.fault(kind, node: node), at: time)
    }

    mutating func strike(_ kind: FaultKind, _ node: Int?) {
        planFault(kind, node: node)
        let hazard = scenario.faults.hazard(kind)
        let longest = max(0, scenario.faults.calmAfterSeconds - now)
        let seconds = min(random.draw(hazard.seconds), longest)
        statistics.faults += 1
        if let node { return strike(kind, at: node, for: seconds) }
        switch kind {
        case .coordinatorCrash: crashCoordinator(for: seconds)
        case .pause where coordinator.isUp: post(.happened(.stopRequested))
        case .clockStep: coordinator.clockBehind += seconds
        default: break
        }
    }

    private mutating func strike(_ kind: FaultKind, at node: Int, for seconds: Double) {
        var slot: Slot?
        switch kind {
        case .linkCut:
            links[node].blockedUntil = max(links[node].blockedUntil, now + seconds)
            cut(node)
        case .agentCrash:
            nodes[node].agentIsUp = false
            tracer?.note(now, "\(nodes[node].id)  agent dies")
            cut(node)
        case .powerLoss: losePower(node)
        case .diskFull:
            nodes[node].diskIsFull = true
            tracer?.note(now, "\(nodes[node].id)  disk is full")
            tellInventory(of: node)
        case .slotTaken:
            let taken = random.pick(nodes[node].slots)
            guard nodes[node].foreign.insert(taken).inserted else { return }
            slot = taken
            tracer?.note(now, "\(nodes[node].id)  somebody else takes \(taken)")
            tellInventory(of: node)
        case .coordinatorCrash, .pause, .clockStep: return
        }
        heap.push(.heal(kind, node: node, slot: slot), at: now + seconds)
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
        case (.linkCut, _), (.clockStep, _), (_, nil): break
        }
    }

    private mutating func crashCoordinator(for seconds: Double) {
        guard coordinator.isUp, coordinator.dies == nil else { return }
        let isTorn = random.chance(0.5)
        coordinator.dies =
            isTorn ? .beforeWriting : .afterBeginning(effects: Int.random(in: 0...4, using: &random))
        coordinator.downSeconds = seconds
        planTurn()
    }

    /// The last lines of a file may not have reached the disk, nor an empty folder. What the agent itself
    /// wrote has: it saves before it goes on.
    private mutating func losePower(_ node: Int) {
        guard nodes[node].hostIsUp else { return }
        nodes[node].hostIsUp = false
        nodes[node].agentIsUp = false
        tracer?.note(now, "\(nodes[node].id)  loses its power")
        cut(node)
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
