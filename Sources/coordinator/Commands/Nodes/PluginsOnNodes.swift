import FleetLink
import FleetModel

/// Which version of a plugin's kit is where: what enrolled nodes say of their own plugins.
struct PluginsOnNodes {
    struct Entry: Encodable {
        let node: String
        /// nil where the node has no such plugin, or does not answer.
        let version: String?
        /// Why it does not answer; nil where it does.
        let failure: String?

        /// `gpu1 0.1.0`
        var words: String {
            "\(node) " + (version ?? (failure == nil ? "has it not" : "does not answer: \(failure ?? "")"))
        }
    }

    private let reports: [NodeReport]

    /// Asks them all, at the same time.
    init(_ home: CoordinatorHomeOptions) async throws {
        reports = await NodeReport.of(try home.attempt { try home.registry.all() }, home: home.registry.home)
    }

    subscript(plugin: String) -> [Entry] {
        reports.map { report in
            Entry(
                node: report.name, version: report.plugins?.first { $0.name == plugin }?.version,
                failure: report.failure)
        }
    }

    /// Of every plugin that a node has.
    var names: Set<String> { Set(reports.flatMap { $0.plugins ?? [] }.map(\.name)) }

    /// `0.1.0 on gpu1, gpu2; not on gpu3`
    func summary(of plugin: String) -> String {
        let entries = self[plugin]
        let versions = Dictionary(grouping: entries.filter { $0.version != nil }, by: { $0.version ?? "" })
        let have = versions.sorted { $0.key < $1.key }.map { version, entries in
            "\(version) on " + entries.map(\.node).joined(separator: ", ")
        }
        let without = entries.filter { $0.version == nil && $0.failure == nil }.map(\.node)
        let silent = entries.filter { $0.failure != nil }.map(\.node)
        return
            (have + (without.isEmpty ? [] : ["not on " + without.joined(separator: ", ")])
            + (silent.isEmpty ? [] : ["no answer from " + silent.joined(separator: ", ")]))
            .joined(separator: "; ")
    }
}
