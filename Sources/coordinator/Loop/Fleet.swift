import FleetLink
import FleetModel
import StudyCore
import Synchronization
import Wire

/// The links to the nodes of one study. Nodes may join, drain and leave at any time: whoever calls `refresh`
/// learns of it from the registry.
final class Fleet: Sendable {
    /// A node with its link, and the task that passes on what the link tells.
    private struct Member {
        var node: EnrolledNode
        let link: NodeLink
        let listener: Task<Void, Never>

        func close() {
            link.close()
            listener.cancel()
        }
    }

    private struct State {
        var members: [NodeID: Member] = [:]
        /// Nodes other than `local` that are enrolled, in this study or not.
        var enrolled: Set<NodeID> = []
        var version: NodeRegistry.Version?
    }

    /// What a refresh found.
    struct Changes {
        /// Their links were opened.
        var joined: [NodeID] = []
        /// They are removed from the registry, or another machine has their name: their links are closed.
        var left: [NodeID] = []
        /// They are to be surveyed again: what is offered of them has changed.
        var changed: [NodeID] = []
    }

    private let local: Transport
    private let registry: NodeRegistry
    private let choice: NodeChoice
    private let post: @Sendable (NodeID, LinkEvent) async -> Void
    private let state = Mutex(State())

    /// - Parameter post: is told what the links tell, each node's in order.
    init(
        local: Transport, registry: NodeRegistry, choice: NodeChoice,
        post: @escaping @Sendable (NodeID, LinkEvent) async -> Void
    ) {
        (self.local, self.registry, self.choice, self.post) = (local, registry, choice, post)
    }

    func link(_ node: NodeID) -> NodeLink? { state.withLock { $0.members[node]?.link } }

    func send(_ order: Order, to node: NodeID) { link(node)?.send(order) }

    /// A stream for bulk to the node's agent: see `NodeLink.openBulk`. Blocks.
    func openBulk(_ node: NodeID) throws(LinkFailure) -> BulkChannel {
        guard let link = link(node) else { throw .lost(why: "there is no link to node \(node)") }
        return try link.openBulk()
    }

    /// Opens links to nodes that have joined, closes those to nodes that have left. Cheap where the registry
    /// is as it was.
    /// - Parameter bound: nodes that hold something of the study, whatever it is to use from now on.
    /// - Throws: where the registry cannot be read; then nothing has changed.
    func refresh(bound: some Sequence<NodeID>) throws -> Changes {
        let version = registry.version
        guard state.withLock({ $0.version != version }) else { return Changes() }
        let enrolled = try registry.all()
        let wanted = wanted(of: enrolled, bound: Set(bound))
        return state.withLock { state in
            let hadOthers = !state.enrolled.isEmpty
            state.version = version
            state.enrolled = Set(enrolled.map(\.id))
            var changes = update(&state, to: wanted)
            // Whether this machine's cores are offered depends on there being others.
            if hadOthers == state.enrolled.isEmpty, state.members[.local] != nil {
                changes.changed.append(.local)
            }
            return changes
        }
    }

    private func wanted(of enrolled: [EnrolledNode], bound: Set<NodeID>) -> [NodeID: EnrolledNode] {
        let all = [EnrolledNode(id: .local, transport: local)] + enrolled
        let mine = all.filter { $0.setAside == nil && (choice.names($0.id) || bound.contains($0.id)) }
        return Dictionary(mine.map { ($0.id, $0) }) { first, _ in first }
    }

    private func update(_ state: inout State, to wanted: [NodeID: EnrolledNode]) -> Changes {
        var changes = Changes()
        for (id, member) in state.members {
            if wanted[id]?.transport != member.node.transport {
                member.close()
                state.members[id] = nil
                changes.left.append(id)
            } else if let node = wanted[id], node != member.node {
                state.members[id]?.node = node
                changes.changed.append(id)
            }
        }
        for (id, node) in wanted where state.members[id] == nil {
            state.members[id] = open(node)
            changes.joined.append(id)
        }
        return changes
    }

    private func open(_ node: EnrolledNode) -> Member {
        let link = NodeLink(node: node.id, transport: node.transport)
        let post = post
        let listener = Task { for await event in link.events { await post(node.id, event) } }
        return Member(node: node, link: link, listener: listener)
    }

    /// Why no new run is to be placed on a slot of the node; nil where one may be.
    func reservation(of slot: Slot, on id: NodeID) -> String? {
        state.withLock { state in
            guard let node = state.members[id]?.node else { return "node \(id) is not enrolled any more" }
            if node.isDraining { return "node \(id) drains" }
            guard choice.names(id) else { return "resources.nodes does not name node \(id)" }
            guard id == .local, choice == .all, case .cpu = slot, !state.enrolled.isEmpty else { return nil }
            return "this machine has no GPU, and other nodes are enrolled: resources.nodes may name `local`"
        }
    }

    func close() {
        state.withLock { state in
            for member in state.members.values { member.close() }
            state.members = [:]
        }
    }
}

extension NodeChoice {
    /// Whether the study is to use the node.
    fileprivate func names(_ node: NodeID) -> Bool {
        switch self {
        case .all: true
        case .named(let nodes): nodes.contains(node)
        }
    }
}
