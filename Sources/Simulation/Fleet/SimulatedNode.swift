public import FleetModel
import StudyCore

/// What a simulated machine offers.
public struct NodeOffer: Hashable, Sendable {
    public let id: NodeID
    public let slots: [Slot]

    public init(id: NodeID, slots: [Slot]) {
        self.id = id
        self.slots = slots
    }

    /// `count` equal machines, named so that their names sort by number.
    public static func machines(_ count: Int, gpus: Int) -> [NodeOffer] {
        let digits = "\(count - 1)".count
        return (0..<count).map { number in
            let name = "\(number)"
            return NodeOffer(
                id: NodeID(rawValue: "node" + String(repeating: "0", count: digits - name.count) + name),
                slots: (0..<gpus).map { .gpu(index: $0) })
        }
    }
}

/// A machine: what is on its disk outlives its agent, and most of it outlives the power.
struct SimulatedNode {
    let id: NodeID
    let slots: [Slot]
    var hostIsUp = true
    var agentIsUp = true
    var diskIsFull = false
    /// Slots that somebody else's processes are on.
    var foreign: Set<Slot> = []
    /// Every trial folder, in order of launch.
    var runs: [SimulatedRun] = []
    private(set) var index: [RunID: Int] = [:]
    /// Indices of the runs that are not over, as the agent sees them: they hold their slots.
    var live: [Int] = []
    var checkpoints: Set<Checkpoint> = []
    var client: AgentClient?

    init(_ offer: NodeOffer) {
        id = offer.id
        slots = offer.slots
    }

    func run(_ id: RunID) -> Int? { index[id] }

    mutating func add(_ run: SimulatedRun) -> Int {
        runs.append(run)
        index[run.id] = runs.count - 1
        live.append(runs.count - 1)
        return runs.count - 1
    }

    /// A folder that the disk lost.
    mutating func forget(_ run: Int) {
        index[runs[run].id] = nil
        live.removeAll { $0 == run }
        runs[run].isForgotten = true
    }

    func holder(of slot: Slot) -> RunID? {
        for run in live where runs[run].slots.contains(slot) { return runs[run].id }
        return nil
    }

    var inventory: [ShownSlot] {
        slots.map { slot in
            if let run = holder(of: slot) { return ShownSlot(slot, holder: run) }
            if foreign.contains(slot) { return ShownSlot(slot, unavailable: "somebody else is on it") }
            return ShownSlot(slot, unavailable: diskIsFull ? Self.fullDisk : nil)
        }
    }

    static let fullDisk = "the disk is full"

    /// Why these slots cannot be had now; nil where they can.
    func refusal(of wanted: [Slot]) -> String? {
        for slot in wanted {
            guard slots.contains(slot) else { return "there is no \(slot) here" }
            if let run = holder(of: slot) { return "\(slot) is held by \(run)" }
            if foreign.contains(slot) { return "\(slot) is not available: somebody else is on it" }
        }
        return diskIsFull ? Self.fullDisk : nil
    }
}

/// The agent's side of one connection.
struct AgentClient {
    /// Whether it wants every change of the inventory.
    var wantsInventory = false
    var lastInventory: [ShownSlot]?
    var follows = false
    /// How far each run was told: an index into the lines of its file.
    var cursors: [Int: Int] = [:]
}
