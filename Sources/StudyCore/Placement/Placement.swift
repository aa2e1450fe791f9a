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
        isLost ? [] : slots.filter(isFree).map(\.slot)
    }

    var freeCount: Int { isLost ? 0 : slots.count(where: isFree) }

    private func isFree(_ offered: OfferedSlot) -> Bool {
        offered.unavailable == nil && leased[offered.slot] == nil
    }
}

/// What a run needs to be placed.
struct Need {
    let slots: Int
    let perNode: Int
    /// The nodes that hold the checkpoint it starts from; nil: it starts from none, and any node will do.
    let homes: [NodeID]?
}

/// Why a run waits, in numbers that a person can check.
public enum WaitReason: Hashable, Codable, Sendable {
    case noNode
    /// `needed` slots are wanted, `perNode` on each node, and `free` are there. `unavailable` is what the
    /// first slot says that cannot be had for another reason than our own runs.
    case slotsBusy(needed: Int, perNode: Int, free: Int, unavailable: String?)
    case nodeGone(NodeID)
    /// Slots are free; the state to start from is being brought there.
    case checkpointOnItsWay(Checkpoint, to: NodeID)
}

/// `WaitReason` where `Result` wants an error.
struct WaitReasonError: Error {
    let reason: WaitReason
    init(_ reason: WaitReason) { self.reason = reason }
}
