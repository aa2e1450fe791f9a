import ArgumentParser
import FleetModel
import Foundation
import StudyCore

/// `coordinator retry`: a trial once more.
struct Retry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a trial once more: one that failed, or that you want to see again.",
        discussion: """
            Example: coordinator retry sweep.yaml 0.3
                     coordinator retry sweep.yaml 0.3 --from last
                     coordinator retry sweep.yaml 0.3 --from 0.1

            It becomes another trial with the same parameters, from where the first one began. --from last goes on \
            from that trial's own newest checkpoint, --from TRIAL from another's. A study that runs takes it up at \
            once; one that has ended is started for it.
            """)

    @OptionGroup var options: StudyOptions
    @Argument(help: "The trial, as `coordinator trials` names it.") var trial: String
    @Option(help: "last, or the trial whose newest checkpoint it starts from.") var from: String?
    @OptionGroup var local: LocalNodeOptions
    @Flag(help: "Print lines instead of the live view, also on a terminal.") var plain = false
    @Flag(help: "Print the final status as JSON, and nothing else on stdout.") var json = false

    func run() async throws {
        let folder = try options.existingFolder()
        let engine = try options.engine()
        let wanted = try ended(trial, in: engine)
        let origin = try from.map { try checkpoint($0, of: wanted, in: engine) }
        guard engine.canRetry(wanted.id) else {
            throw Failure.usage(
                engine.plan.method.stageCount == 1
                    ? "\(wanted.id) cannot be run once more: its study has ended, and all of it followed from "
                        + "one another; start another study"
                    : "\(wanted.id) belongs to a stage that is closed, and the next one has gone on from its best: "
                        + "`coordinator fork --at-stage \(max(1, wanted.id.stage))` begins another study there"
            )
        }
        if folder.isLocked {
            try folder.requestRetry(RetryRequest(trial: wanted.id, from: origin))
            return print("\(wanted.id) is run once more; `coordinator watch \(options.study)` shows it")
        }
        let session = try StudySession(plan: engine.plan, folder: folder, local: local)
        let printer = Printer(isLive: !plain && !json && Terminal.isTerminal, isSilent: json)
        let (ended, outcome) = try await session.run(
            printer: printer,
            beginningWith: [.retryRequested(trial: wanted.id, from: origin), .started])
        if json {
            try ResultsJSON.print(StudyStatus(of: ended, at: .wallClock))
        } else {
            print(FinalReport.lines(of: ended, outcome, in: folder.path).joined(separator: "\n"))
        }
        if outcome.isFailure { throw ExitCode(1) }
    }

    private func ended(_ text: String, in engine: Engine) throws -> Trial {
        guard let id = TrialID(text), let trial = engine.trial(id) else {
            let last = engine.trials.last.map { "0.0 to \($0.id)" } ?? "none yet"
            throw Failure.usage(
                "\(text) is no trial of this study: `coordinator trials` lists them (\(last))")
        }
        guard trial.hasEnded else {
            throw Failure.usage(
                "\(id) has not ended, it is \(trial.state.word): there is nothing to run again")
        }
        return trial
    }

    private func checkpoint(_ text: String, of trial: Trial, in engine: Engine) throws -> Checkpoint {
        let source = text == "last" ? trial : try ended(text, in: engine)
        guard let checkpoint = source.checkpoint else {
            let some = engine.trials.filter { $0.checkpoint != nil }.prefix(5).map(\.id.description)
            throw Failure.usage(
                "\(source.id) has no checkpoint (any more): leave --from out, or name a trial that has one"
                    + (some.isEmpty ? "" : ": \(some.joined(separator: ", "))"))
        }
        return checkpoint
    }
}

/// What is handed to a coordinator that runs.
struct RetryRequest: Codable {
    let trial: TrialID
    let from: Checkpoint?
}

extension StudyLoop.Outcome {
    /// Neither completed nor out of budget.
    var isFailure: Bool {
        switch self {
        case .ended(.completed), .ended(.budgetSpent): false
        case .ended(.stopped), .ended(.failed), .detached: true
        }
    }
}
