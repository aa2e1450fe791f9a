import ArgumentParser
import FleetModel
import Foundation
import Search
import StudyCore

/// `coordinator schedule`: what a study found, to train with.
struct ScheduleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedule",
        abstract: "Print the schedule that a study found, for a trainer to follow.",
        discussion: """
            Examples:
              coordinator schedule deploy/studies/quickstart.yaml
              coordinator schedule quickstart --format huggingface --smooth > schedule.py
              coordinator schedule gpt-350m --format megatron --seq-length 2048

            Without --format: the table and the power laws, drawn. The values are piecewise, as the stages found \
            them; with --smooth they follow the fitted laws where there is evidence of any, and else the stages' \
            optima joined. Steps count optimiser steps from 1.
            """)

    @OptionGroup var options: StudyOptions

    @Option(help: "csv, python, huggingface or megatron.")
    var format: String?

    @Flag(help: "The fitted course instead of the pieces found.")
    var smooth = false

    @Option(help: "With --smooth: in how many pieces.")
    var pieces = ScheduleCourse.usualPieces

    @Option(help: "With --smooth: up to this step, beyond the study's own too.")
    var steps: Int?

    @Option(help: "The parameter that is the learning rate. Default: lr, learning_rate or max_lr.")
    var lr: String?

    @Option(help: "The parameter that is the batch size. Default: batch_size or a name that ends with it.")
    var batchSize: String?

    @Option(help: "Tokens of a sample. Default: the trainer's settings.")
    var seqLength: Int?

    @Flag(help: "Print schedule.json: stages, laws and the smooth course.")
    var json = false

    func run() throws {
        let format = try checkedFormat()
        let engine = try options.engine()
        let schedule = Schedule(of: engine)
        guard let last = schedule.stages.last else {
            throw Failure.failed("no stage of \(engine.study) is closed yet: there is no schedule to print")
        }
        if json { return try ResultsJSON.print(schedule) }
        guard let format else {
            let plots = schedule.powerLaws.compactMap(LawPlot.lines)
            return print(
                (FinalReport.stageTable(schedule) + FinalReport.laws(schedule) + plots.flatMap { [""] + $0 })
                    .joined(separator: "\n"))
        }
        let course = ScheduleCourse(
            space: engine.plan.space, stages: schedule.stages, laws: schedule.powerLaws)
        let chosen = smooth ? course.smooth(until: steps ?? last.lastStep, pieces: pieces) : schedule.pieces
        let text = ScheduleText(
            study: engine.study.rawValue, pieces: chosen, lr: try name(lr, ScheduleNames.rate, engine),
            batchSize: try name(batchSize, ScheduleNames.batchSize, engine),
            sequenceLength: seqLength ?? ScheduleNames.sequenceLength(engine.plan.trainer.settings))
        do {
            print(try text.lines(as: format).joined(separator: "\n"))
        } catch {
            throw Failure.usage("\(error)")
        }
    }

    private func checkedFormat() throws -> ScheduleText.Format? {
        guard pieces > 0, steps ?? 1 > 0, seqLength ?? 1 > 0 else {
            throw Failure.usage("--pieces, --steps and --seq-length are whole numbers above 0")
        }
        guard smooth || steps == nil else {
            throw Failure.usage("--steps goes beyond what was found: it needs --smooth")
        }
        guard let format else { return nil }
        guard let known = ScheduleText.Format(rawValue: format) else {
            let names = ScheduleText.Format.allCases.map(\.rawValue).joined(separator: ", ")
            throw Failure.usage("--format \(format): expected one of \(names)")
        }
        return known
    }

    private func name(_ given: String?, _ usual: ([String]) -> String?, _ engine: Engine) throws -> String? {
        let names = engine.plan.space.kinds.map { $0.name }
        guard let given else { return usual(names) }
        guard names.contains(given) else {
            throw Failure.usage(
                "\(given) is no parameter of the study: expected one of \(names.joined(separator: ", "))")
        }
        return given
    }
}

/// How learning rates, batch sizes and sequence lengths are called.
enum ScheduleNames {
    static func rate(_ names: [String]) -> String? {
        ["lr", "learning_rate", "max_lr", "learning-rate"].first(where: names.contains)
    }

    static func batchSize(_ names: [String]) -> String? {
        names.first { $0 == "batch_size" } ?? names.first { $0.hasSuffix("batch_size") }
            ?? names.first { $0.hasSuffix("batch-size") }
    }

    /// From a trainer's settings: `seq-length` among Megatron's args, or a key of that meaning.
    static func sequenceLength(_ settings: JSON) -> Int? {
        let places =
            [settings["args"]?["seq-length"], settings["args"]?["seq_length"]]
            + ["seq_length", "sequence_length", "block_size", "context"].map { settings[$0] }
        for case .int(let length)? in places where length > 0 { return length }
        return nil
    }
}
