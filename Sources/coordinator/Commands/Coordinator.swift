import ArgumentParser
import FleetLink
import Glibc
import Wire

/// The head node's program.
@main struct Coordinator: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coordinator",
        abstract: "Tunes the training of models: runs studies on the machines that you have.",
        discussion: """
            Write a study file, then:
              coordinator check study.yaml     says what is wrong with it, or what it will do
              coordinator simulate study.yaml  says what it would cost
              coordinator start study.yaml     runs it; run again to go on after anything
              coordinator status study.yaml    shows how far it is

            Enrol machines to run it on: coordinator nodes --help

            Or drive the optimiser from a program of your own: coordinator ask-tell --help
            """,
        version: Hello.currentVersion,
        subcommands: [
            Check.self, Explain.self, Start.self, Fork.self, Status.self, Watch.self, Trials.self, Best.self,
            Stop.self,
            Retry.self,
            Simulate.self, ScheduleCommand.self, ReplaySchedule.self, ReportCommand.self,
            ImportanceCommand.self, AskTell.self, Plugins.self, InviteCommand.self, NodesCommand.self,
        ])

    static func main() async {
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            // What `print` was given stands in a buffer until now, or where that could not be written.
            if fflush(nil) != 0 { try Failure.unwritten(errno) }
            endWithoutTeardown()
        } catch {
            endWithoutTeardown()
            // A wrong word on the command line is wrong input like any other.
            guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
            exit(withError: Failure.usage(fullMessage(for: error)))
        }
    }
}
