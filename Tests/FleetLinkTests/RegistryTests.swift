import FleetModel
import Foundation
import Testing
import Wire

@testable import FleetLink

@Suite final class `the registry of nodes` {
    let home = CoordinatorHome(path: "/tmp/iterhpo-home-\(UInt32.random(in: 0...UInt32.max))")
    var registry: NodeRegistry { NodeRegistry(home) }

    deinit { try? FileManager.default.removeItem(atPath: home.path) }

    func node(_ name: String, _ argument: String = "attach") -> EnrolledNode {
        EnrolledNode(
            id: NodeID(rawValue: name), transport: .pipe(executable: "/bin/agent", arguments: [argument]))
    }

    @Test func `what is added is there, sorted, for its owner only, and what is removed is not`() throws {
        #expect(try registry.all() == [])
        for name in ["b", "a", "c"] { try registry.add(node(name)) }
        #expect(try registry.all() == [node("a"), node("b"), node("c")])
        #expect(try registry.remove(NodeID(rawValue: "b")))
        #expect(try !registry.remove(NodeID(rawValue: "b")))
        #expect(try registry.all().map(\.id.rawValue) == ["a", "c"])
        let files = FileManager.default
        for (path, mode) in [(home.path, 0o700), (home.nodes, 0o700), (home.nodes + "/a.json", 0o600)] {
            #expect(try files.attributesOfItem(atPath: path)[.posixPermissions] as? Int == mode, "\(path)")
        }
        #expect(try files.contentsOfDirectory(atPath: home.nodes).sorted() == ["a.json", "c.json"])
    }

    @Test func `a name that is taken is refused, and the first node stays`() throws {
        try registry.add(node("a", "first"))
        #expect(throws: NodeRegistry.Refusal.self) { try registry.add(node("a", "second")) }
        #expect(try registry.node(NodeID(rawValue: "a")) == node("a", "first"))
    }

    @Test(arguments: ["", "..", ".hidden", "a/b", "local", "a b", "ä", String(repeating: "n", count: 129)])
    func `a name that is none is refused`(name: String) throws {
        #expect(throws: NodeRegistry.Refusal.self) { try registry.add(node(name)) }
        #expect(try registry.node(NodeID(rawValue: name)) == nil)
        #expect(try !registry.remove(NodeID(rawValue: name)))
    }

    @Test func `an update replaces, and readers learn that something has changed`() throws {
        try registry.add(node("a"))
        let version = registry.version
        var changed = node("a")
        changed.isDraining = true
        try registry.update(changed)
        #expect(try registry.all() == [changed])
        #expect(registry.version != version)
    }

    /// A machine behind sshd.
    func machine(
        _ name: String, _ host: String, keys: String = "AAAAC3Nz", user: String = "ann", at place: AgentPlace?
    ) -> EnrolledNode {
        let address = SSHAddress(
            host: host, port: 22, user: user, hostKeys: [HostKey("ssh-ed25519 \(keys)")!])
        return EnrolledNode(id: NodeID(rawValue: name), transport: .ssh(address), agent: place)
    }

    @Test func `an agent that has a name gets no second one, wherever it is reached`() throws {
        let place = AgentPlace(hostname: "box", home: "/home/ann/.iterhpo/agent")
        try registry.add(machine("node1", "10.0.0.1", at: place))
        for other in [
            machine("node2", "10.0.0.1", at: place), machine("node2", "box.example.org", at: place),
            machine("node2", "10.0.0.1", at: nil),
            machine("node2", "box", at: AgentPlace(hostname: "box", home: nil)),
        ] {
            #expect {
                try registry.add(other)
            } throws: { "\($0)".contains("this agent is enrolled as node1 already") }
        }
        #expect(try registry.all().map(\.id.rawValue) == ["node1"])
    }

    @Test func `another agent of a machine, and a machine of the same image, are others`() throws {
        let home = "/home/ann/.iterhpo/agent"
        let others = [
            machine("a", "10.0.0.1", at: AgentPlace(hostname: "box", home: home)),
            machine("b", "10.0.0.1", keys: "AAAAC3NzOther", at: AgentPlace(hostname: "box", home: home)),
            machine("c", "10.0.0.1", user: "bob", at: AgentPlace(hostname: "box", home: home)),
            machine("d", "10.0.0.4", at: AgentPlace(hostname: "box", home: "/data/agent")),
            machine("e", "10.0.0.5", at: AgentPlace(hostname: "clone", home: home)),
            // Written by a version that did not ask.
            machine("f", "10.0.0.6", at: nil),
        ]
        for other in others { try registry.add(other) }
        #expect(try registry.all() == others)
    }

    @Test(arguments: ["", "{}", "[1]", #"{"id":"b","isDraining":false,"transport":{}}"#])
    func `a file that is no node's is named`(text: String) throws {
        try registry.add(node("a"))
        try text.write(toFile: home.nodes + "/a.json", atomically: false, encoding: .utf8)
        #expect { try registry.all() } throws: { "\($0)".contains("/a.json does not describe a node a") }
    }
}
