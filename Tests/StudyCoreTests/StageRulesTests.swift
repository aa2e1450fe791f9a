import FleetModel
import Glibc
import Search
import StudyCore
import Testing

/// How stages score, choose, repeat, shrink and fall back.
@Suite struct StageRulesTests {
    /// Noise-free loss that is lower for small rates until the anneal, and lowest near 0.01 after it.
    private func greedy(_ assignment: Assignment, step: Int, of training: Int) -> Double {
        let lr = assignment["lr"]!.number!
        return step <= training ? 1 + lr : distance(assignment)
    }

    /// Plays one run with the steps that its order says, saving before the cooldown and at the end.
    private func play(_ rig: inout Rig, _ run: RunID, loss: (Assignment, Int, Int) -> Double) {
        let order = rig.launched[run]!
        let training = order.steps - order.cooldown
        let begun = order.start.resumedStep
        rig.start(run)
        for step in Set([training / 2, training, order.steps]).sorted() where step > begun {
            if step == order.steps || step == training || order.cooldown == 0 {
                rig.report(run, step: step, loss: loss(order.assignment, step, training))
            }
            if step == training || step == order.steps { rig.save(run, step: step) }
        }
        rig.finish(run)
    }

    private func playAll(_ rig: inout Rig, loss: (Assignment, Int, Int) -> Double) {
        while rig.endings.isEmpty, let run = rig.running.first { play(&rig, run, loss: loss) }
    }

    @Test func `scored by the last loss, a study is fooled by small rates; after a cooldown it is not`()
        throws
    {
        func best(_ score: Score) throws -> Double {
            var rig = Rig(.stages(1, trials: 12, steps: 10, score: score))
            playAll(&rig, loss: greedy)
            #expect(rig.endings == [.completed] && rig.faults.isEmpty)
            return try #require(rig.engine.best?.assignment["lr"]?.number)
        }
        let (last, cooled) = (try best(.last), try best(.cooldown(share: 0.2)))
        #expect(last < 5e-4, "the lowest rate looks best")
        #expect(abs(cooled / 0.01 - 1) < 0.8, "\(cooled) is near the bottom")
    }

