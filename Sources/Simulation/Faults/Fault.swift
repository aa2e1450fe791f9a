public import FleetModel

/// What can go wrong on a fleet, outside of the trainers. The same words say it of a simulated fleet and of a
/// real one, where processes are killed for it.
public enum FaultKind: String, CaseIterable, Hashable, Sendable {
    /// The connection ends, with what is under way, and none comes about for so long.
    case linkCut = "cut"
    /// Nothing passes through the link for so long, and nobody says so; then everything arrives.
    case linkFrozen = "freeze"
    /// The agent's process dies; runs go on.
    case agentCrash = "kill-agent"
    /// The processes of all runs on the node die. Nothing heals: they stay dead.
    case runsKilled = "kill-runs"
    /// The machine loses its power: everything on it dies, and the last lines of files may be lost.
    case powerLoss = "power-off"
    case diskFull = "fill-disk"
    /// Somebody else's process takes a slot.
    case slotTaken = "take"
    /// The coordinator's process dies at some point of its next turn.
    case coordinatorCrash = "kill-coordinator"
    /// A person pauses the study, and starts it again so much later.
    case pause = "pause"
    /// The head node's clock steps back by so many seconds.
    case clockStep = "clock-back"

    /// Whether each node is struck by itself; the others strike the head.
    public var strikesNodes: Bool {
        switch self {
        case .linkCut, .linkFrozen, .agentCrash, .runsKilled, .powerLoss, .diskFull, .slotTaken: true
        case .coordinatorCrash, .pause, .clockStep: false
        }
    }
}

/// One fault: what, where, when and for how long. As text a line such as `12.5 cut node1 for 3`,
/// `4 take node0:gpu1 for 20` or `7.25 kill-coordinator for 1`.
public struct Fault: Hashable, Sendable {
    public let kind: FaultKind
    /// nil where it strikes the head.
    public let node: NodeID?
    /// Of `take` only.
    public let slot: Slot?
    /// Seconds since the study was started for the first time; 0 or more.
    public let at: Double
    /// How long it lasts; 0 or more.
    public let seconds: Double

    /// A node where the kind strikes nodes, and a slot where it takes one: anything else is a bug.
    public init(_ kind: FaultKind, node: NodeID? = nil, slot: Slot? = nil, at: Double, seconds: Double) {
        precondition(kind.strikesNodes == (node != nil), "\(kind) strikes a node or the head, not the other")
        precondition((kind == .slotTaken) == (slot != nil), "a slot is taken, and nothing else is done to it")
        precondition(at >= 0 && at.isFinite && seconds >= 0 && seconds.isFinite, "a fault has a time")
        self.kind = kind
        self.node = node
        self.slot = slot
        self.at = at
        self.seconds = seconds
    }
}

extension Fault: CustomStringConvertible {
    public var description: String {
        let place = node.map { node in " \(node)" + (slot.map { ":\($0)" } ?? "") } ?? ""
        return "\(at.short) \(kind.rawValue)\(place) for \(seconds.short)"
    }
}

extension Double {
    /// Without the `.0` of a whole number.
    fileprivate var short: String {
        let text = "\(self)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}

// MARK: - From text

extension Fault {
    /// What a line of a script should have been.
    public struct Unreadable: Error, Hashable, Sendable, CustomStringConvertible {
        /// From 1.
        public let line: Int
        public let found: String
        public let expected: String

        public var description: String { "line \(line): found \(found), expected \(expected)" }
    }

    /// Reads a script, a fault a line in any order; what follows a `#` is a remark. Sorted by time, faults of
    /// one time as they stand.
    public static func script(_ text: String) throws(Unreadable) -> [Fault] {
        var faults: [Fault] = []
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        for (number, line) in lines.enumerated() {
            let said = line.prefix { $0 != "#" }
            let words = said.split(whereSeparator: \.isWhitespace).map(String.init)
            if !words.isEmpty { faults.append(try Fault(words, line: number + 1)) }
        }
        let order = faults.indices.sorted { (faults[$0].at, $0) < (faults[$1].at, $1) }
        return order.map { faults[$0] }
    }

    private init(_ words: [String], line: Int) throws(Unreadable) {
        func refusal(_ found: String, _ expected: String) -> Unreadable {
            Unreadable(line: line, found: found, expected: expected)
        }
        let form = "TIME FAULT [NODE] for SECONDS, such as 12.5 cut node1 for 3"
        guard words.count >= 4, words[words.count - 2] == "for" else {
            throw refusal(words.joined(separator: " "), form)
        }
        func seconds(_ word: String) throws(Unreadable) -> Double {
            guard let seconds = Double(word), seconds >= 0, seconds <= 1e9 else {
                throw refusal(word, "seconds from 0 to 1000000000")
            }
            return seconds
        }
        guard let kind = FaultKind(rawValue: words[1]) else {
            throw refusal(words[1], "one of " + FaultKind.allCases.map(\.rawValue).joined(separator: ", "))
        }
        let (at, lasting) = (try seconds(words[0]), try seconds(words[words.count - 1]))
        let place = words[2..<words.count - 2].joined(separator: " ")
        guard kind.strikesNodes else {
            guard place.isEmpty else { throw refusal(place, "no place: \(kind.rawValue) strikes the head") }
            self.init(kind, at: at, seconds: lasting)
            return
        }
        let names = place.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = names.first.map(String.init), FolderName.isSafe(name) else {
            throw refusal(place.isEmpty ? "no place" : place, "the name of a node after \(kind.rawValue)")
        }
        let slot = names.count == 2 ? Slot(names[1]) : nil
        guard (slot != nil) == (kind == .slotTaken), names.count == (slot == nil ? 1 : 2) else {
            let isTaking = kind == .slotTaken
            throw refusal(place, isTaking ? "a node and a slot, such as node0:gpu1" : "the name of a node")
        }
        self.init(kind, node: NodeID(rawValue: name), slot: slot, at: at, seconds: lasting)
    }
}

extension Slot {
    /// Reads `gpu3` or `cpu0`.
    fileprivate init?(_ text: some StringProtocol) {
        guard let index = Int(text.dropFirst(3)), index >= 0 else { return nil }
        switch text.prefix(3) {
        case "gpu": self = .gpu(index: index)
        case "cpu": self = .cpu(index: index)
        default: return nil
        }
    }
}
