import FleetModel
import Foundation
import Spawn
import StudyCore
import Testing
import Wire

/// Staged studies over real sshd's whose nodes have files of their own: what a stage begins with must come from
/// the node that wrote it, through the coordinator, whatever happens on the way.
@Suite(.serialized, .timeLimit(.minutes(5))) struct TransferTests {
    /// The trials of a stage last until after a transfer was tried again, which is after five seconds, also where one
    /// node has to run them alone on a loaded machine.
    static func bench(megabytes: Int = 1, extra: String = "lost_after: 600") throws -> Bench {
        try Bench(
            Yaml.stages(
                2, trials: megabytes > 1 ? 12 : 7, steps: 20, secondsPerStep: 0.06,
                settings: "checkpoint_bytes: \(megabytes << 20)",
                extra: "resources: { parallel: 2, \(extra) }"))
    }

    @Test func `each stage begins, on both nodes, with the checkpoint that one of them wrote`() async throws {
        let bench = try Self.bench()
        let fleet = try await LoopbackFleet(2, for: bench, gpus: 1)
        let result = try await bench.run("start")
        #expect(result.exit == 0, "\(result.errors)")
        try fleet.expectBytesMoved(of: bench)
    }

    @Test func `nodes that are said to share their files link instead of copying`() async throws {
        let bench = try Self.bench()
        let fleet = try await LoopbackFleet(2, for: bench, gpus: 1, sharesFiles: true)
        #expect(try await bench.run("start").exit == 0)
        let move = try fleet.move(of: bench)
        let kind = try FileManager.default.attributesOfItem(atPath: move.copy)[.type] as? FileAttributeType
        #expect(kind == .typeSymbolicLink)
    }

    @Test func `a transfer whose links are cut goes on where it was`() async throws {
        let bench = try Self.bench(megabytes: 96)
        let fleet = try await LoopbackFleet(2, for: bench, gpus: 1)
        let start = try bench.begin("start")
        let target = try fleet.transfer(past: 8 << 20, during: start) { target in
            for node in fleet.nodes { fleet.cut(node) }
            #expect(fleet.landed(on: target) > 0, "it was over before it was cut")
        }
        let result = await start.end()
        #expect(result.exit == 0, "\(result.errors)")
        #expect(result.output.contains("did not come to node \(target)"), "\(result.output)")
        try fleet.expectBytesMoved(of: bench)
    }

    @Test(arguments: [true, false])
    func `a transfer whose agent is killed goes on with the next one`(isTarget: Bool) async throws {
        let bench = try Self.bench(megabytes: 96)
        let fleet = try await LoopbackFleet(2, for: bench, gpus: 1)
        let start = try bench.begin("start")
        let target = try fleet.transfer(past: 8 << 20, during: start) { target in
            let victim = fleet.nodes.first { ($0 == target) == isTarget }!
            for pid in fleet.agents(of: victim) { kill(pid, SIGKILL) }
        }
        let result = await start.end()
        #expect(result.exit == 0, "\(result.errors)")
        #expect(result.output.contains("did not come to node \(target)"), "\(result.output)")
        try fleet.expectBytesMoved(of: bench)
    }

    @Test(.enabled(if: SmallDisk.isPossible, "needs to be allowed to mount"))
    func `a node whose disk fills up in the middle gets the rest once there is room`() async throws {
        let bench = try Self.bench(megabytes: 96)
        let fleet = try await LoopbackFleet(2, for: bench, gpus: 1)
        let disks = try fleet.nodes.map { node in
            fleet.endAgent(of: node)
            return (node, try SmallDisk(at: fleet.agentHome(of: node), megabytes: 900))
        }
        defer { for (_, disk) in disks { disk.unmount() } }
        let start = try bench.begin("start")
        let target = try fleet.transfer(past: 8 << 20, during: start) { target in
            // To fill a disk takes as long as the rest of the transfer, which goes through the coordinator.
            start.signal(SIGSTOP)
            defer { start.signal(SIGCONT) }
            #expect(fleet.landed(on: target) > 0, "it was over before the disk was filled")
            try disks.first { $0.0 == target }!.1.fill()
        }
        let disk = disks.first { $0.0 == target }!.1
        // Old checkpoints are removed meanwhile, which makes room.
        let filling = Task {
            while !Task.isCancelled {
                try disk.fill()
                try? await Task.sleep(for: .milliseconds(1))
            }
        }
        let said = await start.line { $0.contains("did not come to node \(target)") }
        filling.cancel()
        try await filling.value
        // The second, where what was on its way was only fetched ahead.
        let reasons = ["No space left on device", "the checkpoint needs 96 MiB more and the disk of"]
        #expect(reasons.contains { said?.contains($0) == true }, "\(said ?? "nothing")")
        try disk.free()
        let result = await start.end()
        #expect(result.exit == 0, "\(result.errors)")
        try fleet.expectBytesMoved(of: bench)
    }

    @Test func `a copy that has vanished is missed by the next trial there, and brought again`() async throws
    {
        let bench = try Self.bench()
        let fleet = try await LoopbackFleet(2, for: bench, gpus: 1)
        let start = try bench.begin("start")
        _ = await start.line { $0.contains("1.0 proposed") }
        let move = try fleet.move(of: bench)
        // Under a trial that has loaded it: one that is only beginning would fail for its own part.
        try watch(start, until: "a trial that began with the copy has come to its first steps") {
            try bench.engine().stages[1].trials.contains { trial in
                trial.result == nil && (1...10).contains(trial.progress.step)
                    && trial.runs.last?.lease.parts[0].node.rawValue == move.target
            } ? true : nil
        }
        try FileManager.default.removeItem(atPath: move.copy)
        let result = await start.end()
        #expect(result.exit == 0, "\(result.errors)")
        #expect(
            result.output.contains("node \(move.target): it was there, and is gone from its disk"),
            "\(result.output)")
        #expect(try bench.engine().trials.allSatisfy { $0.result != nil && $0.faults <= 1 })
        try fleet.expectBytesMoved(of: bench)
    }

    @Test(.enabled(if: SmallDisk.isPossible, "needs to be allowed to mount"))
    func `what a stage found best is kept from where it was brought to once its writer is given up`()
        async throws
    {
        let bench = try Self.bench(extra: "lost_after: 1")
        // What is kept comes to the head's agent first, where there is no room.
        let disk = try bench.mountDisk(at: bench.home, megabytes: 80)
        try disk.fill()
        let fleet = try await LoopbackFleet(2, for: bench, gpus: 1)
        let start = try bench.begin("start")
        let target = try watch(start, until: "a trial has begun with the copy") { () -> String? in
            guard let stage = try? bench.engine().stages.dropFirst().first, stage.origin != nil else {
                return nil
            }
            let target = try fleet.move(of: bench).target
            return stage.trials.contains { trial in
                trial.progress.step > 0 && trial.runs.last?.lease.parts[0].node.rawValue == target
            } ? target : nil
        }
        #expect(try !bench.engine().stages[0].isKept)
        let writer = try #require(fleet.nodes.first { $0 != target })
        fleet.stop(writer)
        try disk.free()
        let result = await start.end()
        #expect(result.exit == 0, "\(result.errors)")
        #expect(result.errors.contains("the best checkpoint of stage 0 was not copied"), "\(result.errors)")
        #expect(result.output.contains("node \(writer) is lost"), "\(result.output)")
        let (engine, copy) = (try bench.engine(), try fleet.move(of: bench).copy)
        #expect(engine.stages.allSatisfy { $0.isKept })
        #expect(FileManager.default.contentsEqual(atPath: copy, andPath: bench.out + "/stage_0/ckpt"))
        #expect(engine.trials.allSatisfy { $0.result != nil })
    }
}

