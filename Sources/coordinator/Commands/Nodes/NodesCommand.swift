import ArgumentParser
import FleetLink
import FleetModel
import Foundation
import Wire

/// `coordinator nodes`.
struct NodesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nodes",
        abstract: "Enrol machines, look at them, and take them out.",
        discussion: """
            Example: coordinator nodes enroll ann@gpu1

            Running studies notice every change: with `nodes: all` they use a node as soon as it is enrolled.
            """,
        subcommands: [
            ListNodes.self, ShowNode.self, CheckNodes.self, EnrollNode.self, AddNode.self, UpgradeNode.self,
            DrainNode.self, RemoveNode.self,
        ], defaultSubcommand: ListNodes.self)
}

/// A node as lists and scripts have it.
struct NodeRow: Encodable {
    let name: String
    let address: String
    /// `enrolled`, `drains`, `set aside`.
    let state: String
    let why: String?
    /// Checkpoints are always copied to it and from it.
    let hasOwnFiles: Bool

    init(_ node: EnrolledNode) {
        name = node.id.rawValue
        address = node.transport.words
        state = node.setAside != nil ? "set aside" : node.isDraining ? "drains" : "enrolled"
        why = node.setAside
        hasOwnFiles = node.hasOwnFiles
    }
}

extension Transport {
    /// `ann@gpu1:22`, or the program of a pipe.
    var words: String {
        switch self {
        case .pipe(let executable, let arguments): ([executable] + arguments).joined(separator: " ")
        case .ssh(let address): "\(address.user)@\(address.host)" + (address.port.map { ":\($0)" } ?? "")
        }
    }
}

extension CoordinatorHomeOptions {
    /// The node of that name.
    /// - Throws: an exit code where there is none.
    func node(_ name: String) throws -> EnrolledNode {
        if let node = try attempt({ try registry.node(NodeID(rawValue: name)) }) { return node }
        let names = try attempt { try registry.all() }.map(\.id.rawValue)
        throw Failure.usage(
            "there is no node \"\(name)\"; "
                + (names.isEmpty ? "none is enrolled" : "enrolled are \(names.joined(separator: ", "))"))
    }

    /// What `body` throws ends the command with exit code 1.
    func attempt<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let exit as ExitCode {
            throw exit
        } catch {
            throw Failure.failed(Text.fault(error))
        }
    }
}

/// `coordinator nodes list`.
struct ListNodes: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the enrolled nodes, without connecting to any.",
        discussion: "Example: coordinator nodes list --json")

    @OptionGroup var home: CoordinatorHomeOptions
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        let rows = try home.attempt { try home.registry.all() }.map { NodeRow($0) }
        if json { return try ResultsJSON.print(rows) }
        guard !rows.isEmpty else {
            return print("no node is enrolled; `coordinator nodes enroll USER@HOST` enrols one")
        }
        let table = rows.map { [$0.name, $0.address, $0.state, $0.why ?? ""] }
        print(Text.table([["node", "address", "state", "why"]] + table).joined(separator: "\n"))
    }
}

/// `coordinator nodes drain`.
struct DrainNode: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Place no new runs on a node; those that run go on to their end.",
        discussion: "Example: coordinator nodes drain gpu1, and later coordinator nodes drain gpu1 --undo")

    @Argument(help: "The node.") var name: String
    @OptionGroup var home: CoordinatorHomeOptions
    @Flag(help: "Use the node again.") var undo = false
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        var node = try home.node(name)
        node.isDraining = !undo
        try home.attempt { try home.registry.update(node) }
        if json { return try ResultsJSON.print(NodeRow(node)) }
        print(undo ? "node \(name) is used again" : "node \(name) drains: it gets no new runs")
    }
}

/// `coordinator nodes remove`.
struct RemoveNode: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Forget a node. Studies that run on it try its trials elsewhere.",
        discussion: """
            The node itself is not touched: `agent leave` there takes the coordinator's key away.

            Example: coordinator nodes remove gpu1
            """)

    @Argument(help: "The node.") var name: String
    @OptionGroup var home: CoordinatorHomeOptions
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        let node = try home.node(name)
        _ = try home.attempt { try home.registry.remove(node.id) }
        if json { return try ResultsJSON.print(NodeRow(node)) }
        print("node \(name) is forgotten; `agent leave` on it takes the coordinator's key away")
    }
}
