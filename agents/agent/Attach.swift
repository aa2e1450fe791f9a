import ArgumentParser
import FoundationEssentials
import Glibc
import Spawn

/// The bridge between a coordinator's pipe or SSH channel and the daemon.
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
        onOwnThread {
            copy(from: 0, to: daemon)
            Glibc.exit(0)
        }
        copy(from: daemon, to: 1)
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

/// Copies until either side ends.
private func copy(from source: Int32, to target: Int32) {
    while case .bytes(let bytes) = receive(source) {
        do { try writeAll(bytes, to: target) } catch { return }
    }
}
