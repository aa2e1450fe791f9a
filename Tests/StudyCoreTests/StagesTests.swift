import FleetModel
import Search
import StudyCore
import Testing

@Suite struct StagesTests {
    @Test func `every trial of a stage starts from the best checkpoint of the stage before`() {
        var rig = Rig(.stages(3, trials: 4))
        rig.playAll()
        #expect(rig.endings == [.completed])
        for stage in rig.engine.stages.dropFirst() {
            let origin = rig.engine.trial(rig.engine.stages[stage.index - 1].best!)!.checkpoint!
            for trial in stage.trials { #expect(trial.runs[0].start == .warm(origin)) }
        }
        #expect(rig.faults.isEmpty)
    }

    @Test func `the incumbent is the first trial of the next stage, whose space is shrunk around it`() {
        var rig = Rig(.stages(2, trials: 4))
        rig.playAll()
        let best = rig.engine.trial(rig.engine.stages[0].best!)!
        let stage = rig.engine.stages[1]
        #expect(stage.trials[0].assignment == best.assignment)
        #expect(stage.trials[0].reason == .enqueued)
        #expect(stage.space == Space.lr.shrunk(around: best.assignment, shares: ["lr": 0.2]))
        for trial in stage.trials { #expect(stage.space.problem(with: trial.assignment) == nil) }
    }

    @Test func `trainers are given fixed and derived values too, and samplers learn from the searched ones`()
        throws
    {
        let space = try Space(
            Space.lr.parameters,
            derived: [Derived("min_lr", "lr / 10"), Derived("weight_decay", fixed: .float(0.1))],
            constraints: [Constraint("min_lr < 1e-3")])
        var rig = Rig(.stages(2, trials: 3, space: space))
        rig.playAll()
        #expect(rig.launched.count == 6 && rig.faults.isEmpty)
        for order in rig.launched.values {
            let rate = try #require(order.assignment["lr"]?.number)
            #expect(order.assignment["min_lr"] == .float(rate / 10) && rate < 1e-2)
            #expect(order.assignment["weight_decay"] == .float(0.1))
        }
        for observation in rig.engine.stages.flatMap(\.history.trials) {
            #expect(Array(observation.assignment.keys) == ["lr"])
        }
        let best = rig.engine.trial(rig.engine.stages[0].best!)!
        #expect(rig.engine.stages[1].trials[0].assignment == best.assignment)
    }

    @Test func `a study whose constraints leave nothing to try ends, and says so`() throws {
        let space = try Space(Space.lr.parameters, constraints: [Constraint("lr > 1")])
        let rig = Rig(.stages(2, trials: 3, space: space))
        #expect(rig.endings == [.failed(.noResult(stage: 0, trials: 0, failed: 0, example: nil))])
    }

    @Test func `the sampler of a stage knows the trials of all stages before, the latest first`() {
        var rig = Rig(.stages(3, trials: 4))
        rig.playAll()
        let stages = rig.engine.stages
        #expect(
            stages[2].history.earlier.map(\.observations)
                == [stages[1].history.trials, stages[0].history.trials])
        #expect(stages[2].history.trials.map(\.assignment) == stages[2].trials.map(\.assignment))
        #expect(stages[2].history.ended.count == 4)
    }

    @Test func `no trial of a stage begins before the stage before is closed`() {
        var rig = Rig(.stages(2, trials: 3), slots: 2)
        rig.play(rig.running[0], loss: distance)
        rig.play(rig.running[0], loss: distance)
        #expect(rig.running == [RunID(trial: TrialID(stage: 0, number: 2), attempt: 0)])
    }

    @Test func `a stage whose best left no checkpoint ends the study, and says so`() {
        var rig = Rig(.stages(2, trials: 1))
        let run = rig.running[0]
        rig.report(run, step: 10, loss: 1)
        rig.finish(run)
        #expect(rig.endings == [.failed(.noCheckpoint(stage: 0, best: run.trial))])
    }

    @Test func `all trials of a stage have one seed, and stages differ`() {
        var rig = Rig(.stages(2, trials: 3))
        rig.playAll()
        let seeds = Dictionary(grouping: rig.launched.values, by: \.run.trial.stage)
            .mapValues { Set($0.map(\.seed)) }
        #expect(seeds[0]?.count == 1)
        #expect(seeds[1]?.count == 1)
        #expect(seeds[0] != seeds[1])
    }

    @Test func `a pruned trial cannot become the best of its stage`() {
        let asha = PrunerKind.asha(ASHAPruner(minStep: 2, reductionFactor: 2, maxStep: 10))
        var rig = Rig(.stages(1, trials: 6, pruner: asha, parallel: 1))
        rig.playAll(steps: [2, 4, 8, 10])
        let pruned = rig.engine.trials.filter(\.wasPruned)
        #expect(!pruned.isEmpty)
        #expect(rig.engine.best?.result != nil)
        for trial in pruned { #expect(trial.progress.step < 10) }
    }
}
