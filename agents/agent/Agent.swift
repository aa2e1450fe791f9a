import ArgumentParser
import FoundationEssentials
import Glibc
import Spawn
import Wire

/// The program on each machine of the fleet.
struct Agent: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent",
        abstract: "Runs trials on this machine for the coordinators of iterhpo.",
        discussion: """
            EXAMPLE
              agent status

            EXIT CODES
              0  done   1  it did not work, the message says why   2  wrong arguments
            """,
        version: Hello.currentVersion,
        subcommands: [
            Enroll.self, Leave.self, Doctor.self, Status.self, Attach.self, Serve.self,
        ])
}

/// The entry: ArgumentParser's exit codes become ours.
@main
enum Main {
    static func main() {
        do {
            var command = try Agent.parseAsRoot()
            try command.run()
        } catch {
            if let code = error as? ExitCode { exit(code.rawValue) }
            let code = Agent.exitCode(for: error)
            let message = Agent.fullMessage(for: error)
            if code == .success {
                print(message)
                exit(0)
            }
            complain(message)
            exit(code == .validationFailure ? 2 : 1)
        }
    }
}

/// Writes a line to stderr.
func complain(_ text: String) {
    let line = Array((text + "\n").utf8)
    _ = write(2, line, line.count)
}

/// Writes a value as one line of JSON to stdout.
func printJSON(_ value: some Encodable) throws {
    try writeAll(try Lines.encode(value), to: 1)
}
