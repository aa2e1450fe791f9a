import FleetLink
import FleetModel
import Foundation
import Journal
import Spawn
import StudyCore
import Wire

/// A folder with a study file, an agent's home of its own, and the built programs: real processes, real
/// files. Everything that is left running is ended with it.
final class Bench {
    let folder: String
    let home: String
    let programs: String
    let name: String
    /// Mounted on the study's folder or the agent's home, until the bench goes.
    private(set) var disk: SmallDisk?

    var study: String { folder + "/study.yaml" }
    /// Of this bench's coordinators.
    var registry: NodeRegistry { NodeRegistry(CoordinatorHome(path: folder + "/head")) }
    var out: String { folder + "/" + name }
    var journal: String { out + "/study.sqlite" }

    /// `sharing`: another bench, on whose agent the study runs.
    init(_ yaml: String, name: String = "e2e", sharing other: Bench? = nil) throws {
        self.name = name
        // Short: a Unix socket's path has 107 bytes.
        folder = "/tmp/hpo-" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
        home = other?.home ?? folder + "/agent"
        programs =
            URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            .deletingLastPathComponent().path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try ("name: \(name)\n" + yaml).write(toFile: study, atomically: true, encoding: .utf8)
    }

    deinit {
        for process in processes() { kill(process, SIGKILL) }
        disk?.unmount()
        try? FileManager.default.removeItem(atPath: folder)
    }

    func mountDisk(at path: String, megabytes: Int) throws -> SmallDisk {
        let fresh = try SmallDisk(at: path, megabytes: megabytes)
        disk = fresh
        return fresh
    }

    // MARK: programs

    func begin(_ verb: String, _ arguments: String...) throws -> Running {
        let place = verb == "start" || verb == "stop" ? ["--agent-home", home] : []
        return try Running(programs + "/coordinator", [verb, study] + place + arguments, in: folder)
    }

    func run(_ verb: String, _ arguments: String...) async throws -> Running.Result {
        let place = verb == "start" || verb == "stop" ? ["--agent-home", home] : []
        return await (try Running(programs + "/coordinator", [verb, study] + place + arguments, in: folder))
            .end()
    }

    /// Starts the study, kills its coordinator at the first line with each of these words, and starts it once more.
    func start(killedAt moments: [String]) async throws -> Running.Result {
        for moment in moments {
            let start = try begin("start")
            _ = await start.line { $0.contains(moment) }
            start.signal(SIGKILL)
            _ = await start.end()
        }
        return try await run("start")
    }

    /// Without the bench's agent home.
    func bare(_ verb: String, _ arguments: String...) async throws -> Running.Result {
        await (try Running(programs + "/coordinator", [verb, study] + arguments, in: folder)).end()
    }

    // MARK: other nodes

    /// The home of a node's agent. All begin as `home` does.
    func home(of node: NodeID) -> String { node == .local ? home : home + "-\(node)" }

    /// Another agent of this machine as a node, reached through a pipe.
    func enrol(_ name: String, cpuSlots: Int = 2) throws {
        let id = NodeID(rawValue: name)
        let arguments = ["--home", home(of: id), "--plugins", programs, "--cpu-slots", "\(cpuSlots)"]
        try registry.add(
            EnrolledNode(
                id: id,
                transport: .pipe(executable: programs + "/agent", arguments: ["attach"] + arguments)))
    }

    // MARK: what can be seen

    /// Processes that live because of this bench: agents of its home, and runs of its trial folders.
    func processes() -> [Int32] { processes(of: home) }

    /// Processes whose arguments or environment name a path.
    func processes(of path: String) -> [Int32] {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return all.compactMap { Int32($0) }.filter { pid in
            guard pid != getpid() else { return false }
            let words = ["cmdline", "environ"].compactMap {
                contents("/proc/\(pid)/\($0)").map { Data($0) }
            }
            return words.contains { $0.range(of: Data(path.utf8)) != nil }
        }
    }

    /// Processes of runs only.
    func runProcesses() -> [Int32] { runProcesses(of: home) }

    func runProcesses(of home: String) -> [Int32] {
        processes(of: home).filter { pid in
            let mark = Data("\(TrialFolder.environmentMark)=\(home)".utf8)
            return contents("/proc/\(pid)/environ").map { Data($0) }?.range(of: mark) != nil
        }
    }

    /// The daemon's process.
    func daemon() -> Int32? {
        processes().first { pid in
            let words = contents("/proc/\(pid)/cmdline") ?? []
            let line = String(decoding: words, as: UTF8.self).split(separator: "\0")
            return line.contains("serve") && line.first?.hasSuffix("/agent") == true
        }
    }

    func engine() throws -> Engine { try JournalReader(at: journal).restore() }

    /// Every report that stands in the run folders of a trial, in order, by run.
    func written(_ trial: Trial, home: (NodeID) -> String) throws -> [Report] {
        let study = try engine().study
        return trial.runs.flatMap { run -> [Report] in
            let path =
                home(run.lease.parts[0].node) + "/runs/" + RunKey(study: study, run: run.id).folder
                + "/events.jsonl"
            // A run that was refused has no folder.
            let bytes = FileManager.default.contents(atPath: path) ?? Data()
            return EventChunk(bytes, from: 0).events.compactMap { placed in
                if case .report(let report) = placed.event { report } else { nil }
            }
        }
    }

    /// Reports of the journal, trial by trial, that are not exactly those of the run folders.
    func differences() throws -> [String] { try differences { home(of: $0) } }

    /// - Parameter home: of the agent of the node with that name.
    func differences(home: (String) -> String) throws -> [String] {
        try differences { (node: NodeID) in home(node.rawValue) }
    }

    private func differences(_ home: (NodeID) -> String) throws -> [String] {
        let reader = try JournalReader(at: journal)
        return try engine().trials.compactMap { trial in
            let (recorded, written) = (try reader.reports(of: trial.id), try written(trial, home: home))
            return recorded == written
                ? nil : "\(trial.id): \(recorded.count) recorded, \(written.count) written"
        }
    }

    /// The files of the results tree, sorted, relative to the study's folder.
    func tree() -> [String] {
        (FileManager.default.enumerator(atPath: out)?.compactMap { $0 as? String } ?? []).sorted()
    }

    func text(_ file: String) throws -> String {
        try String(contentsOfFile: out + "/" + file, encoding: .utf8)
    }
}

/// Study files in a line.
enum Yaml {
    /// Stages of the scripted trainer, which makes its losses up from its settings.
    static func stages(
        _ stages: Int = 2, trials: Int = 4, steps: Int = 40, secondsPerStep: Double = 0.002,
        settings: String? = nil, extra: String = ""
    ) -> String {
        let more = settings.map { ", \($0)" } ?? ""
        return """
            trainer:
              plugin: scripted
              silence_seconds: 1
              grace_seconds: 1
              settings: { checkpoint_every: 10, seconds_per_step: \(secondsPerStep)\(more) }
            objective: { metric: loss }
            space:
              lr: { type: float, low: 1e-5, high: 1e-1, log: true }
            method: { kind: stages, stages: \(stages), steps: \(steps), trials: \(trials), shrink: { lr: 0.5 } }
            sampler: { kind: tpe, startup: 3 }
            seed: 5
            \(extra)
            """
    }

    /// One stage.
    static func search(
        trials: Int = 4, steps: Int = 20, secondsPerStep: Double = 0.002, settings: String? = nil,
        extra: String = ""
    ) -> String {
        stages(
            1, trials: trials, steps: steps, secondsPerStep: secondsPerStep, settings: settings, extra: extra)
    }
}
