import FleetModel

/// What nodes offer.
extension Engine {
    mutating func survey(_ id: NodeID, _ slots: [OfferedSlot], _ failure: String?) throws(RefusedEvent) {
        guard let index = nodes.firstIndex(of: id) else {
            return nodes.add(Node(id: id, slots: slots, failure: failure))
        }
        let known = nodes[index]
        guard known.slots != slots || known.failure != failure || known.isLost else { throw .noChange }
        nodes.update(index) { node in
            node.slots = slots
            node.failure = failure
            node.isLost = false
        }
    }

    /// Takes the slots of a refused lease out of the pool until their node is surveyed again, so that a
    /// refusal is never answered by the same order at once.
    mutating func block(_ lease: Lease, because reason: String) {
        for part in lease.parts {
            guard let index = nodes.firstIndex(of: part.node) else { continue }
            nodes.update(index) { node in
                node.slots = node.slots.map { offered in
                    part.slots.contains(offered.slot)
                        ? OfferedSlot(offered.slot, unavailable: reason) : offered
                }
            }
        }
    }

    mutating func lose(_ id: NodeID, _ effects: inout [Effect]) throws(RefusedEvent) {
        guard let index = nodes.firstIndex(of: id) else {
            throw .unknown(what: "node \(id)")
        }
        guard !nodes[index].isLost else { throw .noChange }
        let kept = stages.indices.filter { keepEffect(of: $0)?.isKeep(on: id) == true }
        nodes.update(index) { $0.isLost = true }
        copies.giveUp(id)
        // From another node that has it, if there is one; else whoever tries tells why it is not among the results.
        effects += kept.compactMap(keepEffect(of:))
        let runs = leasing.filter { run in
            trial(run.trial)!.runs[run.attempt].lease.parts.contains { $0.node == id }
        }
        for run in runs {
            release(run)
            withdraw(run, &effects)
            interrupted(run, RunFailure(.node(reason: "node \(id) is lost")), &effects)
        }
    }
}
