import FleetModel
import Foundation
import StudyCore
import Testing
import Wire

/// A study that really trains.
@Suite(.serialized, .timeLimit(.minutes(10))) struct NativeStudyTests {
    private static let yaml = """
        trainer:
          plugin: native
          settings:
            { data: [/usr/share/common-licenses], layers: 1, width: 16, heads: 2, context: 16 }
        objective: { metric: validation_loss }
        space:
          lr: { type: float, low: 1e-4, high: 3e-2, log: true }
          batch_size: { type: int, low: 1, high: 4, log: true }
        method: { kind: stages, stages: 2, steps: 20, trials: 3, shrink: { lr: 0.5, batch_size: 0.5 } }
        sampler: { kind: random }
        seed: 1
        """

    @Test func `stages of the native trainer survive a killed coordinator and warm-start from the best`()
        async throws
    {
        let bench = try Bench(Self.yaml)
        let first = try bench.begin("start")
        _ = await first.line { $0.contains("0.0 completed") }
        first.signal(SIGKILL)
        _ = await first.end()
        let second = try await bench.run("start")
        #expect(second.exit == 0, "\(second.errors)")
        #expect(try bench.differences() == [])
        let stages = try bench.engine().stages
        #expect(stages.map(\.trials.count) == [3, 3])
        let best = try #require(stages[0].best.map { stages[0].trials[$0.number] })
        let checkpoint = try #require(best.handover(at: 20))
        let last = try #require(stages[1].best.map { stages[1].trials[$0.number] })
        #expect(last.handover(at: 20)?.step == 20 && last.checkpoint?.step == 28, "the last stage cools down")
        let kept = bench.out + "/stage_0/ckpt"
        #expect(try !FileManager.default.contentsOfDirectory(atPath: kept).isEmpty)
        for trial in stages[1].trials {
            #expect(trial.runs[0].start == .warm(checkpoint))
            let from = try bench.warmStart(of: trial.runs[0].id)
            #expect(from.hasSuffix("/checkpoints/\(checkpoint.name)"))
            #expect(FileManager.default.contentsEqual(atPath: kept, andPath: from))
        }
    }

    private static let phases = """
        trainer:
          plugin: native
          settings:
            { data: [/usr/share/common-licenses], layers: 1, width: 16, heads: 2, context: 16, evaluate_every: 2 }
        objective: { metric: validation_loss }
        space: { lr: { type: float, low: 1e-4, high: 3e-1, log: true } }
        method:
          { kind: stages, stages: 2, steps: auto, pilot: { trials: 3, min_steps: 8, max_steps: 30 }, trials: 4,
            confirm: 1, choose: lowest }
        resources: { parallel: 1 }
        seed: 1
        """

    @Test
    func `killed in the pilot, between stages and while confirming, a study ends as if never disturbed`()
        async throws
    {
        let quiet = try Bench(Self.phases)
        let undisturbed = try await quiet.run("start")
        #expect(undisturbed.exit == 0, "\(undisturbed.errors)")
        let bench = try Bench(Self.phases)
        let last = try await bench.start(
            killedAt: ["pilot of stage 0", "run again", "stage 1 opens", "1.1 proposed"])
        #expect(last.exit == 0, "\(last.errors)")
        #expect(try bench.differences() == [])
        let (expected, found) = (try quiet.engine(), try bench.engine())
        #expect(expected.stages.map(\.trials.count) == [5, 5])
        #expect(
            found.trials.map(StudyRunTests.TrialRecord.init)
                == expected.trials.map(StudyRunTests.TrialRecord.init))
        #expect(found.stages.map(\.choice) == expected.stages.map(\.choice))
        #expect(found.stages.map(\.steps) == expected.stages.map(\.steps))
    }
}

extension NativeStudyTests {
    @Test func `a study starts from a checkpoint of another`() async throws {
        let first = try Bench(Self.yaml)
        #expect(try await first.run("start").exit == 0)
        let checkpoint = first.out + "/stage_0/ckpt"
        let yaml = Self.yaml.replacing(
            "plugin: native", with: "plugin: native\n  start_from: \(checkpoint)")
        let second = try Bench(yaml)
        let result = try await second.run("start")
        #expect(result.exit == 0, "\(result.errors)")
        let trial = try #require(try second.engine().trial(TrialID(stage: 0, number: 0)))
        #expect(try second.warmStart(of: trial.runs[0].id) == checkpoint)
        // The place in the data goes on after that of the checkpoint.
        let used = trial.progress.used
        #expect(try #require(used.consumedSamples) > Double(trial.progress.step) * #require(used.batchSize))
    }
}

extension Bench {
    /// The folder that a run's plugin was told to start from.
    fileprivate func warmStart(of run: RunID) throws -> String {
        let folder = TrialFolder(path: home + "/runs/" + RunKey(study: try engine().study, run: run).folder)
        let line = try Data(contentsOf: URL(fileURLWithPath: folder.spec)).dropLast()
        let spec = try Lines.decode(RunSpec.self, from: Data(line))
        guard case .warm(let from) = spec.start else { return "\(spec.start)" }
        return from
    }
}
