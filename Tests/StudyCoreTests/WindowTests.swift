import FleetModel
import Glibc
import Search
import StudyCore
import Testing

/// Where stages search with `shrink: auto`, and why there.
@Suite struct WindowTests {
    /// The best rate falls with the steps that a model has behind it.
    private static func optimum(at step: Double) -> Double { 0.1 * pow(step, -0.6) }

    private func squares(_ value: Double, from bottom: Double) -> Double {
        log(value / bottom) * log(value / bottom)
    }

    private func playAll(_ rig: inout Rig, loss: (Assignment, Int) -> Double) {
        while rig.endings.isEmpty, let run = rig.running.first {
            rig.play(run) { loss($0, run.trial.stage) }
        }
    }

    private func window(_ stage: Stage) throws -> Window {
        try #require(stage.windows.first { $0.parameter == "lr" })
    }

    @Test func `where the optima follow a power law, later stages are centred on its forecast`() throws {
        var rig = Rig(.stages(8, trials: 12, sampler: .sobol(SobolSampler(seed: 5)), shrink: .automatic))
        playAll(&rig) { assignment, stage in
            squares(assignment["lr"]!.number!, from: Self.optimum(at: Double(stage) * 10 + 5.5))
        }
        #expect(rig.endings == [.completed] && rig.faults.isEmpty)
        let stages = rig.engine.stages
        for stage in stages.dropFirst().prefix(4) {
            guard case .best = try window(stage).centre else {
                Issue.record("stage \(stage.index): a law through \(stage.index) points")
                return
            }
        }
        let last = try window(stages[7])
        guard case .law(let law) = last.centre else {
            Issue.record("\(last)")
            return
        }
        #expect(law.points == 7 && law.step == 75.5 && abs(law.exponent + 0.6) < 0.3, "\(law)")
        #expect(abs(log(law.forecast.value / Self.optimum(at: 75.5))) < 0.4)
        let incumbent = try #require(rig.engine.trial(stages[6].best!)?.assignment)
        #expect(stages[7].trials[0].assignment == incumbent)
        #expect(stages[7].space.problem(with: incumbent) == nil)
        #expect(rig.told.contains(.narrowed(stage: 7, to: stages[7].windows)))
    }

    @Test func `where the optima stay, so do the windows`() throws {
        var rig = Rig(.stages(8, trials: 12, sampler: .sobol(SobolSampler(seed: 5)), shrink: .automatic))
        playAll(&rig) { assignment, _ in squares(assignment["lr"]!.number!, from: 0.01) }
        for stage in rig.engine.stages.dropFirst() {
            // A law through optima that stay is flat.
            #expect(abs(log(try window(stage).centre.value / 0.01)) < 0.7)
        }
        #expect(abs(log(try window(rig.engine.stages[7]).centre.value / 0.01)) < 0.1)
    }

    /// How far a window reaches above its centre, in shares of how far it reaches below.
    private func lopsidedness(_ window: Window) -> Double {
        log(window.high / window.centre.value) / log(window.centre.value / window.low)
    }

    @Test func `a rate that costs more above than below is searched less far above than below`() throws {
        func second(_ slope: Double) throws -> Window {
            var rig = Rig(
                .stages(2, trials: 16, sampler: .sobol(SobolSampler(seed: 3)), shrink: .automatic))
            playAll(&rig) { assignment, _ in
                let rate = assignment["lr"]!.number!
                return squares(rate, from: 3e-3) * (rate > 3e-3 ? slope : 1)
            }
            return try window(rig.engine.stages[1])
        }
        let (steep, gentle) = (try second(5), try second(0.2))
        #expect(lopsidedness(steep) < 0.8, "\(steep)")
        guard case .steeper(let rise, let allowed)? = steep.guardrail else {
            Issue.record("\(steep)")
            return
        }
        #expect(rise > allowed && allowed > 0)
        #expect(gentle.guardrail == nil && lopsidedness(gentle) > 0.99, "\(gentle)")
    }

    @Test func `a window ends short of where the loss was no number`() throws {
        var rig = Rig(.stages(2, trials: 12, sampler: .sobol(SobolSampler(seed: 3)), shrink: .automatic))
        let edge = 0.012
        while rig.endings.isEmpty, let run = rig.running.first {
            let rate = rig.launched[run]!.assignment["lr"]!.number!
            if rate < edge {
                rig.play(run) { _ in -log(rate) }
            } else {
                rig.start(run)
                let reading = Reading(Double.nan)
                rig.finish(run, .failed(RunFailure(.notFinite(metric: "loss", step: 3, reading: reading))))
            }
            if run.trial.stage > 0 { break }
        }
        let window = try window(rig.engine.stages[1])
        #expect(window.high < edge * 1.6, "\(window)")
        guard case .diverged(let value)? = window.guardrail else {
            Issue.record("\(window)")
            return
        }
        #expect(value > edge && window.high < value)
    }
}
