import FleetModel

/// The nodes of a study, sorted by id, kept so that a place for a run is found without looking at each.
/// Only the nodes themselves are state; what stands beside them follows from them and is not written down.
public struct Nodes: RandomAccessCollection, Sendable {
    private var list: [Node]
    private var index: [NodeID: Int] = [:]
    /// How many slots of each node can be leased.
    private var freeCounts: [FreeCount] = []
    /// By number of free slots, the nodes that have as many.
    private var byFree: [NodeSet] = []
    /// The same without parts of GPUs, for runs that need several slots.
    private var byWhole: [NodeSet] = []
    /// Nodes with a slot that cannot be had for another reason than our own runs, or that could not tell of any.
    private var withUnavailable = NodeSet()
    private var lostCount = 0
    private var freeTotal = FreeCount()

    init(_ list: [Node] = []) {
        self.list = list
        rebuild()
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { list.count }
    public subscript(position: Int) -> Node { list[position] }

    func firstIndex(of id: NodeID) -> Int? { index[id] }

    /// Whether runs can be placed on it: it is known and not given up.
    func isThere(_ id: NodeID) -> Bool { index[id].map { !list[$0].isLost } ?? false }

    /// Takes in a new node.
    mutating func add(_ node: Node) {
        precondition(index[node.id] == nil, "a node is added once")
        list.insert(node, at: list.firstIndex { $0.id > node.id } ?? list.count)
        rebuild()
    }

    /// The one way in which a node changes.
    mutating func update(_ position: Int, _ change: (inout Node) -> Void) {
        forget(position)
        change(&list[position])
        note(position)
    }

    mutating func lease(_ part: Lease.Part, to run: RunID) {
        guard let position = index[part.node] else { preconditionFailure("a lease is on a known node") }
        update(position) { node in
            for slot in part.slots {
                precondition(node.leased[slot] == nil, "slot \(slot) is leased twice")
                node.leased[slot] = run
            }
        }
    }

    mutating func giveBack(_ part: Lease.Part) {
        guard let position = index[part.node] else { return }
        update(position) { node in
            for slot in part.slots { node.leased[slot] = nil }
        }
    }

    // MARK: What follows from the nodes

    private mutating func rebuild() {
        index = Dictionary(uniqueKeysWithValues: list.enumerated().map { ($0.element.id, $0.offset) })
        freeCounts = Array(repeating: FreeCount(), count: list.count)
        (byFree, byWhole, withUnavailable, lostCount, freeTotal) = ([], [], NodeSet(), 0, FreeCount())
        for position in list.indices { note(position) }
    }

    private mutating func note(_ position: Int) {
        let node = list[position]
        let free = node.freeCount
        freeCounts[position] = free
        freeTotal.all += free.all
        freeTotal.slices += free.slices
        while byFree.count <= free.all {
            byFree.append(NodeSet())
            byWhole.append(NodeSet())
        }
        if node.isLost {
            lostCount += 1
        } else {
            byFree[free.all].insert(position)
            byWhole[free.usable(wide: true)].insert(position)
        }
        if node.reason != nil { withUnavailable.insert(position) }
    }

    private mutating func forget(_ position: Int) {
        let free = freeCounts[position]
        freeTotal.all -= free.all
        freeTotal.slices -= free.slices
        byFree[free.all].remove(position)
        byWhole[free.usable(wide: true)].remove(position)
        withUnavailable.remove(position)
        if list[position].isLost { lostCount -= 1 }
    }
}

extension Nodes {
    /// Finds slots for a run. A part goes to the node with the fewest free slots that suffice, so that wide
    /// gaps stay for wide runs; ties go by name. A gang takes whole parts from as many nodes as it needs.
    /// Where the run starts from a checkpoint, all of them are nodes that hold it. A run that needs several slots is
    /// given no parts of GPUs.
    func place(_ need: Need) -> Result<Lease, WaitReasonError> {
        guard lostCount < list.count else { return .failure(WaitReasonError(.noNode)) }
        let homes = need.homes?.compactMap { index[$0] }.filter { !list[$0].isLost }
        guard let chosen = homes.map({ choose(need, among: $0) }) ?? choose(need) else {
            return .failure(WaitReasonError(shortage(of: need, homes: homes)))
        }
        return .success(
            Lease(
                parts: chosen.map { position in
                    let usable = list[position].free.lazy.filter { !(need.isWide && $0.isSlice) }
                    return Lease.Part(node: list[position].id, slots: Array(usable.prefix(need.perNode)))
                }))
    }

