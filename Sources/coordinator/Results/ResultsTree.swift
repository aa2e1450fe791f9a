import FleetLink
import FleetModel
import Foundation
import Journal
import Spawn
import StudyCore
import Synchronization
import Wire

/// Writes the results of a study into its folder, in the background and in order. Every file appears whole,
/// by a rename, and writing it again does no harm.
final class ResultsTree: Sendable {
    private let folder: StudyFolder
    private let journal: JournalReader
    /// Where the agent of this machine keeps its trial folders.
    private let agentHome: String
    /// Opens a channel to the agent of another machine, for the logs there.
    private let openBulk: @Sendable (NodeID) throws(LinkFailure) -> BulkChannel
    private let thread = BackgroundThread()
    private let complain: @Sendable (String) -> Void
    private let tables = Mutex(Tables())

    /// When the tables are written. Each names every trial: written for each that ends, they would be the most of a
    /// large study's work.
    private struct Tables {
        /// What is to be written.
        var wanted: Engine?
        /// It will be, without anybody's doing.
        var isDue = false
        /// Not written again before, of `monotonicSeconds`.
        var notBefore = 0.0
        /// Between two writings, in seconds, and so often as long as the last one took.
        static let (pause, share) = (1.0, 20.0)
    }

    init(
        folder: StudyFolder, journal: JournalReader, agentHome: String,
        openBulk: @escaping @Sendable (NodeID) throws(LinkFailure) -> BulkChannel,
        complain: @escaping @Sendable (String) -> Void
    ) {
        self.folder = folder
        self.journal = journal
        self.agentHome = agentHome
        self.openBulk = openBulk
        self.complain = complain
    }

    /// A trial has ended: its folder, the summary, the stage's best.
    func record(_ id: TrialID, of engine: Engine) {
        inBackground { [self] in
            try write(id, of: engine)
        }
        writeTables(of: engine)
    }

    /// A trial has begun to run: what shows trials that run is written anew.
    func move(_ engine: Engine) {
        if case .sweep = engine.plan.method { writeTables(of: engine) }
    }

    /// What an earlier coordinator did not come to write.
    func writeMissing(of engine: Engine) {
        inBackground { [self] in
            for trial in engine.trials where trial.hasEnded {
                guard !FileManager.default.fileExists(atPath: recordFile(of: trial.id)) else { continue }
                try write(trial.id, of: engine)
            }
        }
        writeTables(of: engine)
    }

    /// Waits until everything asked for so far is written.
    func flush() {
        thread.addAndWait { [self] in writeWantedTables() }
    }

    /// Puts a checkpoint at `stage_K/ckpt`.
    func keep(_ checkpoint: Checkpoint, stage: Int, of engine: Engine) async throws {
        let source = runFolder(checkpoint.run, of: engine).checkpoints + "/" + checkpoint.name
        let target = folder.stage(stage) + "/ckpt"
        try await withCheckedThrowingContinuation { continuation in
            thread.add {
                continuation.resume(with: Result { try Self.copy(source, to: target) })
            }
        }
    }

    /// Puts a kept checkpoint back among those of this machine's agent, unless it is there.
    func putBack(_ checkpoint: Checkpoint, of engine: Engine) async throws {
        let source = folder.stage(checkpoint.run.trial.stage) + "/ckpt"
        let target = runFolder(checkpoint.run, of: engine).checkpoints + "/" + checkpoint.name
        try await withCheckedThrowingContinuation { continuation in
            thread.add {
                continuation.resume(
                    with: Result {
                        if FileManager.default.fileExists(atPath: target) { return }
                        try Self.copy(source, to: target)
                    })
            }
        }
    }

    private func inBackground(_ work: @escaping @Sendable () throws -> Void) {
        thread.add { [self] in attempt(work) }
    }

    private func attempt(_ work: () throws -> Void) {
        do {
            try work()
        } catch {
            complain("results could not be written: \(Text.fault(error))")
        }
    }

    private func runFolder(_ run: RunID, of engine: Engine) -> TrialFolder {
        TrialFolder(path: agentHome + "/runs/" + RunKey(study: engine.study, run: run).folder)
    }

    /// Written last: where it stands, the trial's folder is whole, and it never changes again.
    private func recordFile(of id: TrialID) -> String { folder.trial(id) + "/trial.json" }

    private func write(_ id: TrialID, of engine: Engine) throws {
        guard let trial = engine.trial(id) else { return }
        let target = folder.trial(id)
        try Self.makeFolder(target)
        let metrics = try journal.reports(of: id).map { report in
            try Lines.encode(report)
        }
        try Self.write(metrics.reduce(Data(), +), to: target + "/metrics.jsonl")
        for run in trial.runs {
            let suffix = (trial.runs.count > 1 ? "_run_\(run.id.attempt)" : "") + ".log"
            try copyLogs(of: run, in: engine) { target + "/\($0)" + suffix }
        }
        try Self.write(TrialRecord(of: trial, in: engine), to: recordFile(of: id))
    }

