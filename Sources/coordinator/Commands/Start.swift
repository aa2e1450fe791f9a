import ArgumentParser
import Foundation
import StudyCore

/// `coordinator start`: runs a study, or goes on with it.
struct Start: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a study, or go on with one that was begun.",
        discussion: """
            Example: coordinator start deploy/studies/quickstart.yaml

            Ctrl-C leaves: runs go on under the agent, and starting again takes up what they did. \
            `coordinator stop` pauses the study instead: runs save their state and end.
            """)

    @OptionGroup var options: StudyOptions
    @OptionGroup var local: LocalNodeOptions

    @Flag(help: "Print lines instead of the live view, also on a terminal.")
    var plain = false

    @Flag(help: "Print the final status as JSON, and nothing else on stdout.")
    var json = false

    func run() async throws {
        let plan = try CheckedStudy(at: options.study, plugins: local.pluginFolder).plan
        let folder = options.folder(named: plan.name)
        do {
            let session = try StudySession(plan: plan, folder: folder, local: local)
            let printer = Printer(isLive: !plain && !json && Terminal.isTerminal, isSilent: json)
            let (engine, outcome) = try await session.run(printer: printer)
            try finish(engine, outcome, folder)
        } catch let exit as ExitCode {
            throw exit
        } catch {
            throw Failure.failed(Text.fault(error))
        }
    }

    private func finish(_ engine: Engine, _ outcome: StudyLoop.Outcome, _ folder: StudyFolder) throws {
        if json {
            try ResultsJSON.print(StudyStatus(of: engine, at: .wallClock))
        } else {
            print(FinalReport.lines(of: engine, outcome, in: folder.path).joined(separator: "\n"))
        }
        switch outcome {
        case .ended(.completed), .ended(.budgetSpent): return
        case .ended(.stopped), .ended(.failed), .detached: throw ExitCode(1)
        }
    }
}
