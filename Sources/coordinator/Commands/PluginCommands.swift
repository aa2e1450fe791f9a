import ArgumentParser
import FleetModel
import Foundation
import StudyCore
import Wire

/// `coordinator plugins`.
struct Plugins: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the trainers' plugins, show what one takes, or begin a new one.",
        subcommands: [ListPlugins.self, ShowPlugin.self, NewPlugin.self])
}

/// A plugin of this machine, as it says itself.
private struct InstalledPlugin: Encodable {
    let name: String
    let path: String
    let summary: String
    /// Of the kit that it was built with.
    let version: String

    init(_ plugin: PluginExecutable) throws {
        let (hello, about) = try plugin.introduction()
        (name, path, summary, version) = (about.name, plugin.path, about.summary, hello.version)
    }
}

/// `coordinator plugins list`.
struct ListPlugins: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the plugins of this machine, with the version of their kit.",
        discussion: "Example: coordinator plugins list --json")

    @OptionGroup var local: LocalNodeOptions
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        let found = PluginExecutable.installed(in: local.pluginFolder).compactMap { try? InstalledPlugin($0) }
        if json { return try ResultsJSON.print(found) }
        let rows = found.map { [$0.name, $0.version, $0.summary, $0.path] }
        print(Text.table([["plugin", "kit", "what it does", "where"]] + rows).joined(separator: "\n"))
    }
}

/// `coordinator plugins show NAME`.
struct ShowPlugin: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show a plugin's settings and the hyper-parameters that it understands.",
        discussion: "Example: coordinator plugins show megatron")

    @Argument(help: "The plugin's name.") var name: String
    @OptionGroup var local: LocalNodeOptions
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
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
        if json { return try ResultsJSON.print(about) }
        let parameters = about.parameters?.joined(separator: ", ") ?? "any that its settings allow"
        let settings = about.settings.flatMap { ["  \($0.name)", "      \($0.meaning)"] }
        let lines =
            ["\(about.name): \(about.summary)", "kit \(hello.version), \(plugin.path)", ""]
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