extension LoopbackFleet {
    /// What the second stage began with: where it was written, and where the other node has it.
    struct Move {
        let target: String
        let original: String
        let copy: String
    }

    func move(of bench: Bench) throws -> Move {
        let engine = try bench.engine()
        let origin = try #require(engine.stages.last?.origin)
        let writer = try #require(engine.trial(origin.run.trial)?.runs.last).lease.parts[0].node.rawValue
        let target = try #require(nodes.first { $0 != writer })
        func place(_ node: String) -> String {
            agentHome(of: node) + "/runs/" + RunKey(study: engine.study, run: origin.run).folder
                + "/checkpoints/" + origin.name
        }
        return Move(target: target, original: place(writer), copy: place(target))
    }

    /// The second stage's origin is on both nodes, each with bytes of its own; trials began with it on both; and
    /// the best of each stage stands among the results.
    func expectBytesMoved(of bench: Bench) throws {
        let engine = try bench.engine()
        let move = try move(of: bench)
        let files = FileManager.default
        try #require(files.contentsEqual(atPath: move.original, andPath: move.copy))
        for name in try files.contentsOfDirectory(atPath: move.original) {
            let inodes = try [move.original, move.copy].map {
                try files.attributesOfItem(atPath: "\($0)/\(name)")[.systemFileNumber] as? Int
            }
            #expect(inodes[0] != inodes[1], "\(name) is the same file on both nodes")
        }
        #expect(try files.attributesOfItem(atPath: move.copy)[.type] as? FileAttributeType == .typeDirectory)
        let begun = engine.stages[1].trials.filter { trial in
            trial.origin == engine.stages[1].origin && trial.result != nil
        }
        let places = Set(begun.compactMap { $0.runs.last?.lease.parts[0].node.rawValue })
        #expect(places == Set(nodes), "\(engine.stages[1].trials.map(\.runs))")
        for stage in engine.stages {
            let best = try #require(stage.best.flatMap(engine.trial))
            let checkpoint = try #require(best.checkpoint)
            let home = agentHome(of: best.runs.last!.lease.parts[0].node.rawValue)
            let written =
                home + "/runs/" + RunKey(study: engine.study, run: checkpoint.run).folder + "/checkpoints/"
                + checkpoint.name
            #expect(files.contentsEqual(atPath: written, andPath: bench.out + "/stage_\(stage.index)/ckpt"))
        }
    }

    /// Bytes on the disk of what is on its way to a node.
    func landed(on node: String) -> Int {
        let root = agentHome(of: node) + "/incoming"
        return (FileManager.default.enumerator(atPath: root) ?? .init()).reduce(0) { sum, path in
            var status = stat()
            guard lstat("\(root)/\(path)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                return sum
            }
            return sum + Int(status.st_blocks) * 512
        }
    }

    /// Waits until so many bytes of a checkpoint have come to a node, and does something to the fleet there and
    /// then.
    /// - Returns: the node.
    func transfer(
        past bytes: Int, during study: Running, strike: (String) throws -> Void
    ) throws -> String {
        let nodes = nodes
        return try watch(study, until: "\(bytes) bytes have come to a node") {
            guard let node = nodes.first(where: { landed(on: $0) > bytes }) else { return nil }
            try strike(node)
            return node
        }
    }

    /// The daemon of a node, and who serves its channels.
    func agents(of node: String) -> [Int32] {
        bench.processes(of: agentHome(of: node)).filter { pid in
            let words = contents("/proc/\(pid)/cmdline") ?? []
            return String(decoding: words, as: UTF8.self).split(separator: "\0").first?.hasSuffix("/agent")
                == true
        }
    }
}
