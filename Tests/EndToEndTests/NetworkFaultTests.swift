import FleetLink
import FleetModel
import Forwarding
import Foundation
import Journal
import Spawn
import StudyCore
import Testing
import Wire

/// Faults that other programs make: nftables loses packets, libfaketime moves a node's clock, a forwarder takes its
/// time.
@Suite(.serialized, .timeLimit(.minutes(5))) struct NetworkFaultTests {
    @Test(.enabled(if: Loss.isPossible, "packets are lost by nftables, as root"))
    func `a study goes on over a way that loses a fifth of its packets`() async throws {
        let bench = try Bench(FleetFaultTests.study(trials: 6))
        // No other node could do the work while this one is slow to answer.
        let fleet = try await LoopbackFleet(1, for: bench)
        let loss = try Loss(ofPercent: 20, port: try fleet.port(of: "node1"))
        let result = try await bench.run("start")
        let lost = try loss.packets
        #expect(result.exit == 0, "\(result.errors)")
        // Hundreds pass. Which are lost is chance, that none is would be none.
        #expect(lost > 0)
        #expect(try bench.engine().trials.allSatisfy { $0.faults == 0 && $0.result != nil })
        #expect(try bench.differences(home: fleet.agentHome) == [])
        try FleetFaultTests().expectWholeReports(bench)
    }

    @Test func `a study goes on over a way that takes 200 ms there and 200 ms back`() async throws {
        let bench = try Bench(FleetFaultTests.study(trials: 6))
        let fleet = try await LoopbackFleet(1, for: bench)
        let way = try fleet.delay("node1", by: 0.2)
        let result = try await bench.run("start")
        #expect(result.exit == 0, "\(result.errors)")
        #expect(way.bytesFromTarget > 10_000)
        #expect(try bench.engine().trials.allSatisfy { $0.faults == 0 && $0.result != nil })
        #expect(try bench.differences(home: fleet.agentHome) == [])
        try FleetFaultTests().expectWholeReports(bench)
    }

    @Test func `a node whose clock jumps by a day, and back by two, is like any other`() async throws {
        let bench = try Bench(FleetFaultTests.study(trials: 6))
        let fleet = try await LoopbackFleet(2, for: bench)
        let clock = try fleet.giveClock(to: "node1")
        let start = try bench.begin("start")
        for (trial, offset) in [(1, "+86400"), (3, "-86400")] {
            _ = await start.line { $0.contains("0.\(trial) completed") }
            try offset.write(toFile: clock, atomically: true, encoding: .utf8)
        }
        let result = await start.end()
        #expect(result.exit == 0, "\(result.errors)")
        // The node's own log is proof that its clock has jumped.
        let log = try String(contentsOfFile: fleet.agentHome(of: "node1") + "/agent.log", encoding: .utf8)
        #expect(Set(log.split(separator: "\n").map { $0.prefix(10) }).count >= 2, "\(log)")
        let engine = try bench.engine()
        #expect(engine.trials.allSatisfy { $0.faults == 0 && $0.result != nil })
        #expect(engine.trials.allSatisfy { (0..<600).contains($0.slotSeconds(at: engine.now)) })
        #expect(try bench.differences(home: fleet.agentHome) == [])
        try FleetFaultTests().expectWholeReports(bench)
    }
}

extension LoopbackFleet {
    /// From now on the coordinator reaches a node by a way that takes so long, in seconds, in each direction, as long
    /// as the answer lives.
    func delay(_ node: String, by seconds: Double) throws -> Forwarder {
        let known = try #require(try bench.registry.node(NodeID(rawValue: node)))
        guard case .ssh(let address) = known.transport else { throw Failure(description: "\(known)") }
        let way = try Forwarder(to: try port(of: node), delay: seconds)
        let slow = SSHAddress(
            host: address.host, port: way.port, user: address.user, hostKeys: address.hostKeys)
        try bench.registry.update(EnrolledNode(id: known.id, transport: .ssh(slow), address: known.address))
        return way
    }

    /// Starts a node's agent anew with libfaketime around it and all that it starts.
    /// - Returns: the file that says by how many seconds its clock is off, as `+86400`.
    func giveClock(to node: String) throws -> String {
        let places = ["x86_64", "aarch64"].map { "/usr/lib/\($0)-linux-gnu/faketime/libfaketime.so.1" }
        let library = try #require(
            places.first { FileManager.default.isReadableFile(atPath: $0) }, "Debian's faketime is missing")
        let file = "\(folder)/\(node)/clock"
        try "+0".write(toFile: file, atomically: true, encoding: .utf8)
        let keys = "\(folder)/\(node)/authorized_keys"
        let environment =
            "LD_PRELOAD=\(library) FAKETIME_TIMESTAMP_FILE=\(file) FAKETIME_NO_CACHE=1 "
            + "FAKETIME_DONT_FAKE_MONOTONIC=1"
        // libfaketime moves the environment of the first program that it is loaded into, from where Swift's runtime
        // would look for the arguments.
        let program = "/usr/bin/env \(environment) /usr/bin/env "
        let text = try String(contentsOfFile: keys, encoding: .utf8)
        try text.replacing("command=\"", with: "command=\"" + program)
            .write(toFile: keys, atomically: false, encoding: .utf8)
        endAgent(of: node)
        return file
    }
}

/// Every fifth packet or so, from and to a port of loopback, vanishes while this lives. Nothing is told of it, as
/// where a line is bad.
private final class Loss {
    /// A table of its own, which touches no other.
    private let table: String

    static var isPossible: Bool {
        (try? Program(["nft", "list", "tables"]).capture().end) == .exit(0)
    }

    init(ofPercent percent: Int, port: Int) throws {
        table = "hpo-\(port)"
        try Self.nft("add", "table", "inet", table)
        try Self.nft("add", "chain", "inet", table, "in", "{ type filter hook prerouting priority -300 ; }")
        for side in ["dport", "sport"] {
            try Self.nft(
                "add", "rule", "inet", table, "in", "tcp", side, "\(port)", "numgen", "random", "mod", "100",
                "<", "\(percent)", "counter", "drop")
        }
    }

    deinit { _ = try? Self.nft("delete", "table", "inet", table) }

    /// How many were lost.
    var packets: Int {
        get throws {
            let words = try Self.nft("list", "table", "inet", table).split { " \n".contains($0) }
            return zip(words, words.dropFirst()).filter { $0.0 == "packets" }.compactMap { Int($0.1) }
                .reduce(0, +)
        }
    }

    @discardableResult
    private static func nft(_ arguments: String...) throws -> String {
        let answer = try Program(["nft"] + arguments).capture(withErrors: true)
        guard answer.end == .exit(0) else { throw LoopbackFleet.Failure(description: answer.text) }
        return answer.text
    }
}
