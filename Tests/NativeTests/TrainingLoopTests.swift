import FleetModel
import FoundationEssentials
import Glibc
import Testing
import TrainerKit
import Wire

@testable import native

/// Trials as `native run` executes them, in a trial folder, with the events in a file.
struct TrainingLoopTests {
    private let text = String(repeating: "the rain in spain stays mainly in the plain. ", count: 60)

    /// Runs one trial in `folder` and answers its events. `stop` is a stop order that is there from the start.
    private func events(
        in folder: String, steps: Int = 16, cooldown: Int = 0, start: RunSpec.Start = .fresh,
        settings: [String: JSON] = [:],
        assignment: Assignment = [:], stop: StopOrder? = nil
    ) throws -> [RunEvent] {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(filePath: folder + "/text"))
        let trial = TrialFolder(path: folder)
        if let stop { try Lines.encode(stop).write(to: URL(filePath: trial.stop)) }
        let channel = open(trial.events, O_CREAT | O_WRONLY | O_APPEND, 0o600)
        defer { close(channel) }
        let own: [String: JSON] = [
            "data": .string("text"), "width": .int(16), "heads": .int(2), "context": .int(8),
            "batch_size": .int(2),
        ]
        let spec = RunSpec.small(
            .object(settings.merging(own) { given, _ in given }), assignment, start, steps: steps,
            cooldown: cooldown, baseFolder: folder)
        var reader = SettingsReader(spec.settings, baseFolder: folder)
        let trainer = Native(settings: &reader)
        #expect(reader.finish().isEmpty)
        guard case .inProcess(let body) = try trainer.execution(of: spec, in: trial) else { return [] }
        do {
            try body(TrainingSession(spec: spec, folder: trial, channel: channel))
        } catch is RunIsOver {}
        return EventChunk(try Data(contentsOf: URL(filePath: trial.events)), from: 0).events.map(\.event)
    }

    private func reports(_ events: [RunEvent]) -> [Report] {
        events.compactMap { event in if case .report(let report) = event { report } else { nil } }
    }

    private func checkpoints(_ events: [RunEvent]) -> [Int] {
        events.compactMap { event in if case .checkpoint(_, let step) = event { step } else { nil } }
    }

    @Test func `reports come at regular steps and at the last, a checkpoint at the end`() throws {
        try withTemporaryFolder { folder in
            let events = try events(in: folder, steps: 19, settings: ["evaluate_every": .int(5)])
            #expect(reports(events).map(\.step) == [5, 10, 15, 19])
            #expect(checkpoints(events) == [19])
            let names = reports(events).map { $0.metrics.keys.sorted() }
            var reader = SettingsReader(.object(["data": .string("text")]), baseFolder: folder)
            let said = try #require(Native(settings: &reader).metrics)
            #expect(names.allSatisfy { $0 == said.sorted() })
        }
    }

    @Test func `every report says what the trial costs`() throws {
        try withTemporaryFolder { folder in
            let events = try events(in: folder, steps: 9, settings: ["evaluate_every": .int(3)])
            let size = try filesMiB(in: folder + "/checkpoints/step_9")
            for report in reports(events) {
                func number(_ metric: StandardMetric) -> Double {
                    if case .value(let number)? = report.metrics[metric.rawValue] { number } else { -1 }
                }
                // Embeddings of 256 bytes and 8 places, two blocks, the last norm, in GPT-2's arithmetic.
                let (width, layers) = (16, 2)
                let block = 12 * width * width + 13 * width
                #expect(number(.parameters) == Double((256 + 8) * width + layers * block + 2 * width))
                #expect(number(.checkpointMiB) == size)
                #expect((0.0001...1000).contains(number(.inferenceMs)))
                #expect((1...100_000).contains(number(.peakMemoryMiB)))
                let tokens = number(.tokensPerSecond) * number(.stepMs) / 1000
                #expect(abs(tokens - 2 * 8) < 1e-6)
            }
        }
    }

    /// What the files of a folder take in blocks of 4 KiB.
    private func filesMiB(in folder: String) throws -> Double {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        let sizes = try names.map { try Data(contentsOf: URL(filePath: folder + "/" + $0)).count }
        return Double(sizes.reduce(0) { $0 + ($1 + 4095) / 4096 * 4096 }) / 1_048_576
    }

    @Test func `a cooldown follows a checkpoint, and takes the learning rate down in a straight line`() throws
    {
        try withTemporaryFolder { folder in
            let events = try events(
                in: folder, steps: 9, cooldown: 3, settings: ["evaluate_every": .int(1)],
                assignment: ["lr": .float(0.4)])
            #expect(checkpoints(events) == [6, 9])
            let rates = reports(events).compactMap { report in
                if case .value(let rate)? = report.metrics["learning_rate"] { rate } else { nil }
            }
            #expect(rates.map { ($0 * 10).rounded() } == [4, 4, 4, 4, 4, 4, 3, 2, 1])
        }
    }

    @Test func `by default a trial of 200 steps reports at 50 and at 100, where rungs may be`() throws {
        try withTemporaryFolder { folder in
            let steps = try reports(events(in: folder, steps: 200)).map(\.step)
            #expect(steps == Array(stride(from: 25, through: 200, by: 25)))
        }
    }

    @Test func `a stop that saves leaves a checkpoint from which the trial ends as if never stopped`() throws
    {
        try withTemporaryFolder { folder in
            let settings: [String: JSON] = [
                "checkpoint_every": .int(6), "evaluate_every": .int(4), "dropout": .double(0.1),
                "schedule": .string("linear"),
            ]
            let whole = try events(in: folder + "/whole", settings: settings)
            #expect(checkpoints(whole) == [6, 12, 16])
            let stopped = try events(
                in: folder + "/stopped", start: .resume(from: folder + "/whole/checkpoints/step_6", step: 6),
                settings: settings, stop: StopOrder(save: true, reason: "paused"))
            #expect(reports(stopped).isEmpty)
            #expect(checkpoints(stopped) == [6])
            let resumed = try events(
                in: folder + "/resumed",
                start: .resume(from: folder + "/stopped/checkpoints/step_6", step: 6),
                settings: settings)
            #expect(losses(resumed) == losses(whole).suffix(3))
        }
    }

    /// Step, training loss and validation loss of each report.
    private func losses(_ events: [RunEvent]) -> [[Reading?]] {
        reports(events).map { report in
            [.value(Double(report.step)), report.metrics["training_loss"], report.metrics["validation_loss"]]
        }
    }

    @Test func `a stop that does not save leaves nothing`() throws {
        try withTemporaryFolder { folder in
            let events = try events(in: folder, stop: StopOrder(save: false, reason: "outranked"))
            #expect(events.isEmpty)
        }
    }

    @Test func `a trial that died after its last checkpoint reports once more and is done`() throws {
        try withTemporaryFolder { folder in
            let whole = try events(in: folder + "/whole")
            let again = try events(
                in: folder + "/again", start: .resume(from: folder + "/whole/checkpoints/step_16", step: 16))
            #expect(reports(again).map(\.step) == [16])
            #expect(losses(again).last?.last == losses(whole).last?.last)
        }
    }

    @Test func `a warm start takes the trial's own learning rate`() throws {
        try withTemporaryFolder { folder in
            _ = try events(in: folder + "/parent", assignment: ["lr": .float(0.01)])
            let child = try events(
                in: folder + "/child", start: .warm(from: folder + "/parent/checkpoints/step_16"),
                assignment: ["lr": .float(0.002)])
            #expect(reports(child).map { $0.metrics["learning_rate"] }.first == .value(0.002))
            #expect(reports(child).map(\.step).first == 2)
        }
    }

    @Test func `a loss that is no number is reported at once and ends the trial`() throws {
        try withTemporaryFolder { folder in
            let events = try events(
                in: folder, steps: 64, settings: ["evaluate_every": .int(64)], assignment: ["lr": .float(1e9)]
            )
            let last = try #require(reports(events).last)
            #expect(last.metrics["training_loss"] == .notFinite(.nan))
            #expect(last.step < 64)
            #expect(checkpoints(events).isEmpty)
        }
    }

    @Test func `what cannot be trained is refused in words`() throws {
        try withTemporaryFolder { folder in
            let width = #expect(throws: Refusal.self) {
                try events(in: folder, assignment: ["heads": .int(3)])
            }
            #expect(width?.reason.contains("16 with 3 heads") == true)
            let context = #expect(throws: Refusal.self) {
                try events(in: folder, assignment: ["context": .int(4000)])
            }
            #expect(context?.reason.contains("2430 bytes for training and 270 for validation") == true)
            let missing = #expect(throws: Refusal.self) {
                try events(in: folder, start: .warm(from: folder + "/gone"))
            }
            #expect(missing?.reason.contains("/gone/state.json cannot be read") == true)
        }
    }
}

extension RunSpec {
    static func small(
        _ settings: JSON, _ assignment: Assignment, _ start: Start, steps: Int, cooldown: Int = 0,
        baseFolder: String
    ) -> RunSpec {
        guard let study = StudyID(rawValue: "s") else { preconditionFailure("s is a name") }
        let run = RunID(trial: TrialID(stage: 0, number: 0), attempt: 0)
        return RunSpec(
            key: RunKey(study: study, run: run), plugin: "native", settings: settings, assignment: assignment,
            start: start, steps: steps, cooldown: cooldown, metric: "validation_loss", seed: 4,
            slots: [.cpu(index: 0)],
            silenceSeconds: 60, graceSeconds: 5, baseFolder: baseFolder)
    }
}
