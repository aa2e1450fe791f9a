import ArgumentParser
import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Wire

/// What a person asks.
struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what this machine offers, who holds it, and the runs that live.",
        discussion: """
            Works also when no daemon runs: the trial folders are read.

            EXAMPLE
              agent status --json
            """)

    @Option(
        help: ArgumentHelp(
            "The agent's folder (default: $\(Home.variable) or ~/.iterhpo/agent).", valueName: "dir"))
    var home: String?

    @Flag(help: "One JSON object instead of text.")
    var json = false

    func run() throws {
        let home = try Home(opening: home)
        let report = StatusReport(
            home: home.path, inventory: try home.connect().map(home.askForInventory),
            runs: liveRuns(RunStore(root: home.runs)))
        print(json ? String(decoding: try Lines.encode(report), as: UTF8.self).trimmingNewline : report.text)
    }
}

/// The runs of a home that live, as their folders show them.
func liveRuns(_ store: RunStore) -> [StatusReport.Run] {
    store.studies.sorted { $0.rawValue < $1.rawValue }.flatMap(store.runs).compactMap { key in
        let folder = store.folder(of: key)
        let tail = folder.readTail()
        // A plugin that begins just now must not find its lock taken.
        guard tail.hasStarted, !tail.hasEnded, folder.isAlive, let spec = folder.readSpec() else {
            return nil
        }
        return StatusReport.Run(
            run: key, plugin: spec.plugin, slots: spec.slots, lastStep: folder.lastStep, steps: spec.steps
        )
    }
}

/// The answer of `agent status`.
struct StatusReport: Hashable, Codable {
    /// A run that lives.
    struct Run: Hashable, Codable {
        let run: RunKey
        let plugin: String
        let slots: [Slot]
        /// Trial step of the last report; nil before the first.
        let lastStep: Int?
        let steps: Int
    }

    let home: String
    /// nil where no daemon runs.
    let inventory: Inventory?
    let runs: [Run]

    var text: String { ([heading] + slotLines + runLines).joined(separator: "\n") }

    private var heading: String {
        guard let inventory else { return "no daemon runs for \(home); `agent attach` starts one" }
        let plugins =
            inventory.plugins.isEmpty ? "none" : inventory.plugins.map(\.name).joined(separator: ", ")
        return "\(inventory.hostname), plugins: \(plugins)"
    }

    private var slotLines: [String] {
        guard let inventory else { return [] }
        if case .failed(let why) = inventory.gpus { return ["no slots: the GPUs cannot be surveyed: \(why)"] }
        return inventory.slots.map { entry in
            switch entry.state {
            case .free: "\(entry.slot)  free"
            case .held(let run): "\(entry.slot)  held by \(run)"
            case .unavailable(let reason): "\(entry.slot)  not available: \(reason)"
            }
        }
    }

    private var runLines: [String] {
        guard !runs.isEmpty else { return ["no runs"] }
        return runs.map { run in
            let slots = run.slots.map(\.description).joined(separator: ", ")
            return "\(run.run)  \(run.plugin) on \(slots), step \(run.lastStep ?? 0) of \(run.steps)"
        }
    }
}

extension TrialFolder {
    /// Whether a plugin holds the lock. Asks with a shared lock, which is given back at once.
    var isAlive: Bool {
        let descriptor = open(lock, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0
    }

    /// Trial step of the last report among the last events.
    var lastStep: Int? {
        guard let (bytes, start) = endOfFile(events, limit: 1 << 16) else { return nil }
        let whole = start == 0 ? bytes[...] : bytes.drop { $0 != UInt8(ascii: "\n") }.dropFirst()
        return EventChunk(Data(whole), from: 0).events.compactMap { placed in
            if case .report(let report) = placed.event { report.step } else { nil }
        }.last
    }
}

extension String {
    /// Without the newline at the end.
    fileprivate var trimmingNewline: String { hasSuffix("\n") ? String(dropLast()) : self }
}