    /// No node has free slots for a part of a trial.
    func areFull(for resources: Resources) -> Bool {
        byCount(wide: resources.gpus > 1).dropFirst(resources.gpusPerNode).allSatisfy(\.isEmpty)
    }

    /// Nodes with free slots for trials, those with most room first.
    func room(for resources: Resources) -> [(node: NodeID, places: Int)] {
        let slots = resources.gpusPerNode
        return byCount(wide: resources.gpus > 1).enumerated().dropFirst(slots).reversed().flatMap {
            free, nodes in nodes.map { (list[$0].id, free / slots) }
        }
    }

    private func byCount(wide: Bool) -> [NodeSet] { wide ? byWhole : byFree }

    private func choose(_ need: Need) -> [Int]? {
        let parts = need.slots / need.perNode
        var chosen: [Int] = []
        for nodes in byCount(wide: need.isWide).dropFirst(need.perNode) where chosen.count < parts {
            for position in nodes where chosen.count < parts { chosen.append(position) }
        }
        return chosen.count == parts ? chosen : nil
    }

    private func choose(_ need: Need, among homes: [Int]) -> [Int]? {
        let parts = need.slots / need.perNode
        let free = { (position: Int) in freeCounts[position].usable(wide: need.isWide) }
        let fit = homes.filter { free($0) >= need.perNode }
        guard fit.count >= parts else { return nil }
        if parts == 1 { return fit.min { (free($0), $0) < (free($1), $1) }.map { [$0] } }
        return Array(fit.sorted { (free($0), $0) < (free($1), $1) }.prefix(parts))
    }

    private func shortage(of need: Need, homes: [Int]?) -> WaitReason {
        var count = freeTotal
        if let homes {
            count = FreeCount()
            for home in homes {
                count.all += freeCounts[home].all
                count.slices += freeCounts[home].slices
            }
        }
        let free = count.usable(wide: need.isWide)
        let why = withUnavailable.first.flatMap { list[$0].reason }
        return .slotsBusy(
            needed: need.slots, perNode: need.perNode, free: free, unavailable: why,
            slices: count.all > free ? count.all - free : nil)
    }
}

extension Nodes: Hashable, Codable {
    public static func == (a: Nodes, b: Nodes) -> Bool { a.list == b.list }

    public func hash(into hasher: inout Hasher) { hasher.combine(list) }

    public init(from decoder: any Decoder) throws {
        self.init(try decoder.singleValueContainer().decode([Node].self))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(list)
    }
}

/// Numbers of nodes, one bit each, lowest first.
struct NodeSet: Sequence, Sendable {
    private var words: [UInt64] = []

    mutating func insert(_ number: Int) {
        while words.count <= number / 64 { words.append(0) }
        words[number / 64] |= 1 << UInt64(number % 64)
    }

    mutating func remove(_ number: Int) {
        guard number / 64 < words.count else { return }
        words[number / 64] &= ~(1 << UInt64(number % 64))
    }

    var isEmpty: Bool { words.allSatisfy { $0 == 0 } }

    var first: Int? {
        var iterator = makeIterator()
        return iterator.next()
    }

    func makeIterator() -> Iterator { Iterator(words: words) }

    struct Iterator: IteratorProtocol {
        private let words: [UInt64]
        private var word = 0
        private var rest: UInt64

        init(words: [UInt64]) {
            self.words = words
            rest = words.first ?? 0
        }

        mutating func next() -> Int? {
            while rest == 0 {
                word += 1
                guard word < words.count else { return nil }
                rest = words[word]
            }
            defer { rest &= rest - 1 }
            return word * 64 + rest.trailingZeroBitCount
        }
    }
}
