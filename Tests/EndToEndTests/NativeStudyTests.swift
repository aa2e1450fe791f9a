import FleetModel
import Foundation
import StudyCore
import Testing
import Wire

/// A study that really trains.
@Suite struct NativeStudyTests {
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
        let checkpoint = try #require(stages[0].ranking[0].checkpoint)
        let kept = bench.out + "/stage_0/ckpt"
        #expect(try !FileManager.default.contentsOfDirectory(atPath: kept).isEmpty)
        for trial in stages[1].trials {
            #expect(trial.runs[0].start == .warm(checkpoint))
            let from = try bench.warmStart(of: trial.runs[0].id)
            #expect(from.hasSuffix("/checkpoints/\(checkpoint.name)"))
            #expect(FileManager.default.contentsEqual(atPath: kept, andPath: from))
        }
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
