import FleetLink
import FleetModel
import Foundation
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

    /// The node as one end of a checkpoint's way.
    func end(_ node: NodeID) -> CheckpointRelay.End {
        let hasOwnFiles = state.withLock { $0.members[node]?.node.hasOwnFiles ?? false }
        return CheckpointRelay.End(node, hasOwnFiles: hasOwnFiles) { [self] () throws(LinkFailure) in
            try openBulk(node)
        }
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
        // The results are read and kept through this machine's agent, whether or not it is to train.
        let bound = bound.union([.local])
        let mine = all.filter { $0.setAside == nil && (choice.names($0.id) || bound.contains($0.id)) }
        return Dictionary(mine.map { ($0.id, $0) }) { first, _ in first }
    }

    private func update(_ state: inout State, to wanted: [NodeID: EnrolledNode]) -> Changes {
        var changes = Changes()
        for (id, member) in state.members {
            if wanted[id]?.transport != member.node.transport {
                member.close()
                state.members[id] = nil
                // One that was set aside is out of reach, like one that is down.
                if wanted[id] != nil || !state.enrolled.contains(id) { changes.left.append(id) }
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
        let link = NodeLink(node: node.id, transport: node.transport, home: registry.home)
        let post = post
        let listener = Task { for await event in link.events { await post(node.id, event) } }
        return Member(node: node, link: link, listener: listener)
    }

    /// Where other nodes reach a node.
    func address(of id: NodeID) -> String {
        state.withLock { state in
            let here = state.members.values.allSatisfy { $0.node.address == nil }
            return state.members[id]?.node.address ?? (here ? "127.0.0.1" : ProcessInfo.processInfo.hostName)
        }
    }

    /// What an inventory of the node offers to a study. Slots that the study is not to use are not there at
    /// all, unless a run of it is on one; those of a node that drains say so.
    func offers(_ inventory: Inventory, of id: NodeID, to study: StudyID) -> [ShownSlot] {
        let (isDraining, hasOthers) = state.withLock { state in
            (state.members[id]?.node.isDraining ?? false, !state.enrolled.isEmpty)
        }
        let takesPart = { [choice] (slot: Slot) in
            guard choice.names(id) else { return false }
            guard id == .local, choice == .all, hasOthers, case .cpu = slot else { return true }
            return false
        }
        let mine = inventory.slots.filter { entry in
            if case .held(let run) = entry.state, run.study == study { return true }
            return takesPart(entry.slot)
        }
        return mine.map { entry in
            let reservation = isDraining || !takesPart(entry.slot) ? "node \(id) drains" : nil
            return ShownSlot(entry, in: study, reservation: reservation)
        }
    }

    /// Notes down that no link to the node is tried any more, and why.
    func setAside(_ id: NodeID, because reason: String) throws {
        guard var node = try registry.node(id), node.setAside == nil else { return }
        node.setAside = reason
        try registry.update(node)
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
