import FleetModel
import Search
import StudyCore
import Wire

/// The engine's effects as orders to agents. The only place that writes orders.
extension Engine {
    /// The order for `node` that an effect asks for; nil where it asks nothing of that node.
    /// - Parameter address: where the other nodes of a gang reach one of them.
    func order(_ effect: Effect, for node: NodeID, address: (NodeID) -> String) -> Order? {
        switch effect {
        case .launch(let order): launch(order, on: node, address: address).map { .launch(launch: $0) }
        case .stop(let run, let nodes, let reason) where nodes.contains(node):
            .stop(run: key(run), order: StopOrder(save: reason.saves, reason: line(reason)))
        case .remove(let checkpoints, node): .removeCheckpoints(study: study, checkpoints: checkpoints)
        case .stop, .remove, .bring, .keep, .tell, .record, .wake, .finish: nil
        }
    }

    func key(_ run: RunID) -> RunKey { RunKey(study: study, run: run) }

    private func launch(_ order: RunOrder, on node: NodeID, address: (NodeID) -> String) -> Launch? {
        let parts = order.lease.parts
        guard let rank = parts.firstIndex(where: { $0.node == node }) else { return nil }
        let gang = Gang(
            nodes: parts.count, rank: rank, masterAddress: address(parts[0].node),
            masterPort: key(order.run).rendezvousPort)
        let start: Launch.Start =
            switch order.start {
            case .fresh: .fresh
            case .warm(let checkpoint): .warm(from: checkpoint)
            case .resume(let checkpoint): .resume(from: checkpoint, step: checkpoint.step)
            }
        return Launch(
            key: key(order.run), plugin: plan.trainer.plugin, settings: plan.trainer.settings,
            assignment: order.assignment, start: start, steps: order.steps, cooldown: order.cooldown,
            metric: plan.objective.metric, seed: order.seed, slots: parts[rank].slots,
            gang: parts.count > 1 ? gang : nil,
            silenceSeconds: plan.trainer.silenceSeconds,
            graceSeconds: plan.trainer.graceSeconds, baseFolder: plan.trainer.baseFolder,
            startFrom: plan.trainer.startFrom)
    }
}

extension RunKey {
    /// The same port whenever the run is ordered, below those that the system gives out, and as a rule another
    /// one than for other runs (FNV-1a).
    fileprivate var rendezvousPort: Int {
        let sum = description.utf8.reduce(UInt32(0x811c_9dc5)) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
        return 20_000 + Int(sum % 12_000)
    }
}

extension Effect {
    /// The nodes that it asks something of.
    var nodes: [NodeID] {
        switch self {
        case .launch(let order): order.lease.parts.map(\.node)
        case .stop(_, let nodes, _): nodes
        case .remove(_, let node): [node]
        case .bring, .keep, .tell, .record, .wake, .finish: []
        }
    }
}

extension Engine {
    fileprivate func line(_ reason: StopReason) -> String {
        switch reason {
        case .pruned(let reason): "pruned: \(reason.text(plan.objective.direction))"
        case .paused: "the study pauses"
        case .givenUp: "a part of its gang was refused or lost"
        }
    }
}
