import FleetLink
import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Testing
import Wire

@testable import agent

/// A real agent with a home of its own, and a coordinator's link to it.
final class LiveNode {
    let scratch: Scratch
    let arguments: [String]
    let link: NodeLink
    private var events: AsyncStream<LinkEvent>.Iterator
    private var lastInventory: Inventory?

    /// Where the programs of this build lie.
    static let programs: String = {
        let path = absolute("/proc/self/exe")
        return String(path[..<path.lastIndex(of: "/")!])
    }()

    static let standIns = #filePath.replacing("LiveNode.swift", with: "StandIns")
    static let study = StudyID(rawValue: "gpt-1a2b")!

    init(_ options: [String] = ["--cpu-slots", "2"], scratch: Scratch? = nil) throws {
        self.scratch = try scratch ?? Scratch()
        let home = self.scratch.path
        if scratch == nil {
            try FileManager.default.createDirectory(
                atPath: home + "/plugins", withIntermediateDirectories: true)
            _ = symlink(Self.standIns + "/unruly", home + "/plugins/unruly")
        }
        arguments = ["attach", "--home", home, "--plugins", Self.programs, "--linger", "1"] + options
        link = NodeLink(
            node: .local, transport: .pipe(executable: Self.programs + "/agent", arguments: arguments))
        events = link.events.makeAsyncIterator()
    }

    deinit {
        link.close()
        killDaemon()
        for folder in RunProcesses.markedFolders() where folder.hasPrefix(scratch.path) {
            for pid in RunProcesses.of(TrialFolder(path: folder), leader: nil) { kill(pid, SIGKILL) }
        }
    }

    func next() async throws -> LinkEvent { try #require(await events.next(isolation: #isolation)) }

    /// Waits for a connection.
    func connected() async throws {
        while true { if case .connected = try await next() { return } }
    }

    /// Waits for the news that `pick` finds something in.
    func news<Found>(_ pick: (News) throws -> Found?) async throws -> Found {
        while true {
            guard case .news(let news) = try await next() else { continue }
            if case .inventory(let inventory) = news { lastInventory = inventory }
            if let found = try pick(news) { return found }
            switch news {
            case .refused(_, let reason): throw AgentError("nobody expected this refusal: \(reason)")
            case .complaint(let text): throw AgentError("nobody expected this complaint: \(text)")
            default: continue
            }
        }
    }

    func inventory(where isWanted: (Inventory) -> Bool = { _ in true }) async throws -> Inventory {
        try await news { if case .inventory(let it) = $0, isWanted(it) { it } else { nil } }
    }

    /// Waits until every slot is free.
    func idle() async throws {
        let isIdle = { (inventory: Inventory) in inventory.slots.allSatisfy { $0.state == .free } }
        if let lastInventory, isIdle(lastInventory) { return }
        _ = try await inventory(where: isIdle)
    }

    /// Connects and asks for everything; answers the first inventory.
    @discardableResult
    func open() async throws -> Inventory {
        try await connected()
        link.send(.survey)
        let inventory = try await inventory()
        link.send(.follow(study: Self.study, offsets: []))
        return inventory
    }

    /// The events of a run up to `isLast`, which is by default its end.
    func events(
        of key: RunKey, until isLast: (RunEvent) -> Bool = { if case .ended = $0 { true } else { false } }
    ) async throws -> [PlacedEvent] {
        var found: [PlacedEvent] = []
        while true {
            let more = try await news { if case .events(key, let events) = $0 { events } else { nil } }
            found += more
            if more.contains(where: { isLast($0.event) }) { return found }
        }
    }

    func refusal(of key: RunKey) async throws -> String {
        try await news { if case .refused(key, let reason) = $0 { reason } else { nil } }
    }

    func complaint() async throws -> String {
        try await news { if case .complaint(let text) = $0 { text } else { nil } }
    }

    func killDaemon() {
        guard
            let pid = contents(scratch.path + "/agent.lock").flatMap({
                Int32(trimmed(String(decoding: $0, as: UTF8.self)))
            })
        else { return }
        kill(pid, SIGKILL)
    }

    /// The environments of the processes of a run that live.
    func environments(of key: RunKey) -> [[Substring]] {
        RunProcesses.of(folder(of: key), leader: nil).compactMap { contents("/proc/\($0)/environ") }.map {
            String(decoding: $0, as: UTF8.self).split(separator: "\0")
        }
    }

    func folder(of key: RunKey) -> TrialFolder { TrialFolder(path: "\(scratch.path)/runs/\(key.folder)") }
}

extension RunKey {
    static func trial(_ number: Int) -> RunKey {
        RunKey(study: LiveNode.study, run: RunID(trial: TrialID(stage: 0, number: number), attempt: 0))
    }
}

extension Launch {
    /// A run of a plugin on `slots`.
    static func of(
        _ key: RunKey, _ plugin: String = "scripted", _ settings: [String: JSON] = [:], steps: Int = 20,
        slots: [Slot] = [.cpu(index: 0)], grace: Double = 1, start: Start = .fresh
    ) -> Launch {
        Launch(
            key: key, plugin: plugin, settings: .object(settings), assignment: ["lr": .float(0.01)],
            start: start, steps: steps, metric: "loss", seed: 1, slots: slots, silenceSeconds: 60,
            graceSeconds: grace, baseFolder: "/tmp")
    }
}

extension [PlacedEvent] {
    var steps: [Int] { compactMap { if case .report(let report) = $0.event { report.step } else { nil } } }

    var ending: RunEnding? {
        if case .ended(let ending) = last?.event { ending } else { nil }
    }
}
