import ArgumentParser
import FleetLink
import FleetModel
import Foundation
import Wire

/// What a look at a node shows, as lists and scripts have it.
struct NodeReport: Encodable {
    struct SlotRow: Encodable {
        let slot: String
        /// `free`, or what keeps it.
        let state: String
    }

    let name: String
    let address: String
    let state: String
    /// Why there is no answer; nil where there is one.
    let failure: String?
    let version: String?
    let hostname: String?
    let connectSeconds: Double?
    let answerSeconds: Double?
    let gpus: [String]?
    /// Why nothing can be told of its GPUs; nil where it can.
    let gpuFailure: String?
    let slots: [SlotRow]?
    let plugins: [PluginOffer]?
    let isUpgradeOffered: Bool

    init(_ node: EnrolledNode, _ result: Result<NodeProbe, LinkFailure>) {
        let row = NodeRow(node)
        (name, address, state) = (row.name, row.address, row.state)
        let probe = try? result.get()
        var isOtherVersion = false
        switch result {
        case .failure(let why):
            (failure, isOtherVersion) = (why.description(of: node.id), why.isOtherVersion)
        case .success: failure = nil
        }
        version = probe?.hello.version
        hostname = probe?.inventory.hostname
        connectSeconds = probe?.connectSeconds
        answerSeconds = probe?.answerSeconds
        gpus = probe.map { probe in
            guard case .found(let gpus) = probe.inventory.gpus else { return [] }
            return gpus.flatMap(\.lines)
        }
        gpuFailure = probe.flatMap { Text.blindness(of: $0.inventory) }
        slots = probe?.inventory.slots.map { SlotRow(slot: "\($0.slot)", state: $0.state.words) }
        plugins = probe?.inventory.plugins
        isUpgradeOffered = version.map { $0 != Hello.currentVersion } ?? isOtherVersion
    }

    /// One line for a table.
    var cells: [String] {
        guard let slots, let version, let answerSeconds else { return [name, address, state, failure ?? ""] }
        let free = slots.count { $0.state == "free" }
        let upgrade =
            isUpgradeOffered ? ", `coordinator nodes upgrade \(name)` brings \(Hello.currentVersion)" : ""
        return [
            name, address, state,
            "answers in \(Int((answerSeconds * 1_000).rounded(.up))) ms: \(free) of \(slots.count) slots free, "
                + "agent \(version)" + upgrade + (gpuFailure.map { "; \($0)" } ?? ""),
        ]
    }

    /// Everything, for one node.
    var lines: [String] {
        guard let slots, let plugins, let gpus else {
            return ["\(name)  \(address)  \(state)", failure ?? ""]
        }
        return ["\(name)  \(address)  \(state)  \(cells[3])", "host \(hostname ?? "")"]
            + [
                "plugins \(plugins.isEmpty ? "none" : plugins.map { "\($0.name) \($0.version)" }.joined(separator: ", "))"
            ] + gpus
            + slots.map { "\($0.slot)  \($0.state)" }
    }
}

extension GPU {
    /// What it is and how much of it is used; where MIG divides it, so for each part.
    fileprivate var lines: [String] {
        guard let parts else {
            return ["gpu\(index) \(name), \(memoryUsedMiB) of \(memoryTotalMiB) MiB used"]
        }
        return ["gpu\(index) \(name), divided by MIG into \(parts.count)"]
            + parts.map { part in
                let slot = Slot.mig(gpu: index, instance: part.instance, compute: part.compute)
                return "\(slot) \(part.profile), \(part.memoryUsedMiB) of \(part.memoryTotalMiB) MiB used, "
                    + part.uuid
            }
    }
}

extension SlotState {
    /// `free`, or what keeps it.
    fileprivate var words: String {
        switch self {
        case .free: "free"
        case .held(let run): "held by \(run)"
        case .unavailable(let reason): "not available: \(reason)"
        }
    }
}

extension NodeReport {
    /// Looks at all of the nodes at the same time.
    static func of(_ nodes: [EnrolledNode], home: CoordinatorHome) async -> [NodeReport] {
        await withTaskGroup(of: NodeReport.self) { group in
            for node in nodes {
                group.addTask {
                    NodeReport(node, await NodeProbe.look(at: node.id, over: node.transport, home: home))
                }
            }
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.name < $1.name }
        }
    }
}

/// `coordinator nodes check`.
struct CheckNodes: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Connect to nodes, all at the same time, and say what they answer.",
        discussion: """
            A node that was set aside and shows its pinned key again is taken back.

            Example: coordinator nodes check gpu1 gpu2
            """)

    @Argument(help: "The nodes; none: all.") var names: [String] = []
    @OptionGroup var home: CoordinatorHomeOptions
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let all = try home.attempt { try home.registry.all() }
        let nodes = try names.isEmpty ? all : names.map(home.node)
        var reports = await NodeReport.of(nodes, home: home.registry.home)
        let answering = Set(reports.filter { $0.failure == nil }.map(\.name))
        for var node in nodes where node.setAside != nil && answering.contains(node.id.rawValue) {
            node.setAside = nil
            try home.attempt { try home.registry.update(node) }
            reports = await NodeReport.of(
                nodes.map { $0.id == node.id ? node : $0 }, home: home.registry.home)
        }
        if json {
            try ResultsJSON.print(reports)
        } else {
            print(
                Text.table([["node", "address", "state", "answer"]] + reports.map(\.cells))
                    .joined(separator: "\n"))
        }
        if reports.contains(where: { $0.failure != nil || $0.gpuFailure != nil }) { throw ExitCode(1) }
    }
}

/// `coordinator nodes show`.
struct ShowNode: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show one node with its GPUs, slots and plugins as they are now.",
        discussion: "Example: coordinator nodes show gpu1")

    @Argument(help: "The node.") var name: String
    @OptionGroup var home: CoordinatorHomeOptions
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let report = await NodeReport.of([try home.node(name)], home: home.registry.home)[0]
        if json { try ResultsJSON.print(report) } else { print(report.lines.joined(separator: "\n")) }
        if report.failure != nil { throw ExitCode(1) }
    }
}