    @Test func `the next stage goes on from before the cooldown, and the last one keeps what is after it`() {
        var rig = Rig(.stages(2, trials: 3, steps: 10, score: .cooldown(share: 0.2)))
        playAll(&rig, loss: greedy)
        for order in rig.launched.values { #expect(order.steps == 12 && order.cooldown == 2) }
        #expect(rig.engine.stages[1].origin?.step == 10)
        #expect(rig.engine.steps(before: 1) == 10)
        #expect(rig.kept[0]?.step == 10 && rig.kept[1]?.step == 12)
    }

    @Test func `the last stage's finish is a share of the whole study's steps, added to its own`() throws {
        let score = Score.extrapolate(stages: nil, finish: 0.2).finished(after: 3)
        var rig = Rig(.stages(3, trials: 3, steps: 10, score: score))
        playAll(&rig, loss: greedy)
        #expect(rig.endings == [.completed] && rig.faults.isEmpty)
        for order in rig.launched.values {
            #expect(order.cooldown == (order.run.trial.stage == 2 ? 6 : 0))
            #expect(order.steps == 10 + order.cooldown)
        }
        let best = try #require(rig.engine.best)
        #expect(best.progress.latest!.value == distance(best.assignment), "judged after the anneal")
        #expect(rig.kept[2]?.step == 16)
    }

    @Test func `other scores have no finish to stretch`() {
        #expect(Score.last.finished(after: 5) == .last)
        #expect(Score.cooldown(share: 0.2).finished(after: 5) == .cooldown(share: 0.2))
        let none = Score.extrapolate(stages: 2, finish: 0)
        #expect(none.finished(after: 5) == none)
    }

    @Test func `a stage's best few are run again with other seeds, and the best mean is chosen`() throws {
        var rig = Rig(.stages(1, trials: 4, confirm: 2), slots: 1)
        // Trial 2 is lucky: its repeat is worse than trial 1's.
        let luck = [5, 2, 1, 4, 9, 2.2]
        while rig.endings.isEmpty, let run = rig.running.first {
            rig.play(run) { _ in luck[run.trial.number] }
        }
        let stage = rig.engine.stages[0]
        #expect(stage.trials.map(\.repeats) == [nil, nil, nil, nil, 2, 1])
        #expect(stage.trials[4].assignment == stage.trials[2].assignment)
        #expect(stage.best?.number == 1)
        let seeds = rig.launched.values.filter { $0.run.trial.number == 1 || $0.run.trial.number == 5 }.map(
            \.seed)
        #expect(Set(seeds).count == 2)
    }

    @Test func `noise does not choose the best: the surface through all losses does`() throws {
        var rig = Rig(.stages(1, trials: 16, sampler: .sobol(SobolSampler(seed: 3)), choose: .smoothed))
        // A far-off trial has one lucky loss, just below the honest bottom.
        while rig.endings.isEmpty, let run = rig.running.first {
            rig.play(run) { assignment in
                let place = log10(assignment["lr"]!.number!) + 2
                return place < -1 && place > -1.3 ? -0.02 : place * place
            }
        }
        let stage = rig.engine.stages[0]
        let choice = try #require(stage.choice)
        let rate = try #require(stage.trials[choice.trial.number].assignment["lr"]?.number)
        guard case .smoothed(let lowest, _, let noise) = choice.reason else {
            Issue.record("chosen because \(choice.reason)")
            return
        }
        #expect(lowest == stage.ranking.first?.id && noise > 0)
        #expect(rate > 5e-3 && rate < 2e-2, "\(rate)")
    }

    @Test func `a window that follows the losses halves, and never ends within a factor of 2 below`() {
        var rig = Rig(.stages(5, trials: 8, sampler: .sobol(SobolSampler(seed: 3)), shrink: .automatic))
        rig.playAll()
        let windows = rig.engine.stages.dropFirst().compactMap(\.windows.first)
        #expect(windows.count == 4 && windows[0].reach == 0.25)
        for (before, after) in zip(windows, windows.dropFirst()) {
            #expect(after.reach <= before.reach * 1.01)
        }
        #expect(windows.allSatisfy { $0.centre.value / $0.low > 1.99 })
    }

    @Test func `a stage of which nothing completes is tried again once, around the incumbent`() {
        var rig = Rig(.stages(3, trials: 2))
        var failed: Set<Int> = [1]
        func playTo(_ end: Int) {
            while rig.endings.isEmpty, let run = rig.running.first, run.trial.stage < end {
                if failed.contains(run.trial.stage) {
                    rig.start(run)
                    rig.finish(run, .failed(RunFailure(.crashed(exit: 1))))
                } else {
                    rig.play(run, loss: distance)
                }
            }
        }
        playTo(3)
        let stages = rig.engine.stages
        #expect(stages[1].best == nil && stages[2].origin == stages[1].origin)
        #expect(stages[2].trials[0].assignment == stages[1].trials[0].assignment)
        failed = [3]
        playTo(9)
        #expect(rig.endings == [.completed], "\(rig.endings)")
        #expect(rig.engine.stages.count(where: { $0.best != nil }) == 3)
        #expect(rig.told.contains { if case .fellBack(1, failed: 2) = $0 { true } else { false } })
    }

    @Test func `two stages in a row without a result end the study`() {
        var rig = Rig(.stages(3, trials: 2))
        while rig.endings.isEmpty, let run = rig.running.first {
            if run.trial.stage == 0 {
                rig.play(run, loss: distance)
            } else {
                rig.finish(run, .failed(RunFailure(.crashed(exit: 1))))
            }
        }
        #expect(
            rig.endings == [
                .failed(
                    .noResult(
                        stage: 2, trials: 2, failed: 2, example: TrialID(stage: 2, number: 0)))
            ])
    }

    @Test
    func `compared by samples, a trial of twice the batch has half the steps, and rungs at half of them`() {
        let space = try! Space([Parameter("batch", .categorical(choices: [.int(8), .int(16), .int(32)]))])
        let asha = PrunerKind.asha(ASHAPruner(minStep: 4, reductionFactor: 2, maxStep: 16))
        var rig = Rig(
            .stages(
                1, trials: 3, steps: 16, sampler: .grid(GridSampler(points: 3)), pruner: asha, parallel: 1,
                space: space, fidelity: .samples(parameter: "batch", reference: 16)))
        var steps: [Int: Int] = [:]
        while rig.endings.isEmpty, let run = rig.running.first {
            let order = rig.launched[run]!
            let batch = Int(order.assignment["batch"]!.number!)
            steps[batch] = order.steps
            rig.play(run, steps: [order.steps / 4, order.steps / 2, order.steps]) { _ in
                -Double(run.trial.number)
            }
        }
        #expect(steps == [8: 32, 16: 16, 32: 8])
        #expect(rig.engine.stages[0].history.trials.allSatisfy { $0.rungLosses.count == 2 })
    }
}

extension RunStart {
    fileprivate var resumedStep: Int {
        if case .resume(let checkpoint) = self { checkpoint.step } else { 0 }
    }
}
