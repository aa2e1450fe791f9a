import FleetModel
import Search
import StudyCore
import Testing

/// `steps: auto`.
@Suite struct PilotTests {
    /// Plays runs to the ends of their segments, reporting every second step.
    private func playAll(_ rig: inout Rig, loss: (Assignment, Int) -> Double) {
        while rig.endings.isEmpty, let run = rig.running.first {
            let order = rig.launched[run]!
            rig.start(run)
            for step in stride(from: 2, through: order.steps, by: 2) {
                rig.report(run, step: step, loss: loss(order.assignment, step))
            }
            rig.report(run, step: order.steps, loss: loss(order.assignment, order.steps))
            rig.save(run, step: order.steps)
            rig.finish(run)
        }
    }

    /// The order turns round at each report up to `step`; high rates are better from then on.
    private func restless(until settled: Int) -> (Assignment, Int) -> Double {
        { assignment, step in
            let rate = assignment["lr"]!.number!
            let isTurned = step < settled && step % 4 == 0
            return 10 - Double(step) * 0.01 + (isTurned ? rate : -rate)
        }
    }

    private func findings(_ rig: Rig) -> [(PilotFindings, Int?)] {
        rig.told.compactMap { decision in
            if case .pilotJudged(_, let findings, let next) = decision { (findings, next) } else { nil }
        }
    }

    @Test func `an order that settles at step 40 gives stages of half as many again`()
        throws
    {
        var rig = Rig(.stages(2, trials: 6, steps: 400, pilot: Pilot(trials: 4, fewest: 10, most: 400)))
        playAll(&rig, loss: restless(until: 40))
        #expect(rig.endings == [.completed] && rig.faults.isEmpty)
        let told = findings(rig)
        let (last, next) = try #require(told.last)
        #expect(next == nil && (34...44).contains(last.settled ?? 0), "\(last)")
        #expect(last.steps >= 57 && last.steps <= 90, "\(last.steps)")
        #expect(told.dropLast().allSatisfy { $0.1 != nil })
        for stage in rig.engine.stages { #expect(stage.steps == last.steps && stage.trials.count == 6) }
        for trial in rig.engine.trials { #expect(trial.progress.step == last.steps) }
    }

    @Test func `segments go on from where the one before ended`() {
        var rig = Rig(.stages(1, trials: 4, steps: 400, pilot: Pilot(trials: 3, fewest: 10, most: 400)))
        playAll(&rig, loss: restless(until: 40))
        let starts = rig.launched.values.filter { $0.run.trial.number == 0 }.sorted { $0.run < $1.run }
            .map(\.start.checkpoint?.step)
        #expect(starts.first == .some(nil) && Array(starts.prefix(3)) == [nil, 10, 15])
    }

    @Test func `an order that never settles takes the most steps, and one that is clear at once the fewest`()
    {
        var late = Rig(.stages(1, trials: 4, steps: 60, pilot: Pilot(trials: 3, fewest: 10, most: 60)))
        playAll(&late, loss: restless(until: 59))
        #expect(late.engine.stages[0].steps == 60)
        var early = Rig(.stages(1, trials: 4, steps: 60, pilot: Pilot(trials: 3, fewest: 10, most: 60)))
        playAll(&early, loss: restless(until: 0))
        #expect(early.engine.stages[0].steps == 10)
        #expect(early.engine.trials.allSatisfy { $0.runs.count == 1 })
    }

    @Test func `after the pilot its trials have their cooldown, from where they are`() {
        var rig = Rig(
            .stages(
                1, trials: 4, steps: 60, score: .cooldown(share: 0.5),
                pilot: Pilot(trials: 3, fewest: 10, most: 60)))
        playAll(&rig, loss: restless(until: 0))
        #expect(rig.endings == [.completed])
        let last = rig.engine.trials.compactMap { rig.launched[$0.runs.last!.id] }
        #expect(last.allSatisfy { $0.steps == 15 && $0.cooldown == 5 })
        #expect(last.map(\.start.checkpoint?.step) == [10, 10, 10, nil])
    }

    @Test func `a pilot whose trials all fail leaves the stage to the other trials`() {
        var rig = Rig(.stages(1, trials: 5, steps: 60, pilot: Pilot(trials: 3, fewest: 10, most: 60)))
        while rig.endings.isEmpty, let run = rig.running.first {
            if run.trial.number < 3 {
                rig.finish(run, .failed(RunFailure(.crashed(exit: 1))))
            } else {
                rig.play(run, steps: [10], loss: distance)
            }
        }
        #expect(rig.endings == [.completed] && rig.engine.stages[0].ranking.count == 2)
    }

    @Test func `the spread trials of a pilot are of the whole space`() {
        var rig = Rig(.stages(1, trials: 4, steps: 60, pilot: Pilot(trials: 4, fewest: 10, most: 60)))
        playAll(&rig, loss: restless(until: 0))
        let rates = rig.engine.trials.map { $0.assignment["lr"]!.number! }.sorted()
        #expect(rates.last! / rates.first! > 30)
    }
}
