import FleetLink
import FleetModel
import Foundation
import StudyCore
import Testing
import Wire

/// Studies over several agents of this machine, each with a home of its own, reached through pipes.
@Suite(.serialized, .timeLimit(.minutes(5))) struct FleetTests {
    @Test func `trials go to every enrolled node, and their logs come home`() async throws {
        let bench = try Bench(Yaml.search(trials: 8, steps: 20, secondsPerStep: 0.02))
        try bench.enrol("a")
        try bench.enrol("b")
        let result = try await bench.run("start")
        #expect(result.exit == 0, "\(result.errors)")
        let trials = try bench.engine().trials
        let nodes = Set(trials.flatMap(\.runs).map { $0.lease.parts[0].node.rawValue })
        // The head has no GPU, and there are others.
        #expect(nodes == ["a", "b"])
        #expect(try bench.differences() == [])
        for trial in trials {
            #expect(bench.tree().contains("stage_0/trial_\(trial.id.number)/stdout.log"))
        }
    }

    @Test func `a study that names its nodes uses no others`() async throws {
        let bench = try Bench(Yaml.search(trials: 4, extra: "resources: { nodes: [b, local] }"))
        for name in ["a", "b"] { try bench.enrol(name) }
        #expect(try await bench.run("start").exit == 0)
        let runs = try bench.engine().trials.flatMap(\.runs)
        #expect(Set(runs.map { $0.lease.parts[0].node.rawValue }).isSubset(of: ["b", "local"]))
    }

    @Test func `a name that nobody has enrolled is told by check, start and status, and waited for`()
        async throws
    {
        let bench = try Bench(Yaml.search(trials: 1, extra: "resources: { nodes: [nope] }"))
        try bench.enrol("a")
        let says = "resources.nodes: node nope is not enrolled in \(bench.folder)/head (enrolled are a)"
        let check = try await bench.run("check")
        #expect(check.exit == 0 && check.output.contains(says), "\(check)")
        let start = try bench.begin("start")
        _ = await start.line { $0.contains("connected") }
        let status = try await bench.run("status")
        #expect(status.output.contains(says) && status.output.contains("waits until one is"), "\(status)")
        try bench.enrol("nope")
        let result = await start.end()
        #expect(result.exit == 0 && result.errors.contains(says), "\(result)")
        #expect(try await !bench.run("status").output.contains("not enrolled"))
    }

    @Test func `a node that joins while a study runs is used, and one that drains gets no more`() async throws
    {
        let bench = try Bench(
            Yaml.search(trials: 24, steps: 10, secondsPerStep: 0.04, extra: "resources: { nodes: [a, b] }"))
        try bench.enrol("a", cpuSlots: 1)
        let start = try bench.begin("start")
        _ = await start.line { $0.contains("completed") }
        try bench.enrol("b", cpuSlots: 1)
        _ = await start.line { $0.contains("node b: connected") }
        var a = try #require(try bench.registry.node(NodeID(rawValue: "a")))
        a.isDraining = true
        try bench.registry.update(a)
        let result = await start.end()
        #expect(result.exit == 0, "\(result.errors)")
        let runs = try bench.engine().trials.flatMap(\.runs).map { $0.lease.parts[0].node.rawValue }
        #expect(runs.prefix(1) == ["a"])
        #expect(runs.suffix(5) == ["b", "b", "b", "b", "b"])
        #expect(try bench.differences() == [])
    }

    @Test func `the trials of a node that leaves are tried again elsewhere`() async throws {
        let bench = try Bench(
            Yaml.search(trials: 4, steps: 40, secondsPerStep: 0.02, extra: "resources: { nodes: [a, b] }"))
        for name in ["a", "b"] { try bench.enrol(name, cpuSlots: 2) }
        let start = try bench.begin("start")
        _ = await start.line { $0.contains("0.3 proposed") }
        #expect(try bench.registry.remove(NodeID(rawValue: "b")))
        let result = await start.end()
        #expect(result.exit == 0, "\(result.errors)")
        let trials = try bench.engine().trials
        #expect(trials.allSatisfy { $0.result != nil })
        #expect(trials.allSatisfy { $0.runs.last?.lease.parts[0].node.rawValue == "a" })
    }

    @Test func `a gang has a part on each node, which know each other, and the first one's reports count`()
        async throws
    {
        let bench = try Bench(
            Yaml.search(trials: 2, extra: "resources: { gpus: 4, gpus_per_node: 2, nodes: [a, b] }"))
        for name in ["a", "b"] { try bench.enrol(name, cpuSlots: 2) }
        let result = try await bench.run("start")
        #expect(result.exit == 0, "\(result.errors)")
        let engine = try bench.engine()
        for trial in engine.trials {
            let run = try #require(trial.runs.last)
            let specs = try run.lease.parts.map { part -> RunSpec in
                let key = RunKey(study: engine.study, run: run.id)
                let path = bench.home(of: part.node) + "/runs/" + key.folder + "/spec.json"
                return try Lines.decode(RunSpec.self, from: try Data(contentsOf: URL(fileURLWithPath: path)))
            }
            let port = try #require(specs.first?.gang?.masterPort)
            #expect((20_000..<32_000).contains(port))
            #expect(
                specs.map(\.gang)
                    == [0, 1].map { Gang(nodes: 2, rank: $0, masterAddress: "127.0.0.1", masterPort: port) })
        }
        #expect(try bench.differences() == [])
        #expect(bench.runProcesses() == [])
    }
}
