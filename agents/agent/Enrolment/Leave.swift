import ArgumentParser
import Glibc
import Spawn

/// Undoes `enroll`.
struct Leave: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes this machine no node any more: no coordinator gets in, the daemon ends.",
        discussion: """
            The trial folders stay; remove the agent's home yourself once nobody wants them. Refused while \
            runs live, unless --force, which leaves them to themselves.

            EXAMPLE
              agent leave
            """)

    @Option(
        help: ArgumentHelp(
            "The agent's folder (default: $\(Home.variable) or ~/.iterhpo/agent).", valueName: "dir"))
    var home: String?

    @OptionGroup var keys: KeysArguments

    @Flag(help: "Also while runs live.")
    var force = false

    @Flag(help: "Print what was done as JSON.")
    var json = false

    /// What `--json` prints.
    private struct Report: Encodable {
        let home: String
        let keysRemoved: Int

        enum CodingKeys: String, CodingKey {
            case home
            case keysRemoved = "keys_removed"
        }
    }

    func run() throws {
        let home = try Home(opening: home)
        let live = liveRuns(RunStore(root: home.runs))
        guard live.isEmpty || force else {
            throw AgentError(
                "\(live.count) runs live here, the first is \(live[0].run): drain the node first with "
                    + "`coordinator nodes drain`, or use --force")
        }
        let count = try keys.file.remove(home: home.path)
        SystemdUnit(home).remove()
        try home.endDaemon()
        if json { return try printJSON(Report(home: home.path, keysRemoved: count)) }
        print(
            "\(count) keys of coordinators removed from \(keys.file.path); trial folders stay in \(home.path)"
        )
    }
}
