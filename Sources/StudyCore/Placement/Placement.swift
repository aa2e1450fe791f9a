public import FleetModel

/// The slots of one node, as the engine sees them.
public struct Node: Hashable, Codable, Sendable {
    public let id: NodeID
    public internal(set) var slots: [OfferedSlot]
    /// Given up: nothing is placed on it until it answers again.
    public internal(set) var isLost = false
    /// Who holds which slot. A slot is a key once at most: no slot is leased to two runs.
    public internal(set) var leased: [Slot: RunID] = [:]

    /// Slots that can be leased now, in order.
    public var free: [Slot] {
        isLost ? [] : slots.filter { $0.unavailable == nil && leased[$0.slot] == nil }.map(\.slot)
    }
}

/// What a run needs to be placed.
struct Need {
    let slots: Int
    let perNode: Int
    /// The node that holds the checkpoint it starts from; nil: any node.
    let node: NodeID?
}

/// Why a run waits, in numbers that a person can check.
public enum WaitReason: Hashable, Codable, Sendable {
    case noNode
    /// `needed` slots are wanted, `perNode` on each node, and `free` are there. `unavailable` is what the
    /// first slot says that cannot be had for another reason than our own runs.
    case slotsBusy(needed: Int, perNode: Int, free: Int, unavailable: String?)
    case nodeGone(NodeID)
}

/// Finds slots for a run. A single part goes to the node with the fewest free slots that suffice, so that
/// wide gaps stay for wide runs; ties go by name. A gang takes whole parts from as many nodes as it needs.
func place(_ need: Need, on nodes: [Node]) -> Result<Lease, WaitReasonError> {
    if let wanted = need.node, !nodes.contains(where: { $0.id == wanted && !$0.isLost }) {
        return .failure(WaitReasonError(.nodeGone(wanted)))
    }
    let candidates = nodes.filter { !$0.isLost && (need.node == nil || $0.id == need.node) }
        .map { (id: $0.id, free: $0.free) }
    guard !candidates.isEmpty else { return .failure(WaitReasonError(.noNode)) }
    let fitting = candidates.filter { $0.free.count >= need.perNode }
        .sorted { ($0.free.count, $0.id) < ($1.free.count, $1.id) }
    let parts = need.slots / need.perNode
    guard fitting.count >= parts else {
        let why = nodes.lazy.flatMap(\.slots).compactMap(\.unavailable).first
        let free = candidates.reduce(0) { $0 + $1.free.count }
        return .failure(
            WaitReasonError(
                .slotsBusy(needed: need.slots, perNode: need.perNode, free: free, unavailable: why)))
    }
    return .success(
        Lease(
            parts: fitting.prefix(parts).map { node in
                Lease.Part(node: node.id, slots: Array(node.free.prefix(need.perNode)))
            }))
}

/// `WaitReason` where `Result` wants an error.
struct WaitReasonError: Error {
    let reason: WaitReason
    init(_ reason: WaitReason) { self.reason = reason }
}
