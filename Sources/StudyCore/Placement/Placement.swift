public import FleetModel

/// The slots of one node, as the engine sees them.
public struct Node: Hashable, Codable, Sendable {
    public let id: NodeID
    public internal(set) var slots: [OfferedSlot]
    /// Why it could not tell what it has; nil where it could.
    public internal(set) var failure: String?
    /// Given up: nothing is placed on it until it answers again.
    public internal(set) var isLost = false
    /// Who holds which slot. A slot is a key once at most: no slot is leased to two runs.
    public internal(set) var leased: [Slot: RunID] = [:]

    /// Slots that can be leased now, in order.
    public var free: [Slot] {
        isLost ? [] : slots.filter(isFree).map(\.slot)
    }

    /// Why something of it cannot be had that no run of ours has: the first such reason.
    var reason: String? { failure ?? slots.lazy.compactMap(\.unavailable).first }

    /// How many slots can be leased now, and how many of them are parts of GPUs.
    var freeCount: FreeCount {
        var count = FreeCount()
        guard !isLost else { return count }
        for offered in slots where isFree(offered) {
            count.all += 1
            if offered.slot.isSlice { count.slices += 1 }
        }
        return count
    }

    private func isFree(_ offered: OfferedSlot) -> Bool {
        offered.unavailable == nil && leased[offered.slot] == nil
    }
}

/// Free slots of a node, as those count them that need one slot or several.
struct FreeCount: Hashable, Sendable {
    var all = 0
    /// Those among `all` that are MIG devices: a run of several GPUs has no use for them.
    var slices = 0

    /// Slots for a run of which each needs `wide` ones or single ones.
    func usable(wide: Bool) -> Int { wide ? all - slices : all }
}

/// What a run needs to be placed.
struct Need {
    let slots: Int
    let perNode: Int
    /// The nodes that hold the checkpoint it starts from; nil: it starts from none, and any node will do.
    let homes: [NodeID]?

    /// It needs more than one slot, and so whole GPUs: a process can use one MIG device, and such devices do not reach
    /// each other.
    var isWide: Bool { slots > 1 }
}

/// Why a run waits, in numbers that a person can check.
public enum WaitReason: Hashable, Codable, Sendable {
    case noNode
    /// `needed` slots are wanted, `perNode` on each node, and `free` are there. `unavailable` is what the
    /// first slot says that cannot be had for another reason than our own runs, or its node. `slices` MIG devices are free beside
    /// these, and of no use to a trial of several GPUs; nil where there are none.
    case slotsBusy(needed: Int, perNode: Int, free: Int, unavailable: String?, slices: Int? = nil)
    case nodeGone(NodeID)
    /// Slots are free; the state to start from is being brought there.
    case checkpointOnItsWay(Checkpoint, to: NodeID)
}

/// `WaitReason` where `Result` wants an error.
struct WaitReasonError: Error {
    let reason: WaitReason
    init(_ reason: WaitReason) { self.reason = reason }
}
