import FleetModel
import StudyCore

/// What an agent does, as `agents/agent/Daemon*.swift` has it.
extension SimulatedStudy {
    mutating func carryOut(_ order: FleetOrder, at node: Int) {
        switch order {
        case .survey:
            nodes[node].client?.wantsInventory = true
            nodes[node].client?.lastInventory = nil
            tellInventory(of: node)
        case .follow(let offsets): follow(offsets, at: node)
        case .launch(let order):
            if let reason = launch(order, at: node) { tell(.refused(order.run, reason: reason), from: node) }
        case .stop(let run, let saves): stop(run, saves: saves, at: node)
        case .remove(let checkpoints):
            // A folder is found by the run and the name.
            for wanted in checkpoints {
                let found = nodes[node].checkpoints.first { $0.run == wanted.run && $0.name == wanted.name }
                guard let checkpoint = found else { continue }
                nodes[node].checkpoints.remove(checkpoint)
                tracer?.note(now, "\(nodes[node].id)  removes \(checkpoint)")
                saw(FleetSight(.removed(checkpoint, nodes[node].id)))
            }
        }
    }

    private mutating func follow(_ offsets: [RunID: Int], at node: Int) {
        let runs = nodes[node].runs.enumerated().filter { !$0.element.isForgotten }
        let live = Set(nodes[node].live)
        let shown = runs.map { index, run in
            ObservedRun(
                run: run.id, isAlive: live.contains(index), end: run.shownEnd(to: offsets[run.id] ?? 0))
        }
        tell(.runs(shown), from: node)
        let held = nodes[node].checkpoints.sorted { ($0.run, $0.step) < ($1.run, $1.step) }
        tell(.checkpoints(held), from: node)
        nodes[node].client?.follows = true
        for (index, run) in runs {
            nodes[node].client?.cursors[index] = run.line(from: offsets[run.id] ?? 0)
            pump(index, of: node)
        }
    }

    /// Tells what the file has past the cursor. That a run has ended is told once its slots are free.
    mutating func pump(_ run: Int, of node: Int) {
        guard nodes[node].client?.follows == true, !nodes[node].runs[run].isForgotten,
            nodes[node].runs[run].isLead
        else { return }
        let start = nodes[node].client?.cursors[run] ?? 0
        let count = nodes[node].runs[run].lines.count
        let holdsBack = nodes[node].runs[run].hasEnded && nodes[node].live.contains(run)
        let end = max(start, holdsBack ? count - 1 : count)
        guard start < end else { return }
        nodes[node].client?.cursors[run] = end
        let lines = Array(nodes[node].runs[run].lines[start..<end])
        tell(.events(nodes[node].runs[run].id, lines), from: node)
    }

    mutating func tellInventory(of node: Int) {
        guard nodes[node].agentIsUp, nodes[node].client?.wantsInventory == true else { return }
        let inventory = nodes[node].inventory
        guard nodes[node].client?.lastInventory != inventory else { return }
        nodes[node].client?.lastInventory = inventory
        tell(.inventory(inventory), from: node)
    }

    /// Starts a run, unless its folder is there. Answers why not, where it was refused.
    private mutating func launch(_ order: RunOrder, at node: Int) -> String? {
        guard nodes[node].run(order.run) == nil else { return nil }
        guard let rank = order.lease.parts.firstIndex(where: { $0.node == nodes[node].id }) else {
            return "the launch names no slot of this node"
        }
        let slots = order.lease.parts[rank].slots
        if let reason = nodes[node].refusal(of: slots) {
            tracer?.note(now, "\(nodes[node].id)  refuses \(order.run): \(reason)")
            return reason
        }
        let course = TrainerCourse(
            scenario.trainer, steps: order.steps, seed: scenario.seed, run: order.run)
        let index = nodes[node].add(
            SimulatedRun(order, slots: slots, isLead: rank == 0, course: course, at: now))
        tracer?.note(now, "\(nodes[node].id)  begins \(order.run) on \(slots) \(order.start.short)")
        saw(FleetSight(.began(order.run, nodes[node].id, slots)))
        tellInventory(of: node)
        if let checkpoint = order.start.checkpoint, !nodes[node].checkpoints.contains(checkpoint) {
            let reason = "the checkpoint \(checkpoint) is not on this node"
            write(.ended(.failed(RunFailure(.node(reason: reason)))), index, of: node)
            leave(index, of: node, after: 0)
        } else {
            startTrainer(index, of: node)
        }
        return nil
    }

    private mutating func stop(_ id: RunID, saves: Bool, at node: Int) {
        guard let run = nodes[node].run(id), nodes[node].live.contains(run),
            nodes[node].runs[run].stop == nil
        else { return }
        tracer?.note(now, "\(nodes[node].id)  is to stop \(id)\(saves ? ", saving" : "")")
        nodes[node].runs[run].stop = (saves, now)
        obeyStop(run, of: node)
    }

    /// The agent looks at a run whose process is gone: its last word, where it could not say it, and then
    /// its slots are free.
    mutating func look(_ node: Int, _ run: Int) {
        guard nodes[node].agentIsUp, nodes[node].hostIsUp, nodes[node].live.contains(run),
            !nodes[node].runs[run].processIsThere
        else { return }
        if !nodes[node].runs[run].hasEnded {
            // On a full disk not even that can be written: it holds its slots until there is room.
            guard !nodes[node].diskIsFull else {
                heap.push(.look(node: node, run: run), at: now + 1)
                return
            }
            let isKilled = nodes[node].runs[run].stop.map { now > $0.at + 30 } ?? false
            write(.ended(isKilled ? .stopped : .failed(RunFailure(.vanished))), run, of: node)
        }
        nodes[node].live.removeAll { $0 == run }
        tracer?.note(now, "\(nodes[node].id)  \(nodes[node].runs[run].id) is over")
        pump(run, of: node)
        tellInventory(of: node)
    }

    /// A line in the run's file, and on to who follows it.
    mutating func write(_ event: RunEvent, _ run: Int, of node: Int) {
        let placed = nodes[node].runs[run].write(event)
        let id = nodes[node].runs[run].id
        tracer?.note(now, "\(nodes[node].id)  \(id) writes \(event.short)")
        if nodes[node].runs[run].isLead { saw(FleetSight(.logged(id, placed))) }
        if nodes[node].agentIsUp { pump(run, of: node) }
    }

    /// A new daemon takes up what the folders show.
    mutating func returnAgent(_ node: Int) {
        guard nodes[node].hostIsUp else { return }
        nodes[node].agentIsUp = true
        tracer?.note(now, "\(nodes[node].id)  agent is back")
        for run in nodes[node].live where !nodes[node].runs[run].processIsThere {
            heap.push(.look(node: node, run: run), at: now + 0.1)
        }
    }
}
