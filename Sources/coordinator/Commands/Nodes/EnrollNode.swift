import ArgumentParser
import FleetLink
import FleetModel
import Foundation
import Wire

/// What `nodes enroll` and `nodes upgrade` need to get into a machine with the user's own login.
struct LoginOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Your ssh's configuration (default: ~/.ssh/config).", valueName: "file"))
    var sshConfig: String?

    @Option(
        help: ArgumentHelp(
            "The folder with the agent and the plugins to copy (default: this program's folder).",
            valueName: "dir"))
    var programs: String?

    var folder: String {
        programs
            ?? URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .path
    }
}

/// `coordinator nodes enroll`.
struct EnrollNode: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enroll",
        abstract:
            "Enrol a machine from here, with your own SSH login: copies agent and plugins, then adds it.",
        discussion: """
            The machine needs an SSH server and nothing else. Your login is used for this only; from then on \
            the coordinator's own key is, which can do nothing there but talk to the agent.

            Example: coordinator nodes enroll ann@gpu1
            """)

    @Argument(help: "USER@HOST, HOST, or an alias of ~/.ssh/config.") var destination: String
    @Option(help: "The node's name (default: the machine's host name).") var name: String?
    @Option(
        help: ArgumentHelp(
            "Further arguments of `agent enroll` there, such as --cpu-slots=4; may be repeated.",
            valueName: "argument"))
    var agentArgument: [String] = []
    @OptionGroup var files: FilesOptions
    @OptionGroup var login: LoginOptions
    @OptionGroup var home: CoordinatorHomeOptions
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let installation = try Failure.asUsage {
            try Installation(on: destination, from: login.folder, sshConfig: login.sshConfig)
        }
        let arguments = (name.map { ["--name=\($0)"] } ?? []) + agentArgument
        let (node, probe) = try await installation.enrol(
            with: arguments, name: name, hasOwnFiles: files.ownFiles, registry: home.registry, isSilent: json)
        if json { return try ResultsJSON.print(NodeReport(node, .success(probe))) }
        print("node \(node.id) is enrolled: " + NodeReport(node, .success(probe)).cells[3])
    }
}

/// `coordinator nodes upgrade`.
struct UpgradeNode: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upgrade",
        abstract: "Bring this version of agent and plugins to a node. Its runs go on.",
        discussion: """
            The old programs stay beside the new ones for the runs that still use them. The options that the node was \
            enrolled with, its agent's home too, stay unless they are given anew. With your own SSH login.

            Example: coordinator nodes upgrade gpu1
            """)

    @Argument(help: "The node.") var name: String
    @Option(help: "USER@HOST of your login (default: as the node is reached).") var login: String?
    @Option(
        help: ArgumentHelp(
            "Further arguments of `agent enroll` there, such as --cpu-slots=4; may be repeated.",
            valueName: "argument"))
    var agentArgument: [String] = []
    @OptionGroup var options: LoginOptions
    @OptionGroup var home: CoordinatorHomeOptions
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        guard case .ssh(let address) = try home.node(name).transport else {
            throw Failure.usage("node \(name) is an agent of this machine: install the new one in its place")
        }
        let installation = try Failure.asUsage {
            try Installation(
                on: login ?? "\(address.user)@\(address.host)", port: address.port, from: options.folder,
                sshConfig: options.sshConfig)
        }
        let (node, probe) = try await installation.enrol(
            with: ["--name=\(name)"] + agentArgument, name: name, registry: home.registry, isSilent: json)
        if json { return try ResultsJSON.print(NodeReport(node, .success(probe))) }
        print("node \(node.id) has the agent \(probe.hello.version); its runs go on")
    }
}
