import ArgumentParser
import FleetModel
import Foundation
import StudyCore
import Wire

/// `coordinator plugins`.
struct Plugins: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the trainers' plugins, show what one takes, or begin a new one.",
        subcommands: [ListPlugins.self, ShowPlugin.self, NewPlugin.self])
}

/// `coordinator plugins list`.
struct ListPlugins: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract:
            "List the plugins of this machine and of the enrolled nodes, with the version of their kit.",
        discussion: "Example: coordinator plugins list --json")

    @OptionGroup var local: LocalNodeOptions
    @Flag(help: "Ask this machine only, and no node.") var here = false
    @Flag(help: "Print JSON.") var json = false

    private struct Row: Encodable {
        let name: String
        /// On this machine, like what follows; nil where only nodes have it.
        let path: String?
        let summary: String?
        let version: String?
        let nodes: [PluginsOnNodes.Entry]
    }

    func run() async throws {
        let nodes = here ? nil : try await PluginsOnNodes(local.home)
        var rows = PluginExecutable.installed(in: local.pluginFolder).compactMap { plugin -> Row? in
            guard let (hello, about) = try? plugin.introduction() else { return nil }
            return Row(
                name: about.name, path: plugin.path, summary: about.summary, version: hello.version,
                nodes: nodes?[about.name] ?? [])
        }
        let elsewhere = (nodes?.names ?? []).subtracting(rows.map(\.name)).sorted()
        rows += elsewhere.map {
            Row(name: $0, path: nil, summary: nil, version: nil, nodes: nodes?[$0] ?? [])
        }
        if json { return try ResultsJSON.print(rows) }
        let hasNodes = rows.contains { !$0.nodes.isEmpty }
        let cells = rows.map { row in
            [row.name, row.version ?? "not here"] + (hasNodes ? [nodes?.summary(of: row.name) ?? ""] : [])
                + [row.summary ?? "", row.path ?? ""]
        }
        let titles = ["plugin", "kit"] + (hasNodes ? ["on nodes"] : []) + ["what it does", "where"]
        print(Text.table([titles] + cells).joined(separator: "\n"))
    }
}

/// `coordinator plugins show NAME`.
struct ShowPlugin: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract:
            "Show a plugin's settings, the hyper-parameters that it understands, and the nodes' versions.",
        discussion: "Example: coordinator plugins show megatron")

    @Argument(help: "The plugin's name.") var name: String
    @OptionGroup var local: LocalNodeOptions
    @Flag(help: "Ask this machine only, and no node.") var here = false
    @Flag(help: "Print JSON.") var json = false

    /// What `--json` prints.
    private struct Shown: Encodable {
        let about: TrainerDescription
        let version: String
        let path: String
        let nodes: [PluginsOnNodes.Entry]

        private enum Key: CodingKey { case version, path, nodes }

        /// As the plugin describes itself, and beside that what only we know.
        func encode(to encoder: any Encoder) throws {
            try about.encode(to: encoder)
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(version, forKey: .version)
            try container.encode(path, forKey: .path)
            try container.encode(nodes, forKey: .nodes)
        }
    }

    func run() async throws {
        let installed = PluginExecutable.installed(in: local.pluginFolder)
        guard let plugin = installed.first(where: { $0.name == name }) else {
            let names = installed.map(\.name)
            let near = nearestName(to: name, among: names).map { " (did you mean \($0)?)" } ?? ""
            throw Failure.usage(
                "found no plugin \(name) on this machine, expected one of \(names.joined(separator: ", "))\(near)"
            )
        }
        let (hello, about): (Hello, TrainerDescription)
        do {
            (hello, about) = try plugin.introduction()
        } catch {
            throw Failure.failed("\(error)")
        }
        let nodes = here ? [] : try await PluginsOnNodes(local.home)[name]
        if json {
            return try ResultsJSON.print(
                Shown(about: about, version: hello.version, path: plugin.path, nodes: nodes))
        }
        let parameters = about.parameters?.joined(separator: ", ") ?? "any that its settings allow"
        let settings = about.settings.flatMap { ["  \($0.name)", "      \($0.meaning)"] }
        let lines =
            ["\(about.name): \(about.summary)", "kit \(hello.version), \(plugin.path)"] + nodes.map(\.words)
            + [""]
            + ["hyper-parameters: \(parameters)", "", "settings (trainer.settings in the study file)"]
            + settings
            + (about.example.isEmpty ? [] : ["", "example", about.example])
        print(lines.joined(separator: "\n"))
    }
}

/// `coordinator plugins new NAME`.
struct NewPlugin: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new",
        abstract: "Begin a plugin: a Swift package that builds, with the contract's tests.",
        discussion: """
            Example: coordinator plugins new my-trainer --kit ~/iterhpo
            Then: cd my-trainer && make test
            """)

    @Argument(help: "Its name, as trainer.plugin will say it; also the folder's.") var name: String
    @Option(
        help: "Where TrainerKit is: iterhpo's folder, or its repository's URL. Default: this program's.")
    var kit: String?
    @Option(help: "The folder to make. Default: NAME here.") var into: String?

    func run() throws {
        guard FolderName.isSafe(name), name.first?.isLetter == true,
            name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0)) })
        else {
            throw Failure.usage("found \"\(name)\", expected letters, digits, - and _, a letter first")
        }
        let folder = URL(fileURLWithPath: into ?? name)
        guard !FileManager.default.fileExists(atPath: folder.path) else {
            throw Failure.usage(
                "\(folder.path) is there already: choose another name, or --into another folder")
        }
        let package = PluginPackage(name: name, kit: try kit.map(absoluteKit) ?? ownKit())
        do {
            for (path, text) in package.files {
                let file = folder.appending(path: path)
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(text.utf8).write(to: file)
            }
        } catch {
            throw Failure.failed("could not write \(folder.path): \(error)")
        }
        print("\(folder.path) is a plugin's package: `make test` in it builds it and runs the contract")
    }

    /// A folder must hold the kit; a URL is the package manager's business.
    private func absoluteKit(_ text: String) throws -> String {
        if text.contains("://") || text.hasPrefix("git@") { return text }
        let path = URL(fileURLWithPath: NSString(string: text).expandingTildeInPath).path
        guard FileManager.default.fileExists(atPath: path + "/Sources/TrainerKit") else {
            throw Failure.usage(
                "found no Sources/TrainerKit in \(path), expected iterhpo's folder or its URL")
        }
        return path
    }

    /// The repository that this program was built in.
    private func ownKit() throws -> String {
        var folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        while folder.path != "/" {
            folder.deleteLastPathComponent()
            if FileManager.default.fileExists(atPath: folder.appending(path: "Sources/TrainerKit").path) {
                return folder.path
            }
        }
        throw Failure.usage("this program is not in iterhpo's folder: say where TrainerKit is with --kit")
    }
}
