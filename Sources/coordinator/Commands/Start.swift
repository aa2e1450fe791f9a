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

            A study can go on otherwise than it began; every change is kept in its journal:
              coordinator start study.yaml --stages +2
              coordinator start study.yaml --override budget.gpu_hours=40 --override trainer.grace_seconds=60

            --detach leaves it to run without a terminal; `coordinator watch` (or attach) shows it again.
            """)

    @OptionGroup var options: StudyFileOptions
    @OptionGroup var local: LocalNodeOptions

    @OptionGroup var changes: ChangeOptions

    @Flag(help: "Leave the study to run in the background; `coordinator watch` shows it.")
    var detach = false

    @Flag(help: "Print lines instead of the live view, also on a terminal.")
    var plain = false

    @Flag(help: "Print the final status as JSON, and nothing else on stdout.")
    var json = false

    func run() async throws {
        let file = try Failure.asUsage { try StudyFile(at: options.study) }
        let folder = options.folder(named: file.plan.name)
        if detach {
            // Said here too: what the study says goes to its log.
            warn(of: file.plan.resources, by: Printer(isLive: false, isSilent: true))
            return try await Detachment(of: file, in: folder).begin()
        }
        do {
            let begun = try folder.recorded()
            let change = try StudyChange(changes, to: options.study, begun: begun, local: local)
            let ancestry = begun == nil ? try file.startFrom?.ancestry(for: change.recorded) : nil
            let session = try StudySession(plan: change.recorded, folder: folder, local: local)
            try file.startFrom?.copyResults(of: ancestry, to: session)
            let printer = Printer(isLive: !plain && !json && Terminal.isTerminal, isSilent: json)
            warn(of: session.resources, by: printer)
            let first = (ancestry.map { [.inherited($0)] } ?? []) + change.happenings + [.started]
            let (engine, outcome) = try await session.run(printer: printer, beginningWith: first)
            if let fault = Aftermath(command: file.onFinish, folder: folder).run(after: engine) {
                printer.complain(fault)
            }
            try finish(engine, outcome, folder)
        } catch let exit as ExitCode {
            throw exit
        } catch {
            throw Failure.failed(Text.fault(error))
        }
    }

    private func warn(of resources: Resources, by printer: Printer) {
        UnenrolledNodes(of: resources.nodes, in: local.registry).warnings.forEach(printer.complain)
    }

    private func finish(_ engine: Engine, _ outcome: StudyLoop.Outcome, _ folder: StudyFolder) throws {
        if json {
            try ResultsJSON.print(StudyStatus(of: engine, at: .wallClock))
        } else {
            print(FinalReport.lines(of: engine, outcome, in: folder.path).joined(separator: "\n"))
        }
        if outcome.isFailure { throw ExitCode(1) }
    }
}
