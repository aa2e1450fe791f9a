import FleetLink
import FleetModel
import Foundation
import Spawn
import StudyCore
import Testing

/// A node behind a jump host, and one that is upgraded while it works.
@Suite(.serialized, .timeLimit(.minutes(5))) struct DistantNodeTests {
    @Test func `through a jump host a study goes on though that is cut, and without it there is no way`()
        async throws
    {
        let bench = try Bench(FleetFaultTests.study(trials: 4))
        let fleet = try await LoopbackFleet(1, for: bench)
        let ticket = try await fleet.enrolAgain("node1")
        #expect(ticket.exit == 0, "\(ticket)")
        #expect(try await fleet.coordinator("nodes", "remove", "node1").exit == 0)
        try fleet.addJumpHost(to: "node1")
        let added = try await fleet.coordinator(
            "nodes", "add", ticket.output, "--name", "far", "--address", "far")
        #expect(added.exit == 0 && added.output.contains("node far is enrolled"), "\(added)")
        let start = try bench.begin("start")
        _ = await start.line { $0.contains("0.1 proposed") }
        #expect(!fleet.sessions("jump").isEmpty)
        for _ in 0..<2 {
            fleet.cut("jump")
            _ = await start.line { $0.contains("node far: connected") }
        }
        let result = await start.end()
        #expect(result.exit == 0, "\(result.errors)")
        #expect(try bench.engine().trials.allSatisfy { $0.faults == 0 && $0.result != nil })
        #expect(try bench.differences(home: { _ in fleet.agentHome(of: "node1") }) == [])
        fleet.stop("jump")
        let check = try await fleet.coordinator("nodes", "check")
        #expect(check.exit == 1, "\(check)")
    }

    @Test func `an upgrade in the middle of a run changes the agent and nothing of the run`() async throws {
        // Long enough for the programs to be copied meanwhile.
        let bench = try Bench(Yaml.search(trials: 1, steps: 400, secondsPerStep: 0.12))
        let fleet = try await LoopbackFleet(1, for: bench, gpus: 1)
        let config = try fleet.addLogin(to: "node1")
        let programs = bench.folder + "/new"
        try FileManager.default.createDirectory(atPath: programs, withIntermediateDirectories: true)
        for name in ["agent", "scripted"] {
            try FileManager.default.copyItem(
                atPath: bench.programs + "/" + name, toPath: programs + "/" + name)
        }
        let start = try bench.begin("start")
        try await bench.reach(step: 5, of: start)
        let home = fleet.agentHome(of: "node1")
        let runs = Set(bench.runProcesses(of: home))
        let there = [
            "--home=\(home)", "--authorized-keys=\(fleet.folder)/node1/authorized_keys",
            "--port=\(try fleet.port(of: "node1"))", "--address=127.0.0.1",
            "--nvidia-smi=\(fleet.folder)/node1/nvidia-smi",
        ]
        let upgraded = await
            (try Running(
                bench.programs + "/coordinator",
                [
                    "nodes", "upgrade", "node1", "--login", "gpu1", "--ssh-config", config, "--programs",
                    programs,
                ]
                    + there.map { "--agent-argument=\($0)" }, in: bench.folder)).end()
        #expect(upgraded.exit == 0 && upgraded.output.contains("its runs go on"), "\(upgraded)")
        let places = fleet.agents(of: "node1").compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\($0)/exe")
        }
        let installed = places.filter { $0.contains("/.iterhpo/programs/") }
        defer {
            for place in Set(installed) {
                let folder = URL(fileURLWithPath: place).deletingLastPathComponent()
                try? FileManager.default.removeItem(at: folder)
            }
        }
        #expect(!installed.isEmpty, "agents run from \(places)")
        #expect(!runs.isEmpty)
        #expect(Set(bench.runProcesses(of: home)) == runs)
        let result = await start.end()
        #expect(result.exit == 0, "\(result.errors)")
        let trials = try bench.engine().trials
        #expect(trials.allSatisfy { $0.faults == 0 && $0.runs.count == 1 && $0.result != nil })
        #expect(try bench.differences(home: fleet.agentHome) == [])
    }
}

extension LoopbackFleet {
    func port(of node: String) throws -> Int {
        let text = try String(contentsOfFile: "\(folder)/\(node)/sshd_config", encoding: .utf8)
        return try #require(text.split(separator: "\n").first.flatMap { Int($0.dropFirst("Port ".count)) })
    }

    /// Runs `agent enroll` again on a node; its output is the ticket.
    func enrolAgain(_ node: String) async throws -> Running.Result {
        try await agent(
            "enroll", try await coordinator("invite").output, "--home", agentHome(of: node), "--plugins",
            bench.programs, "--nvidia-smi", "\(folder)/\(node)/nvidia-smi", "--linger", "30",
            "--authorized-keys", "\(folder)/\(node)/authorized_keys", "--name", node, "--address",
            "127.0.0.1", "--port", "\(try port(of: node))")
    }

    private func makeKey(_ path: String) throws {
        try Program(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path]).spawn().wait()
    }

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    /// Gives the user a login of their own on a node.
    /// - Returns: a configuration of ssh that knows the node as `gpu1`.
    func addLogin(to node: String) throws -> String {
        let place = "\(folder)/\(node)"
        try makeKey(place + "/me")
        try (try text(place + "/me.pub") + (try text(place + "/authorized_keys")))
            .write(toFile: place + "/authorized_keys", atomically: false, encoding: .utf8)
        let known = "[127.0.0.1]:\(try port(of: node)) \(try text(place + "/host_key.pub"))"
        try known.write(toFile: place + "/known", atomically: false, encoding: .utf8)
        try """
        Host gpu1
          HostName 127.0.0.1
          Port \(try port(of: node))
          IdentityFile \(place)/me
          IdentitiesOnly yes
          UserKnownHostsFile \(place)/known
          BatchMode yes
        """.write(toFile: place + "/config", atomically: false, encoding: .utf8)
        return place + "/config"
    }

    /// Another server, `jump`, that the user may pass through; the coordinators' configuration of ssh knows the
    /// node behind it as `far`.
    func addJumpHost(to node: String) throws {
        let (place, port) = ("\(folder)/jump", Int.random(in: 22_400..<22_900))
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        for name in ["host_key", "me"] { try makeKey("\(place)/\(name)") }
        try FileManager.default.copyItem(atPath: place + "/me.pub", toPath: place + "/authorized_keys")
        try text("\(folder)/\(node)/sshd_config").replacing("\(folder)/\(node)", with: place)
            .replacing("Port \(try self.port(of: node))", with: "Port \(port)")
            .write(toFile: place + "/sshd_config", atomically: false, encoding: .utf8)
        let known = "[127.0.0.1]:\(port) \(try text(place + "/host_key.pub"))"
        try known.write(toFile: place + "/known", atomically: false, encoding: .utf8)
        try start("jump")
        try """
        Host far
          HostName 127.0.0.1
          Port \(try self.port(of: node))
          ProxyJump jump
        Host jump
          HostName 127.0.0.1
          Port \(port)
          IdentityFile \(place)/me
          IdentitiesOnly yes
          UserKnownHostsFile \(place)/known
        """.write(toFile: bench.folder + "/head/ssh_config", atomically: false, encoding: .utf8)
    }
}
