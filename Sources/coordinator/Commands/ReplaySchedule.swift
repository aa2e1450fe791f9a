import ArgumentParser
import FleetModel
import Foundation
import Search
import StudyCore

/// `coordinator replay-schedule`: what a schedule is worth, trained once from scratch.
struct ReplaySchedule: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay-schedule",
        abstract: "Train once from scratch with the schedule that a study found, and say the final loss.",
        discussion: """
            Example: coordinator replay-schedule quickstart.yaml --smooth

            Every piece of the schedule is trained from the checkpoint of the piece before, by the study's own \
            trainer and in its units, in replay/ (with --smooth replay_smooth/) of the study's folder. Ctrl-C \
            leaves it running, and the same command goes on with it.
            """)

    @OptionGroup var options: StudyOptions
    @OptionGroup var local: LocalNodeOptions

    @Flag(help: "The fitted course instead of the pieces found.")
    var smooth = false

    @Option(help: "With --smooth: in how many pieces.")
    var pieces = ScheduleCourse.usualPieces

    @Option(help: "The seed. Default: the study's, so that the model starts from the same weights.")
    var seed: Int?

    @Flag(help: "Print lines instead of the live view, also on a terminal.")
    var plain = false

    @Flag(help: "Print the outcome as JSON, and nothing else on stdout.")
    var json = false

    func run() async throws {
        guard pieces > 0, seed ?? 0 >= 0 else {
            throw Failure.usage("--pieces is above 0 and --seed not below")
        }
        let study = try options.existingFolder()
        let original = try options.engine()
        let plan = try plan(of: original)
        let folder = StudyFolder(
            path: study.path + (smooth ? "/replay_smooth" : "/replay") + (seed.map { "_seed_\($0)" } ?? ""))
        var local = local
        local.agentHome = local.agentHome ?? study.agentHome
        do {
            let session = try StudySession(plan: plan, folder: folder, local: local)
            let printer = Printer(isLive: !plain && !json && Terminal.isTerminal, isSilent: json)
            let (engine, outcome) = try await session.run(printer: printer)
            try finish(engine, outcome, of: original, in: folder)
        } catch let exit as ExitCode {
            throw exit
        } catch {
            throw Failure.failed(Text.fault(error))
        }
    }

    private func plan(of engine: Engine) throws -> Plan {
        let schedule = Schedule(of: engine)
        guard let last = schedule.stages.last else {
            throw Failure.failed("no stage of \(engine.study) is closed yet: there is no schedule to replay")
        }
        let course = ScheduleCourse(
            space: engine.plan.space, stages: schedule.stages, laws: schedule.powerLaws)
        let chosen = smooth ? course.smooth(until: last.lastStep, pieces: pieces) : schedule.pieces
        for piece in chosen {
            if let problem = engine.plan.space.problem(with: piece.params) {
                throw Failure.failed(
                    "the schedule leaves the study's space from step \(piece.firstStep) on: \(problem); "
                        + "replay what was found, without --smooth")
            }
        }
        return engine.plan.replaying(chosen, seed: seed.map(UInt64.init))
    }

    private func finish(
        _ engine: Engine, _ outcome: StudyLoop.Outcome, of original: Engine, in folder: StudyFolder
    ) throws {
        let report = ReplayOutcome(engine, of: original, folder: folder.path)
        if json {
            try ResultsJSON.print(report)
        } else {
            print(
                (FinalReport.lines(of: engine, outcome, in: folder.path) + ["", report.words]).joined(
                    separator: "\n"))
        }
        guard case .ended(.completed) = outcome else { throw ExitCode(1) }
    }
}

/// What came of a replay, beside what the study found.
struct ReplayOutcome: Encodable {
    let study: String
    let metric: String
    let phase: String
    let steps: Int
    /// nil until the last piece is done.
    let value: Double?
    /// Of the study's own path, which chose the best of several trials at each stage.
    let studyValue: Double?
    let score: String
    let folder: String

    init(_ engine: Engine, of original: Engine, folder: String) {
        let direction = engine.plan.objective.direction
        let isDone = engine.stages.count == engine.plan.method.stageCount
        study = original.study.rawValue
        metric = engine.plan.objective.metric
        phase = engine.phase.word
        steps = engine.stages.last.map { engine.steps(before: $0.index) + $0.steps } ?? 0
        value = isDone ? engine.stages.last?.ranking.first?.result?.metric(direction) : nil
        studyValue = original.best?.result?.metric(direction)
        score = engine.plan.method.score.name
        self.folder = folder
    }

    var words: String {
        guard let value else { return "the schedule was not trained to its end: \(steps) steps so far" }
        return "trained once with the schedule of \(study), \(steps) steps: \(metric) "
            + Text.number(value, digits: 5)
            + (studyValue.map { "; the study's own path came to \(Text.number($0, digits: 5))" } ?? "")
    }
}

extension Plan {
    /// One training by these pieces.
    func replaying(_ pieces: [SchedulePiece], seed: UInt64?) -> Plan {
        let method = ReplayMethod(
            pieces: pieces.map { .init(assignment: $0.params, steps: $0.lastStep - $0.firstStep + 1) },
            score: method.score)
        return Plan(
            name: name, trainer: trainer, objective: objective, space: space, method: .replay(method),
            sampler: .random(RandomSampler()), pruner: .off, seed: seed ?? self.seed, resources: resources,
            budget: Budget(), keepBest: 1)
    }
}
