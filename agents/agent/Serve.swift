import ArgumentParser
import Glibc
import Spawn

/// What serve and attach share.
struct DaemonArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The agent's folder (default: $\(Home.variable) or ~/.iterhpo/agent).", valueName: "dir"))
    var home: String?

    @Option(
        help: ArgumentHelp(
            "Where the plugins are (default: beside the agent; then HOME/plugins).", valueName: "dir"))
    var plugins: String?

    @Option(
        name: .customLong("nvidia-smi"),
        help: ArgumentHelp("What to ask for GPUs (default: nvidia-smi).", valueName: "program"))
    var nvidiaSMI: String?

    @Option(
        help: ArgumentHelp(
            """
            Where the kernel tells of Xid errors; read as far as this user may. `none`: they are not looked for, as \
            after a reset of a GPU that the log cannot know of (default: \(KernelLog.device)).
            """, valueName: "file"))
    var kernelLog: String?

    @Option(help: ArgumentHelp("Where the driver tells which GPU is where on the bus.", visibility: .hidden))
    var driverFolder: String?

    @Option(help: ArgumentHelp("Where the kernel tells of the PCI bus.", visibility: .hidden))
    var busFolder: String?

    @Option(
        help: ArgumentHelp("Slots of a machine without GPUs (default: one for each core).", valueName: "n"))
    var cpuSlots: Int?

    @Option(
        help: ArgumentHelp("End when there was no connection and no run for that long.", valueName: "seconds")
    )
    var linger: Double?

    func validate() throws {
        if let cpuSlots, cpuSlots < 0 || cpuSlots > 4_096 {
            throw ValidationError("--cpu-slots: found \(cpuSlots), expected a number from 0 to 4096")
        }
        if let linger, !(linger >= 0) || linger > 1e9 {
            throw ValidationError("--linger: found \(linger), expected seconds, at least 0")
        }
    }

    var options: DaemonOptions {
        DaemonOptions(
            plugins: plugins, nvidiaSMI: nvidiaSMI ?? Self.usualSMI, cpuSlots: cpuSlots, linger: linger,
            kernelLog: kernelLog ?? KernelLog.device,
            driver: DriverFolder(
                path: driverFolder ?? DriverFolder.standard, bus: busFolder ?? DriverFolder.standardBus))
    }

    /// What of these `agent enroll` writes into authorized_keys as it was given, with its option.
    var words: [(option: String, word: String)] {
        [
            ("--home", home), ("--plugins", plugins), ("--nvidia-smi", nvidiaSMI),
            ("--kernel-log", kernelLog),
            ("--driver-folder", driverFolder), ("--bus-folder", busFolder),
        ].compactMap { option, word in word.map { (option, $0) } }
    }

    private static let usualSMI = "nvidia-smi"

    /// These, and what earlier ones say of everything that these do not.
    func over(_ earlier: DaemonArguments) -> DaemonArguments {
        var both = self
        both.home = home ?? earlier.home
        both.plugins = plugins ?? earlier.plugins
        both.nvidiaSMI = nvidiaSMI ?? earlier.nvidiaSMI
        both.kernelLog = kernelLog ?? earlier.kernelLog
        both.driverFolder = driverFolder ?? earlier.driverFolder
        both.busFolder = busFolder ?? earlier.busFolder
        both.cpuSlots = cpuSlots ?? earlier.cpuSlots
        both.linger = linger ?? earlier.linger
        return both
    }

    /// The arguments of `agent serve` with the same meaning, for the home that was opened. `linger` nil: the
    /// daemon stays until somebody ends it.
    func serving(_ home: Home, linger: Double?) -> [String] {
        ["serve", "--home", home.path] + further + (linger.map { ["--linger", "\($0)"] } ?? [])
    }

    /// This program with the arguments of `agent attach` with the same meaning.
    func attaching(_ home: Home) -> [String] {
        [absolute("/proc/self/exe"), "attach", "--home", home.path] + further
            + (linger.map { ["--linger", "\($0)"] } ?? [])
    }

    private var further: [String] {
        var arguments: [String] = []
        if let nvidiaSMI, nvidiaSMI != Self.usualSMI {
            arguments += ["--nvidia-smi", nvidiaSMI.contains("/") ? absolute(nvidiaSMI) : nvidiaSMI]
        }
        if let plugins { arguments += ["--plugins", absolute(plugins)] }
        if let cpuSlots { arguments += ["--cpu-slots", "\(cpuSlots)"] }
        if let kernelLog, kernelLog != KernelLog.device {
            arguments += ["--kernel-log", absolute(kernelLog)]
        }
        if let driverFolder, driverFolder != DriverFolder.standard {
            arguments += ["--driver-folder", absolute(driverFolder)]
        }
        if let busFolder, busFolder != DriverFolder.standardBus {
            arguments += ["--bus-folder", absolute(busFolder)]
        }
        return arguments
    }
}

/// `path` without links, or as it is where it leads nowhere.
func absolute(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
}

/// The daemon.
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serves coordinators behind HOME/agent.sock, in the foreground.",
        discussion: """
            One daemon serves a home. It may be killed at any time: runs go on, and the next one takes them up.

            EXAMPLE
              agent serve --cpu-slots 4
            """)

    @OptionGroup var arguments: DaemonArguments

    func run() throws {
        let home = try Home(opening: arguments.home)
        guard try home.takeDaemonLock() else {
            throw AgentError(
                "another agent serves \(home.path) already: `agent attach --home \(home.path)` reaches it")
        }
        var options = arguments.options
        options.plugins = options.plugins.map(absolute)
        if options.nvidiaSMI.contains("/") { options.nvidiaSMI = absolute(options.nvidiaSMI) }
        let daemon = try Daemon(home: home, options: options)
        // Who started us waits for this line, and may be gone a moment later.
        let ready = Array("the agent listens at \(home.socket)\n".utf8)
        _ = write(1, ready, ready.count)
        _ = chdir("/")
        daemon.serve()
    }
}
