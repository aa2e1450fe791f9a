import ArgumentParser
import FleetModel
import Foundation
import StudyCore

/// `coordinator stop`: pauses a study. Its coordinator is asked where one runs; else this process does it.
struct Stop: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Pause a study: running trials save their state and end. `start` goes on.",
        discussion: "Example: coordinator stop deploy/studies/quickstart.yaml")

    @OptionGroup var options: StudyOptions
    @OptionGroup var local: LocalNodeOptions
    @Flag(help: "Print the status afterwards as JSON.") var json = false

    func run() async throws {
        let folder = try options.existingFolder()
        if !folder.isLocked, try options.engine().leasing.isEmpty {
            return try report("nothing runs")
        }
        if folder.isLocked {
            try folder.requestStop()
            while folder.isLocked { try await Task.sleep(for: .milliseconds(50)) }
        }
        if try !options.engine().hasEnded { try await stopAlone(folder) }
        try report(try options.engine().phase.outcomeOfStop)
    }

    /// No coordinator runs the study (or the one that did died before it had paused), but its runs go on:
    /// takes it up and stops them.
    private func stopAlone(_ folder: StudyFolder) async throws {
        let plan = try options.engine().plan
        let session = try StudySession(plan: plan, folder: folder, local: local)
        _ = try await session.run(
            printer: Printer(isLive: false, isSilent: true), beginningWith: [.stopRequested])
    }

    private func report(_ words: String) throws {
        let engine = try options.engine()
        if json { return try ResultsJSON.print(StudyStatus(of: engine, at: .wallClock)) }
        print("\(engine.study): \(words)")
    }
}

extension StudyPhase {
    /// What came of a wish to pause: the study may have ended by itself meanwhile.
    fileprivate var outcomeOfStop: String {
        self == .ended(.stopped)
            ? "paused; `coordinator start` goes on" : "\(word); there is nothing to pause"
    }
}
