import ArgumentParser
import FleetLink
import FleetModel
import Foundation
import Journal
import StudyCore

/// Which study a command is about that needs the study file itself.
struct StudyFileOptions: ParsableArguments {
    @Argument(help: "The study file.")
    var study: String

    @Option(help: "The study's folder, where it is not NAME/ beside the study file.")
    var out: String?

    /// The folder, whether or not it is there yet.
    func folder(named name: String) -> StudyFolder { StudyFolder(named: name, beside: study, out: out) }

    /// The folder of a study that has been started.
    func existingFolder() throws -> StudyFolder { try StudyFolder(of: study, out: out) }
}

/// Which study a command is about.
struct StudyOptions: ParsableArguments {
    @Argument(help: "The study file, or the study's folder.")
    var study: String

    @Option(help: "The study's folder, where it is not NAME/ beside the study file.")
    var out: String?

    /// The folder of a study that has been started.
    func existingFolder() throws -> StudyFolder { try StudyFolder(of: study, out: out) }

    /// The engine as the journal has it, for reading.
    func engine() throws -> Engine {
        try JournalReader(at: try existingFolder().journal).restore()
    }
}

extension StudyFolder {
    fileprivate init(named name: String, beside study: String, out: String?) {
        let beside = URL(fileURLWithPath: study).deletingLastPathComponent().appending(path: name).path
        self.init(path: out.map { URL(fileURLWithPath: $0).path } ?? beside)
    }

    /// The folder of a study that has been started, given by its file or by the folder itself.
    init(of study: String, out: String?) throws {
        let path = URL(fileURLWithPath: study).path
        var isFolder: ObjCBool = false
        let isThere = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        if isThere, isFolder.boolValue {
            self.init(path: path)
        } else {
            let name = try Failure.asUsage { try StudyFile(at: study) }.plan.name
            self.init(named: name, beside: study, out: out)
        }
        guard FileManager.default.fileExists(atPath: journal) else {
            throw Failure.usage(
                "\(self.path): no study was started here; `coordinator start \(study)` starts one")
        }
    }
}

/// Where the enrolled nodes stand.
struct CoordinatorHomeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            The coordinators' folder: the enrolled nodes and the key that they are reached with. Default: \
            $\(CoordinatorHome.variable), or ~/.iterhpo.
            """, valueName: "dir"))
    var home: String?

    var registry: NodeRegistry { NodeRegistry(CoordinatorHome(at: home)) }
}

/// Where this machine's agent and plugins are.
struct LocalNodeOptions: ParsableArguments {
    @Option(help: "The agent's executable. Default: the one beside this program.")
    var agent: String?

    @Option(
        help: """
            The agent's home. Default: the one that the study was begun with; for a new study \
            $ITERHPO_AGENT_HOME, or ~/.iterhpo/agent.
            """)
    var agentHome: String?

    @Option(help: "The folder of the plugins. Default: this program's folder.")
    var plugins: String?

    @OptionGroup var home: CoordinatorHomeOptions

    var registry: NodeRegistry { home.registry }

    /// How the agent of this machine is reached, in its home.
    func transport(home: String) -> Transport {
        .pipe(
            executable: agentPath, arguments: ["attach", "--home", home, "--plugins", pluginFolder])
    }

    private var own: String {
        URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
    }

    var agentPath: String { agent ?? own + "/agent" }
    var pluginFolder: String { plugins ?? own }

    /// The home for a study, whose runs and checkpoints are in one home for good.
    /// - Throws: an exit code where another home is asked for than the one it was begun with.
    func home(of folder: StudyFolder) throws -> String {
        let asked = agentHome.map { URL(fileURLWithPath: $0).path }
        guard let begun = folder.agentHome else { return asked ?? usualHome }
        if let asked, asked != begun {
            throw Failure.usage(
                "this study's runs and checkpoints are in the agent's home \(begun), not in \(asked): "
                    + "start it without --agent-home")
        }
        return begun
    }

    /// The home in whose folders an explained run would be.
    var explainedHome: String { agentHome.map { URL(fileURLWithPath: $0).path } ?? usualHome }

    private var usualHome: String {
        let environment = ProcessInfo.processInfo.environment
        let own = (environment["HOME"] ?? "/root") + "/.iterhpo/agent"
        return URL(fileURLWithPath: environment["ITERHPO_AGENT_HOME"] ?? own).path
    }
}
