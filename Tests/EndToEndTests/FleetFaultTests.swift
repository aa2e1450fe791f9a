import FleetLink
import FleetModel
import Foundation
import Journal
import StudyCore
import Testing
import Wire

/// Studies over real sshd's on loopback, and what may befall them.
@Suite(.serialized, .timeLimit(.minutes(5))) struct FleetFaultTests {
    /// One stage, so that no checkpoint has to move.
    static func study(trials: Int = 8, steps: Int = 60, extra: String = "") -> String {
        Yaml.search(trials: trials, steps: steps, secondsPerStep: 0.02, extra: extra)
    }

    /// The last run of each trial as the journal has it: every step once, in order, from the first one or from
    /// a checkpoint that could still be reached.
    func expectWholeReports(_ bench: Bench, steps: Int = 60) throws {
        let reader = try JournalReader(at: bench.journal)
        for trial in try bench.engine().trials {
            let reported = try reader.reports(of: trial.id).map(\.step)
            var first = 1
            if case .resume(let checkpoint)? = trial.runs.last?.start { first = checkpoint.step + 1 }
            #expect(reported.suffix(steps - first + 1) == Array(first...steps)[...], "\(trial.id)")
            #expect(reported.count < 2 * steps, "what a stale run went on to report was applied")
        }
    }

    @Test func `a study over SSH loses and doubles nothing while links are cut again and again`() async throws
    {
        let bench = try Bench(Self.study())
        let fleet = try await LoopbackFleet(2, for: bench)
        let start = try bench.begin("start")
        for trial in [0, 2, 3, 5] {
            _ = await start.line { $0.contains("0.\(trial) completed") || $0.contains("0.\(trial) proposed") }
            for node in fleet.nodes { fleet.cut(node) }
        }
        let result = await start.end()
        #expect(result.exit == 0, "\(result.errors)")
        let trials = try bench.engine().trials
        #expect(trials.count == 8)
        #expect(trials.allSatisfy { $0.faults == 0 && $0.result != nil })
        #expect(Set(trials.map { $0.runs[0].lease.parts[0].node.rawValue }) == ["node1", "node2"])
        #expect(try bench.differences(home: fleet.agentHome) == [])
        try expectWholeReports(bench)
    }

    @Test func `agents and coordinator killed in the middle lose and double nothing`() async throws {
        let bench = try Bench(Self.study())
        let fleet = try await LoopbackFleet(2, for: bench)
        let first = try bench.begin("start")
        _ = await first.line { $0.contains("0.2 proposed") }
        fleet.endAgent(of: "node1")
        _ = await first.line { $0.contains("completed") }
        fleet.endAgent(of: "node2")
        first.signal(SIGKILL)
        _ = await first.end()
        fleet.cut("node2")
        let second = try await bench.run("start")
        #expect(second.exit == 0, "\(second.errors)")
        let trials = try bench.engine().trials
        #expect(trials.allSatisfy { $0.faults == 0 && $0.result != nil })
        #expect(try bench.differences(home: fleet.agentHome) == [])
    }

    @Test func `a node out of reach for too long is lost, and back again its runs are stopped`() async throws
    {
        let bench = try Bench(
            Self.study(trials: 5, steps: 150, extra: "resources: { lost_after: 1, parallel: 2 }"))
        let fleet = try await LoopbackFleet(2, for: bench, gpus: 1)
        let start = try bench.begin("start")
        _ = await start.line { $0.contains("0.1 proposed") }
        try await bench.reach(step: 5, of: start)
        fleet.stop("node2")
        _ = await start.line { $0.contains("is tried again: node node2 is lost") }
        // Its run knows nothing of all that.
        #expect(!bench.runProcesses(of: fleet.agentHome(of: "node2")).isEmpty)
        try fleet.start("node2")
        _ = await start.line { $0.contains("node node2: connected") }
        let result = await start.end()
        #expect(result.exit == 0, "\(result.errors)")
        let trials = try bench.engine().trials
        #expect(trials.allSatisfy { $0.result != nil })
        #expect(trials.contains { $0.faults == 1 && $0.runs.count == 2 })
        #expect(fleet.nodes.allSatisfy { bench.runProcesses(of: fleet.agentHome(of: $0)).isEmpty })
        try expectWholeReports(bench, steps: 150)
    }

    @Test func `a node that shows another host key is set aside, and the study goes on elsewhere`()
        async throws
    {
        let bench = try Bench(Self.study(trials: 4, extra: "resources: { lost_after: 1 }"))
        let fleet = try await LoopbackFleet(2, for: bench)
        try fleet.renewHostKey(of: "node2")
        let result = try await bench.run("start")
        #expect(result.exit == 0, "\(result.errors)")
        #expect(result.errors.contains("shows another host key"))
        let nodes = Set(try bench.engine().trials.map { $0.runs[0].lease.parts[0].node.rawValue })
        #expect(nodes == ["node1"])
        let list = try await fleet.coordinator("nodes", "list")
        #expect(list.output.contains("set aside"), "\(list)")
        let check = try await fleet.coordinator("nodes", "check")
        #expect(check.exit == 1)
        #expect(check.output.contains("shows another host key"))
    }

    @Test func `of two coordinators for one node, the second is told who has it`() async throws {
        let bench = try Bench(Self.study(trials: 1, steps: 200))
        let fleet = try await LoopbackFleet(1, for: bench, gpus: 1)
        let other = try Bench(Self.study(trials: 1, steps: 10), name: "other")
        try FileManager.default.copyItem(atPath: bench.folder + "/head", toPath: other.folder + "/head")
        let first = try bench.begin("start")
        try await bench.reach(step: 5, of: first)
        let second = try other.begin("start")
        _ = await second.line { $0.contains("connected") }
        let name = try bench.engine().study.rawValue
        while true {
            let status = try await other.run("status")
            if status.output.contains("held by \(name)/0.0#0") { break }
            #expect(status.exit == 0)
        }
        #expect(await first.end().exit == 0)
        #expect(await second.end().exit == 0)
        withExtendedLifetime(fleet) {}
    }
}
