public import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Wire

/// The enrolled nodes of a coordinator's home: one JSON file a node, each written whole and saved before its
/// name appears, so that readers need no lock.
public struct NodeRegistry: Hashable, Sendable {
    public let home: CoordinatorHome

    public init(_ home: CoordinatorHome) {
        self.home = home
    }

    /// What is wrong, and what to do, in one sentence.
    public struct Refusal: Error, Hashable, CustomStringConvertible {
        public let description: String

        public init(_ description: String) { self.description = description }
    }

    /// Every node, sorted by name.
    /// - Throws: `Refusal` where a file is no node's.
    public func all() throws -> [EnrolledNode] {
        try names(in: home.nodes).filter { $0.hasSuffix(Self.suffix) && !$0.hasPrefix(".") }.sorted()
            .map { try read(NodeID(rawValue: String($0.dropLast(Self.suffix.count)))) }
    }

    /// The node of that name; nil where there is none.
    public func node(_ id: NodeID) throws -> EnrolledNode? {
        FolderName.isSafe(id.rawValue) && access(file(id), F_OK) == 0 ? try read(id) : nil
    }

    /// Whether a machine may be enrolled under a name: it is one, and no other machine has it.
    /// - Throws: `Refusal` where it may not.
    /// - Returns: the node of that name, where it is the same machine.
    @discardableResult
    public func vet(_ id: NodeID, for machine: Transport) throws -> EnrolledNode? {
        guard FolderName.isSafe(id.rawValue), id != .local else {
            throw Refusal(
                "a node cannot be called \"\(id)\": expected letters, digits, - _ and ., "
                    + "not starting with a dot, and not `local`, which is the coordinator's own machine")
        }
        guard let known = try node(id) else { return nil }
        guard known.transport.isSameMachine(as: machine) else { throw taken(id) }
        return known
    }

    private func taken(_ id: NodeID) -> Refusal {
        Refusal(
            "the name \(id) is taken by a node that is enrolled: choose another with "
                + "--name, or remove that one with `coordinator nodes remove \(id)`")
    }

    /// Takes in a new node.
    /// - Throws: `Refusal` where the name cannot be one or is taken, or the same agent has a name already.
    public func add(_ node: EnrolledNode) throws {
        guard try vet(node.id, for: node.transport) == nil else { throw taken(node.id) }
        if let known = try all().first(where: { $0.id != node.id && $0.isSameAgent(as: node) }) {
            throw Refusal(
                "this agent is enrolled as \(known.id) already (the same user and host keys on the same machine): "
                    + "keep that name, or take it away first with `coordinator nodes remove \(known.id)`")
        }
        let fresh = try writeAside(node)
        defer { unlink(fresh) }
        // Unlike rename(2), link(2) never replaces: of two that add the same name, one learns of the other.
        guard link(fresh, file(node.id)) == 0 else {
            guard errno == EEXIST else { throw SystemError("write \(file(node.id))") }
            throw taken(node.id)
        }
    }

    /// Writes a node again that is enrolled.
    public func update(_ node: EnrolledNode) throws {
        let fresh = try writeAside(node)
        try checked("write \(file(node.id))") { rename(fresh, file(node.id)) }
    }

    /// Forgets a node; false where there is none of that name.
    public func remove(_ id: NodeID) throws -> Bool {
        guard FolderName.isSafe(id.rawValue) else { return false }
        if unlink(file(id)) == 0 { return true }
        guard errno == ENOENT else { throw SystemError("remove \(file(id))") }
        return false
    }

    /// Another value after every change: whoever kept the last one need not read the files again.
    public var version: Version {
        var status = stat()
        guard stat(home.nodes, &status) == 0 else { return Version(seconds: 0, nanoseconds: 0) }
        return Version(seconds: status.st_mtim.tv_sec, nanoseconds: Int(status.st_mtim.tv_nsec))
    }

    /// When the folder was changed last.
    public struct Version: Hashable, Sendable {
        let seconds: Int
        let nanoseconds: Int
    }

    private static let suffix = ".json"

    private func file(_ id: NodeID) -> String { home.nodes + "/\(id)" + Self.suffix }

    private func read(_ id: NodeID) throws -> EnrolledNode {
        guard let bytes = contents(file(id)) else { throw SystemError("read \(file(id))") }
        do {
            let node = try Lines.decode(EnrolledNode.self, from: Data(bytes))
            if node.id == id { return node }
        } catch is DecodingError {}
        throw Refusal(
            "\(file(id)) does not describe a node \(id): remove it, and enrol the node again")
    }

    /// The node in a file of its own beside the others, saved.
    private func writeAside(_ node: EnrolledNode) throws -> String {
        try home.makeFolder(home.nodes)
        let path = home.nodes + "/.\(node.id).\(getpid()).\(UInt32.random(in: 0...UInt32.max))"
        let descriptor = try checked("write \(path)") {
            open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        }
        defer { close(descriptor) }
        try writeAll(try Lines.encode(node), to: descriptor, as: "write \(path)")
        try checked("save \(path)") { fsync(descriptor) }
        return path
    }
}
