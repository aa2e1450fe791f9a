import ArgumentParser
import FleetLink
import FleetModel
import Foundation
import Wire

/// `coordinator nodes add`.
struct AddNode: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add a node by the ticket that `agent enroll` printed there.",
        discussion: """
            Pins the host keys of the ticket, tries the link, and only then writes the node down.

            Example: coordinator nodes add 'iterhpo-ticket-1.…' --address gpu1
            """)

    @Argument(help: "The ticket.") var ticket: String
    @Option(help: "The node's name (default: as the ticket has it).") var name: String?
    @Option(
        help:
            "Where to reach it: HOST, HOST:PORT, or an alias of ~/.ssh/config (default: what the ticket knows)."
    )
    var address: String?
    @OptionGroup var files: FilesOptions
    @OptionGroup var home: CoordinatorHomeOptions
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let now = Int(Date().timeIntervalSince1970)
        let ticket = try Failure.asUsage { try Ticket(reading: self.ticket, now: now) }
        let places = try address.map { [try place($0)] } ?? ticket.places
        let enrolment = NodeEnrolment(
            registry: home.registry, ticket: ticket, name: name, hasOwnFiles: files.ownFiles)
        let (node, probe) = try await enrolment.add(at: places)
        if json { return try ResultsJSON.print(NodeReport(node, .success(probe))) }
        print("node \(node.id) is enrolled: " + NodeReport(node, .success(probe)).cells[3])
    }

    /// `HOST:PORT`, or a host alone, whose port `~/.ssh/config` may say.
    private func place(_ text: String) throws -> (String, Int?) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let port = parts.count == 2 ? Int(parts[1]) : nil
        let host = port == nil ? text : parts[0]
        guard SSHAddress.isHost(host), port.map({ (1...65_535).contains($0) }) ?? true else {
            throw Failure.usage("--address: found \"\(text)\", expected HOST or HOST:PORT")
        }
        return (host, port)
    }
}

/// What is said of a node's files at its enrolment.
struct FilesOptions: ParsableArguments {
    @Flag(
        help: """
            Copy checkpoints to this node and from it, even where it sees the files of the other node. Without \
            it, nodes that share a file system read each other's checkpoints there.
            """)
    var ownFiles = false
}

/// From a ticket to a node that has answered.
struct NodeEnrolment {
    let registry: NodeRegistry
    let ticket: Ticket
    let name: String?
    let hasOwnFiles: Bool

    /// Writes the node down once it answers at one of the places, which are tried in order. Enrolled again, a
    /// node keeps what was said of it since, but that it was set aside.
    /// - Throws: an exit code, after the reason was said.
    func add(at places: [(host: String, port: Int?)]) async throws -> (EnrolledNode, NodeProbe) {
        let id = NodeID(rawValue: name ?? ticket.name)
        try Failure.asUsage { try checkKey() }
        var failures: [String] = []
        for (host, port) in places {
            let transport = Transport.ssh(
                SSHAddress(host: host, port: port, user: ticket.user, hostKeys: ticket.hostKeys))
            let known = try Failure.asUsage { try registry.vet(id, for: transport) }
            switch await NodeProbe.look(at: id, over: transport, home: registry.home) {
            case .failure(let failure): failures.append(failure.description(of: id))
            case .success(let probe):
                let node = EnrolledNode(
                    id: id, transport: transport, address: ticket.addresses[0],
                    isDraining: known?.isDraining ?? false,
                    hasOwnFiles: hasOwnFiles || known?.hasOwnFiles == true,
                    agent: AgentPlace(hostname: probe.inventory.hostname, home: ticket.home))
                try Failure.asUsage { try known == nil ? registry.add(node) : registry.update(node) }
                return (node, probe)
            }
        }
        throw Failure.failed(
            "node \(id) is not added, because it could not be reached:\n  "
                + failures.joined(separator: "\n  ")
                + "\nSay where it can be reached with --address")
    }

    private func checkKey() throws {
        let own = try registry.home.publicKey()
        guard ticket.key.description == own else {
            throw NodeRegistry.Refusal(
                "this ticket answers the invite of another coordinator: run `agent enroll` on "
                    + "the node with the line that `coordinator invite` prints here")
        }
    }
}

extension Ticket {
    /// Where the machine thinks that it can be reached.
    var places: [(host: String, port: Int?)] { addresses.map { ($0, port) } }
}
