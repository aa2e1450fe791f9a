import ArgumentParser
import FleetModel
import Foundation
import Journal
import StudyCore

/// `coordinator watch`: the live view of a study that another process runs.
struct Watch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Follow a study, wherever it runs; the view refreshes itself until the study ends.",
        discussion: """
            Example: coordinator watch study.yaml

            Ctrl-C leaves; the study goes on. In a pipe it prints the decisions as they are taken.
            """,
        aliases: ["attach"])

    @OptionGroup var options: StudyOptions
    @Flag(help: "Print lines instead of the live view, also on a terminal.") var plain = false

    func run() async throws {
        let folder = try options.existingFolder()
        let reader = try JournalReader(at: folder.journal)
        let printer = Printer(isLive: !plain && Terminal.isTerminal, isSilent: false)
        var seen: TimedDecision?
        var state = try reader.latest()
        while true {
            let isLocked = folder.isLocked
            try reader.advance(&state)
            let engine = state.engine
            printer.refresh(engine)
            for timed in engine.recentDecisions.after(seen) {
                printer.tell(timed.decision, of: engine)
                seen = timed
            }
            // What was read after the coordinator had gone is the last that there is to see.
            guard isLocked else { return print(Self.ending(of: engine, folder)) }
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    private static func ending(of engine: Engine, _ folder: StudyFolder) -> String {
        guard case .ended(let ending) = engine.phase else {
            return "\(engine.study): no coordinator runs it now; `coordinator start` goes on with it"
        }
        return "\(engine.study): \(Sentences(objective: engine.plan.objective).line(ending)); "
            + "results in \(folder.path)"
    }
}

extension [TimedDecision] {
    /// Those that came after one; all where that is too old to be among them.
    fileprivate func after(_ seen: TimedDecision?) -> ArraySlice<TimedDecision> {
        guard let seen, let place = lastIndex(of: seen) else { return self[...] }
        return self[(place + 1)...]
    }
}
