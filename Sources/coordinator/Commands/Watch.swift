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
        while true {
            let begun = ContinuousClock.now
            let isLocked = folder.isLocked
            let engine = try reader.restore()
            printer.refresh(engine)
            for timed in engine.recentDecisions.after(seen) {
                printer.tell(timed.decision, of: engine)
                seen = timed
            }
            // What was read after the coordinator had gone is the last that there is to see.
            guard isLocked else { return print(Self.ending(of: engine, folder)) }
            // A long journal takes a while to read: most of the time is left to others.
            let pause = max(.milliseconds(500), (ContinuousClock.now - begun) * 4)
            try await Task.sleep(for: pause)
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
