public import FleetModel

/// Where checkpoints lie beside the node that wrote each, and where they are being brought.
public struct Copies: Hashable, Sendable {
    /// What became of bringing a checkpoint to a node.
    public enum State: Hashable, Codable, Sendable {
        /// Being brought, after so many failures in a row.
        case onItsWay(failures: Int)
        case there
        /// Could not be brought, so many times in a row; not tried again before `retryAt`.
        case failed(failures: Int, retryAt: Timestamp)
    }

    private var states: [Checkpoint: [NodeID: State]] = [:]

    public subscript(checkpoint: Checkpoint, node: NodeID) -> State? {
        get { states[checkpoint]?[node] }
        set {
            states[checkpoint, default: [:]][node] = newValue
            if states[checkpoint]!.isEmpty { states[checkpoint] = nil }
        }
    }

    /// Forgets all copies of a checkpoint; answers the nodes that have one or may be about to, sorted.
    mutating func forget(_ checkpoint: Checkpoint) -> [NodeID] {
        let found = nodes(with: checkpoint) { $0 == .there || $0.isOnItsWay }
        states[checkpoint] = nil
        return found
    }

    /// Forgets what is on its way to a node.
    mutating func giveUp(_ node: NodeID) {
        for checkpoint in Array(states.keys) where self[checkpoint, node] != .there {
            self[checkpoint, node] = nil
        }
    }

    /// Nodes that have it beside the one that wrote it, sorted.
    func nodes(with checkpoint: Checkpoint) -> [NodeID] { nodes(with: checkpoint) { $0 == .there } }

    /// Nodes that it is being brought to, sorted.
    func destinations(of checkpoint: Checkpoint) -> [NodeID] {
        nodes(with: checkpoint, where: \.isOnItsWay)
    }

    private func nodes(with checkpoint: Checkpoint, where fits: (State) -> Bool) -> [NodeID] {
        (states[checkpoint] ?? [:]).filter { fits($0.value) }.keys.sorted()
    }

    /// Checkpoints of which there is anything to tell, in the order of their runs.
    var checkpoints: [Checkpoint] {
        states.keys.sorted { ($0.run, $0.step, $0.name) < ($1.run, $1.step, $1.name) }
    }

    /// When something that could not be brought is tried again.
    var retries: [Timestamp] {
        Set(states.values.flatMap(\.values).compactMap(\.retryAt)).sorted()
    }
}

extension Copies.State {
    var isOnItsWay: Bool {
        if case .onItsWay = self { true } else { false }
    }

    /// In a row, up to now.
    var failures: Int {
        switch self {
        case .onItsWay(let failures), .failed(let failures, _): failures
        case .there: 0
        }
    }

    fileprivate var retryAt: Timestamp? {
        if case .failed(_, let moment) = self { moment } else { nil }
    }
}

/// A list in order, so that equal states are equal bytes.
extension Copies: Codable {
    private struct Entry: Codable {
        let checkpoint: Checkpoint
        let node: NodeID
        let state: State
    }

    public init(from decoder: any Decoder) throws {
        for entry in try decoder.singleValueContainer().decode([Entry].self) {
            self[entry.checkpoint, entry.node] = entry.state
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(
            checkpoints.flatMap { checkpoint in
                states[checkpoint]!.sorted { $0.key < $1.key }.map { node, state in
                    Entry(checkpoint: checkpoint, node: node, state: state)
                }
            })
    }
}
