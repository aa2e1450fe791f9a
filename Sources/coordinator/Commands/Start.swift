import ArgumentParser
import Dispatch
import FleetLink
import FleetModel
import Foundation
import Journal
import StudyCore

/// `coordinator start`: runs a study, or goes on with it.
struct Start: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a study, or go on with one that was begun.",
        discussion: """
            Example: coordinator start deploy/studies/quickstart.yaml

            Ctrl-C leaves: runs go on under the agent, and starting again takes up what they did. \
            `coordinator stop` pauses the study instead: runs save their state and end.
            """)

    @OptionGroup var options: StudyOptions
    @OptionGroup var local: LocalNodeOptions

    @Flag(help: "Print lines instead of the live view, also on a terminal.")
    var plain = false

    @Flag(help: "Print the final status as JSON, and nothing else on stdout.")
    var json = false

    func run() async throws {
        let plan = try CheckedStudy(at: options.study, plugins: local.pluginFolder).plan
        let folder = options.folder(named: plan.name)
        do {
            let session = try StudySession(plan: plan, folder: folder, local: local)
            let printer = Printer(isLive: !plain && !json && Terminal.isTerminal, isSilent: json)
            let (engine, outcome) = try await session.run(printer: printer)
            try finish(engine, outcome, folder)
        } catch let exit as ExitCode {
            throw exit
        } catch {
            throw Failure.failed(Text.fault(error))
        }
    }

    private func finish(_ engine: Engine, _ outcome: StudyLoop.Outcome, _ folder: StudyFolder) throws {
        if json {
            try ResultsJSON.print(StudyStatus(of: engine, at: .wallClock))
        } else {
            print(FinalReport.lines(of: engine, outcome, in: folder.path).joined(separator: "\n"))
        }
        switch outcome {
        case .ended(.completed), .ended(.budgetSpent): return
        case .ended(.stopped), .ended(.failed), .detached: throw ExitCode(1)
        }
    }
}

/// A study taken up by this process: its folder is locked, its journal open.
struct StudySession {
    let engine: Engine
    let journal: Journal
    let folder: StudyFolder
    let local: LocalNodeOptions

    init(plan: Plan, folder: StudyFolder, local: LocalNodeOptions) throws {
        self.folder = folder
        self.local = local
        try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
        try folder.takeLock()
        if FileManager.default.fileExists(atPath: folder.journal) {
            journal = try Journal.open(at: folder.journal)
            engine = try journal.restore()
            if let difference = PlanDifference(recorded: engine.plan, file: plan) {
                throw Failure.usage(
                    "\(folder.path) holds a study with another \(difference.words): put the file back as it was, "
                        + "or give this one another name or --out")
            }
        } else {
            engine = Engine(study: .fresh(named: plan.name), plan: plan)
            journal = try Journal.create(at: folder.journal, engine: engine)
        }
        _ = folder.takeStopRequest()
    }

    /// Runs the loop with the local node linked.
    func run(
        printer: Printer, beginningWith first: Happening = .started
    ) async throws -> (Engine, StudyLoop.Outcome) {
        let inbox = Inbox<StudyLoop.Item>()
        let results = ResultsTree(
            folder: folder, journal: try JournalReader(at: folder.journal), agentHome: local.home,
            complain: { printer.complain($0) })
        let link = NodeLink(
            node: .local,
            transport: .pipe(
                executable: local.agentPath,
                arguments: ["attach", "--home", local.home, "--plugins", local.pluginFolder]))
        let sources = [
            Task { for await event in link.events { await inbox.post(.link(.local, event)) } },
            Task {
                while !Task.isCancelled {
                    try await Task.sleep(for: .milliseconds(200))
                    await inbox.post(.tick)
                }
            },
        ]
        let signals = Interruptions { Task { await inbox.post(.interrupted) } }
        defer {
            signals.end()
            sources.forEach { $0.cancel() }
            link.close()
            results.flush()
        }
        let hands = Hands(links: [.local: link], results: results, inbox: inbox, printer: printer)
        var loop = StudyLoop(
            engine: engine, journal: journal, inbox: inbox, hands: hands, folder: folder)
        let outcome = try await loop.run(beginningWith: first)
        try journal.snapshot(loop.engine)
        printer.refresh(loop.engine)
        return (loop.engine, outcome)
    }
}

/// What a changed study file changed.
struct PlanDifference {
    let words: String

    /// nil where the plans are equal.
    init?(recorded: Plan, file: Plan) {
        let parts: [(String, Bool)] = [
            ("trainer", recorded.trainer != file.trainer),
            ("objective", recorded.objective != file.objective),
            ("space", recorded.space != file.space), ("method", recorded.method != file.method),
            ("sampler", recorded.sampler != file.sampler), ("pruner", recorded.pruner != file.pruner),
            ("seed", recorded.seed != file.seed), ("resources", recorded.resources != file.resources),
            ("budget", recorded.budget != file.budget), ("checkpoints", recorded.keepBest != file.keepBest),
        ]
        let changed = parts.filter(\.1).map(\.0)
        guard !changed.isEmpty else { return nil }
        words = changed.joined(separator: ", ")
    }
}

extension StudyID {
    /// The name with a random suffix: the one random draw outside of the engine.
    static func fresh(named name: String) -> StudyID {
        let suffix = String(UInt32.random(in: 0...UInt32.max), radix: 36)
        return StudyID(rawValue: "\(name)-\(suffix)")!
    }
}

/// SIGINT and SIGTERM, as news instead of death. The second one ends the process at once; the journal
/// can take that.
final class Interruptions {
    private let sources: [any DispatchSourceSignal]

    init(_ tell: @escaping @Sendable () -> Void) {
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                tell()
                signal(number, SIG_DFL)
            }
            source.resume()
            return source
        }
    }

    func end() {
        sources.forEach { $0.cancel() }
    }
}
