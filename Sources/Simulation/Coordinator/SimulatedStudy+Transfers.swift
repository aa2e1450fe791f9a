import FleetModel
import StudyCore

/// Checkpoints on their way from node to node, as the coordinator's relay brings them.
extension SimulatedStudy {
    /// Stands for the study's results among the numbers of nodes.
    private static let results = -1

    mutating func beginTransfer(of checkpoint: Checkpoint, from sources: [NodeID], to node: Int) {
        let numbers = sources.map { nodeIndex[$0]! }
        let source = numbers.first { links[$0].isConnected } ?? numbers.first ?? Self.results
        heap.push(
            .transfer(checkpoint, from: source, to: node, life: coordinator.life),
            at: now + random.draw(0.05...5))
    }

    /// The relay dies with the coordinator; what the node has by then stays.
    mutating func endTransfer(of checkpoint: Checkpoint, from source: Int, to node: Int, _ life: Int) {
        let isRelayed = isCurrent(life)
        let isWhole =
            nodes[node].checkpoints.contains(checkpoint)
            || (nodes[node].hostIsUp && !nodes[node].diskIsFull && links[node].isConnected
                && (source == Self.results
                    || links[source].isConnected && nodes[source].checkpoints.contains(checkpoint)))
        if isWhole, isRelayed || random.chance(0.5),
            nodes[node].checkpoints.insert(checkpoint).inserted
        {
            tracer?.note(now, "\(nodes[node].id)  has got \(checkpoint)")
            saw(FleetSight(.saved(checkpoint, nodes[node].id)))
        }
        guard isRelayed else { return }
        post(
            .happened(
                isWhole
                    ? .checkpointArrived(checkpoint: checkpoint, node: nodes[node].id)
                    : .checkpointUnreachable(
                        checkpoint: checkpoint, node: nodes[node].id, reason: "the transfer was cut off")))
    }
}
