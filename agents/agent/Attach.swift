import ArgumentParser
import FoundationEssentials
import Glibc
import Spawn

/// What a coordinator's pipe or SSH channel leads to. It lets the daemon have both ends of it, and is there until
/// either side ends.
struct Attach: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Connects stdin and stdout with the daemon, and starts it where none runs.",
        discussion: """
            This is what a coordinator runs, on this machine or through SSH. A daemon that is started here \
            ends by itself when it had nothing to do for 30 s. Behind a key in authorized_keys, the SSH client \
            can ask for `attach` or `bulk` and for nothing else.

            EXAMPLE
              agent attach --home ~/.iterhpo/agent
            """)

    @OptionGroup var arguments: DaemonArguments

    @Flag(help: "Serve one bulk channel instead: checkpoints and logs, without the daemon.")
    var bulk = false

    func run() throws {
        signal(SIGPIPE, SIG_IGN)
        let wantsBulk = try bulk || asksForBulk
        let home = try Home(opening: arguments.home)
        if wantsBulk { return try BulkService(home, input: 0, output: 1).serve() }
        let daemon = try home.reachDaemon(arguments)
        let modes = (fcntl(0, F_GETFL), fcntl(1, F_GETFL))
        try Handed(input: 0, output: 1).over(daemon)
        // A daemon of an older version knows nothing of this, and greets here; then that is what is to be seen.
        while case .bytes(let bytes) = receive(daemon) { try writeAll(bytes, to: 1) }
        // A terminal has a mode for all who use it.
        _ = (fcntl(0, F_SETFL, modes.0), fcntl(1, F_SETFL, modes.1))
    }

    /// What the SSH client asked for, where sshd started this in its place.
    private var asksForBulk: Bool {
        get throws {
            switch ProcessInfo.processInfo.environment["SSH_ORIGINAL_COMMAND"] {
            case nil, "attach": return false
            case "bulk": return true
            case let other?:
                throw AgentError(
                    "this key talks to iterhpo's agent and does nothing else: found the command "
                        + "\"\(other.prefix(80))\", expected attach or bulk")
            }
        }
    }
}