    /// A log that is out of reach is missing among the results; it still stands on its node.
    private func copyLogs(of run: Run, in engine: Engine, to target: (LogStream) -> String) throws {
        let node = run.lease.parts[0].node
        if node == .local {
            let folder = runFolder(run.id, of: engine)
            for stream in LogStream.allCases { try Self.copyLog(folder.log(stream), to: target(stream)) }
            return
        }
        do {
            let channel = try openBulk(node)
            for stream in LogStream.allCases {
                let bytes = try channel.log(of: engine.key(run.id), stream, limit: Self.logLimit)
                try Self.write(Data(bytes), to: target(stream))
            }
            channel.handBack()
        } catch let failure as LinkFailure {
            complain("the logs of \(run.id) stay on node \(node): \(failure)")
        }
    }

    private func writeTables(of engine: Engine) {
        let isNeeded = tables.withLock { tables in
            tables.wanted = engine
            defer { tables.isDue = true }
            return !tables.isDue
        }
        if isNeeded { writeTablesLater() }
    }

    private func writeTablesLater() {
        let delay = tables.withLock { max(0, $0.notBefore - monotonicSeconds()) }
        Task {
            try await Task.sleep(for: .seconds(delay))
            thread.add { [self] in writeWantedTables() }
        }
    }

    private func writeWantedTables() {
        let wanted = tables.withLock { tables in
            defer { tables.wanted = nil }
            return tables.wanted
        }
        let begin = monotonicSeconds()
        if let wanted { attempt { try writeTablesNow(of: wanted) } }
        let end = monotonicSeconds()
        let isNeeded = tables.withLock { tables in
            tables.notBefore = end + max(Tables.pause, Tables.share * (end - begin))
            // What came meanwhile waits its turn.
            tables.isDue = tables.wanted != nil
            return tables.isDue
        }
        if isNeeded { writeTablesLater() }
    }

    private func writeTablesNow(of engine: Engine) throws {
        try Self.write(Data(Summary.csv(of: engine).utf8), to: folder.path + "/hpo_summary.csv")
        for stage in engine.stages {
            guard let best = BestOfStage(of: stage, in: engine) else { continue }
            try Self.makeFolder(folder.stage(stage.index))
            try Self.write(best, to: folder.stage(stage.index) + "/best.json")
        }
        try writeMethodTables(of: engine)
        let schedule = Schedule(of: engine)
        try Self.write(schedule, to: folder.path + "/schedule.json")
        for law in schedule.powerLaws where FolderName.isSafe(law.parameter) {
            let picture = LawChart(of: law, in: engine).file
            try Self.write(Data(picture.utf8), to: folder.path + "/law_\(law.parameter).svg")
        }
    }
}

extension ResultsTree {
    /// What only some methods have.
    private func writeMethodTables(of engine: Engine) throws {
        if let front = ParetoFront(of: engine) {
            try Self.write(front, to: folder.path + "/pareto.json")
            if let picture = ParetoPlot(front: front).file {
                try Self.write(Data(picture.utf8), to: folder.path + "/pareto.svg")
            }
        }
        switch engine.plan.method {
        case .sweep: try Self.write(SweepResults(of: engine), to: folder.path + "/sweep_results.json")
        case .population:
            let tree = LineageTree(of: engine)
            try Self.write(Data(tree.text.utf8), to: folder.path + "/lineage.txt")
            try Self.write(Data(tree.file.utf8), to: folder.path + "/lineage.svg")
        case .growth(let method):
            let path = GrowthPath(of: engine, by: method)
            try Self.write(Data(path.yaml.utf8), to: folder.path + "/results.yaml")
        case .search, .stages, .replay: break
        }
    }
}

/// Files that appear whole.
extension ResultsTree {
    /// Logs are copied up to this many bytes, their ends. The whole stands in the trial folder.
    fileprivate static let logLimit = 1 << 20

    fileprivate static func makeFolder(_ path: String) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    fileprivate static func write(_ value: some Encodable, to path: String) throws {
        try write(try ResultsJSON.encode(value), to: path)
    }

    fileprivate static func write(_ bytes: Data, to path: String) throws {
        try bytes.write(to: URL(fileURLWithPath: path), options: .atomic)
    }

    fileprivate static func copyLog(_ source: String, to target: String) throws {
        guard let file = FileHandle(forReadingAtPath: source) else { return }
        defer { try? file.close() }
        let size = try file.seekToEnd()
        try file.seek(toOffset: size > UInt64(logLimit) ? size - UInt64(logLimit) : 0)
        try write(try file.readToEnd() ?? Data(), to: target)
    }

    /// Copies a folder beside its target and swaps it in.
    fileprivate static func copy(_ source: String, to target: String) throws {
        let files = FileManager.default
        let fresh = target + ".new"
        try? files.removeItem(atPath: fresh)
        try makeFolder((target as NSString).deletingLastPathComponent)
        try files.copyItem(atPath: source, toPath: fresh)
        try? files.removeItem(atPath: target)
        try files.moveItem(atPath: fresh, toPath: target)
    }
}
