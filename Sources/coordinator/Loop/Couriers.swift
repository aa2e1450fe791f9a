import FleetLink
import FleetModel
import Foundation
import StudyCore
import Synchronization

/// Brings checkpoints to nodes, each transfer on a thread of its own. One that is under way already is not
/// begun again, so an order may be repeated.
final class Couriers: Sendable {
    private struct Trip: Hashable {
        let checkpoint: Checkpoint
        let node: NodeID
    }

    private let study: StudyID
    private let end: @Sendable (NodeID) -> CheckpointRelay.End
    private let underWay = Mutex<Set<Trip>>([])

    /// - Parameter end: a node as the end of a transfer.
    init(of study: StudyID, end: @escaping @Sendable (NodeID) -> CheckpointRelay.End) {
        (self.study, self.end) = (study, end)
    }

    /// Begins to bring a checkpoint; `ended` is told once for each node that it was not on its way to.
    func bring(
        _ checkpoint: Checkpoint, from sources: [NodeID], to nodes: [NodeID],
        ended: @escaping @Sendable (NodeID, Result<Int, RelayFailure>) -> Void
    ) {
        let new = underWay.withLock { underWay in
            nodes.filter { underWay.insert(Trip(checkpoint: checkpoint, node: $0)).inserted }
        }
        guard !new.isEmpty else { return }
        let relay = CheckpointRelay(checkpoint, of: study)
        let (sources, nodes) = (sources.map(end), new.map(end))
        Thread.detachNewThread { [self] in
            relay.run(from: sources, to: nodes) { [self] node, result in
                _ = underWay.withLock { $0.remove(Trip(checkpoint: checkpoint, node: node)) }
                ended(node, result)
            }
        }
    }
}
