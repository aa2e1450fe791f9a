import FleetLink
import FleetModel
import Foundation
import Journal
import StudyCore

/// A study taken up by this process: its folder is locked, its journal open.
struct StudySession {
    let engine: Engine
    let journal: Journal
    let folder: StudyFolder
    let local: LocalNodeOptions
    /// Of this machine's agent.
    let agentHome: String
    /// As the study file has them now.
    let resources: Resources

    init(plan: Plan, folder: StudyFolder, local: LocalNodeOptions) throws {
        self.folder = folder
        resources = plan.resources
        self.local = local
        try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
        try folder.takeLock()
        agentHome = try local.home(of: folder)
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
            try folder.note(agentHome: agentHome)
            journal = try Journal.create(at: folder.journal, engine: engine)
        }
        _ = folder.takeStopRequest()
    }

    /// Runs the loop with the local node linked.
    func run(
        printer: Printer, beginningWith first: [Happening] = [.started]
    ) async throws -> (Engine, StudyLoop.Outcome) {
        let inbox = Inbox<StudyLoop.Item>()
        let fleet = Fleet(
            local: local.transport(home: agentHome), registry: local.registry, choice: resources.nodes,
            post: { await inbox.post(.link($0, $1)) })
        let results = ResultsTree(
            folder: folder, journal: try JournalReader(at: folder.journal), agentHome: agentHome,
            openBulk: { node throws(LinkFailure) in try fleet.openBulk(node) },
            complain: { printer.complain($0) })
        let ticks = Task {
            while !Task.isCancelled {
                try await Task.sleep(for: .milliseconds(200))
                await inbox.post(.tick)
            }
        }
        let signals = Interruptions { Task { await inbox.post(.interrupted) } }
        defer {
            signals.end()
            ticks.cancel()
            results.flush()
            fleet.close()
        }
        let couriers = Couriers(of: engine.study, end: { fleet.end($0) })
        let hands = Hands(
            fleet: fleet, couriers: couriers, results: results, inbox: inbox, printer: printer)
        var loop = StudyLoop(
            engine: engine, journal: journal, inbox: inbox, hands: hands, folder: folder,
            lostAfterSeconds: resources.lostAfterSeconds)
        let outcome = try await loop.run(beginningWith: first)
        try journal.snapshot(loop.engine)
        printer.refresh(loop.engine)
        return (loop.engine, outcome)
    }
}

extension StudyID {
    /// The name with a random suffix: the one random draw outside of the engine.
    static func fresh(named name: String) -> StudyID {
        let suffix = String(UInt32.random(in: 0...UInt32.max), radix: 36)
        return StudyID(rawValue: "\(name)-\(suffix)")!
    }
}
