import FleetModel
import Search
import StudyCore
import Testing

/// What a trial costs is told by its trainer's own clock.
@Suite struct SpeedTests {
    private static let batches = try! Space([
        Parameter("batch", .categorical(choices: [.int(8), .int(16)])),
        Parameter("lr", .float(low: 1e-4, high: 1e-1, scale: .log)),
    ])

    /// A stage of trials that are all as good, each step taking `seconds` of its run's clock; the third of
    /// them waits an hour for a coordinator that is away.
    private func chosen(_ fidelity: Fidelity, seconds: (Int) -> Double) throws -> (Trial, ChoiceReason) {
        var rig = Rig(
            .stages(
                1, trials: 8, steps: 8, sampler: .sobol(SobolSampler(seed: 2)), parallel: 1,
                space: Self.batches, fidelity: fidelity, choose: .smoothed))
        while rig.endings.isEmpty, let run = rig.running.first {
            let order = rig.launched[run]!
            let batch = Int(order.assignment["batch"]!.number!)
            rig.start(run)
            for step in [order.steps / 2, order.steps] {
                if run.trial.number == 2 { rig.clock += 3600 }
                // The second decimal is noise.
                let loss = 1 + 0.01 * Double((run.trial.number * 7) % 5)
                rig.report(run, step: step, loss: loss, after: Double(step) * seconds(batch))
            }
            rig.save(run, step: order.steps)
            rig.finish(run)
        }
        let choice = try #require(rig.engine.stages[0].choice)
        return (try #require(rig.engine.trial(choice.trial)), choice.reason)
    }

    @Test func `an hour without a coordinator makes no trial dearer`() throws {
        let (_, reason) = try chosen(.steps) { _ in 2 }
        if case .cheaper = reason { Issue.record("all take 2 s a step: \(reason)") }
    }

    @Test func `of trials that are as good, the one with faster steps is chosen`() throws {
        let (trial, _) = try chosen(.steps) { batch in Double(batch) }
        #expect(trial.assignment["batch"] == .int(8))
        #expect(trial.progress.speed.secondsPerStep == 8)
    }

    @Test func `compared at equal tokens, a token's time counts and not a step's`() throws {
        // 1 s a sample in small batches, 0.75 s in large ones.
        let (trial, _) = try chosen(.samples(parameter: "batch", reference: 16)) { batch in
            Double(batch) * (batch == 8 ? 1 : 0.75)
        }
        #expect(trial.assignment["batch"] == .int(16))
    }

    @Test func `only what lies between two reports of one run counts`() {
        var rig = Rig(.search(trials: 1, steps: 30), slots: 1)
        let first = rig.running[0]
        rig.start(first)
        rig.report(first, step: 10, loss: 1, after: 500)
        #expect(rig.engine.trials[0].progress.speed.secondsPerStep == nil)
        rig.report(first, step: 20, loss: 1, after: 520)
        rig.save(first, step: 20)
        rig.finish(first, .failed(RunFailure(.vanished)))
        let second = rig.running[0]
        rig.start(second)
        rig.report(second, step: 25, loss: 1, after: 90)
        rig.report(second, step: 30, loss: 1, after: 100)
        #expect(rig.engine.trials[0].progress.speed.secondsPerStep == 2)
        #expect(rig.engine.trials[0].progress.metrics == ["loss"])
    }
}
