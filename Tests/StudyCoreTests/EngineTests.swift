import FleetModel
import Search
import StudyCore
import Testing

@Suite struct EngineTests {
    @Test func `a search proposes its trials, runs two at once, and ends with the best`() {
        var rig = Rig(.search(trials: 5))
        #expect(rig.running.count == 2)
        rig.playAll()
        #expect(rig.endings == [.completed])
        #expect(rig.engine.trials.count == 5)
        let best = rig.engine.trials.map { distance($0.assignment) }.min()!
        #expect(rig.engine.best?.result?.value == best)
        #expect(rig.faults.isEmpty)
    }

    @Test func `parallel bounds how many run at once`() {
        let rig = Rig(.search(trials: 5, parallel: 1), slots: 4)
        #expect(rig.running.count == 1)
    }

    @Test func `a report counts once, however often it is told`() {
        var rig = Rig(.search())
        let run = rig.running[0]
        rig.start(run)
        let news = Happening.reported(
            run: run, end: 50, report: Report(step: 1, metrics: ["loss": .value(3)]))
        #expect(rig.happen(news) == nil)
        #expect(rig.happen(news) == .alreadyApplied(run: run, end: 50))
        #expect(rig.engine.trial(run.trial)?.progress.curve.points.count == 1)
        #expect(rig.faults.isEmpty)
    }

    @Test func `a run that crashed fails its trial with the reason and the study goes on`() {
        var rig = Rig(.search(trials: 3, parallel: 1))
        let failure = RunFailure(.crashed(exit: 3), lastLines: ["boom"])
        rig.finish(rig.running[0], .failed(failure))
        #expect(rig.engine.trial(TrialID(stage: 0, number: 0))?.state == .ended(.failed(.run(failure))))
        rig.playAll()
        #expect(rig.endings == [.completed])
    }

    @Test func `a study in which every trial fails stops and says why`() {
        var rig = Rig(.search(trials: 2))
        while let run = rig.running.first { rig.finish(run, .failed(RunFailure(.crashed(exit: 1)))) }
        let why = StudyFailure.noResult(
            stage: 0, trials: 2, failed: 2, example: TrialID(stage: 0, number: 0))
        #expect(rig.endings == [.failed(why)])
    }

    @Test func `a run that vanished is tried again from its last checkpoint and not held against its trial`()
    {
        var rig = Rig(.search(trials: 1))
        let first = rig.running[0]
        rig.start(first)
        rig.report(first, step: 4, loss: 2)
        rig.save(first, step: 4)
        rig.finish(first, .failed(RunFailure(.vanished)))
        let second = rig.running[0]
        #expect(second == RunID(trial: first.trial, attempt: 1))
        let start = rig.engine.trial(first.trial)!.runs[1].start
        #expect(start == .resume(Checkpoint(run: first, name: "step_4", step: 4)))
        rig.play(second) { _ in 1 }
        #expect(rig.endings == [.completed])
    }

    @Test func `a run that vanished after its last checkpoint has completed its trial`() {
        var rig = Rig(.search(trials: 1, steps: 10))
        let run = rig.running[0]
        rig.start(run)
        rig.report(run, step: 10, loss: 2)
        rig.save(run, step: 10)
        rig.finish(run, .failed(RunFailure(.vanished)))
        let trial = rig.engine.trials[0]
        #expect(trial.result?.value == 2)
        #expect(trial.faults == 0 && trial.runs.count == 1)
        #expect(rig.endings == [.completed])
    }

    @Test func `a run that was paused after its last checkpoint has completed its trial`() {
        var rig = Rig(.search(trials: 1, steps: 10))
        let run = rig.running[0]
        rig.start(run)
        rig.happen(.stopRequested)
        rig.report(run, step: 10, loss: 2)
        rig.save(run, step: 10)
        rig.finish(run, .stopped)
        #expect(rig.engine.trials[0].result?.value == 2)
    }

    @Test func `steps that a resumed run repeats are not applied twice`() {
        var rig = Rig(.search(trials: 1))
        let first = rig.running[0]
        for step in 1...5 { rig.report(first, step: step, loss: 9) }
        rig.finish(first, .failed(RunFailure(.vanished)))
        let second = rig.running[0]
        rig.report(second, step: 3, loss: 1)
        #expect(rig.engine.trial(first.trial)?.progress.latest?.value == 9)
        rig.report(second, step: 6, loss: 1)
        #expect(rig.engine.trial(first.trial)?.progress.latest?.value == 1)
    }

    @Test func `a trial fails after its last retry`() {
        var rig = Rig(.search(trials: 1, retries: 2))
        for _ in 0..<3 { rig.finish(rig.running[0], .failed(RunFailure(.vanished))) }
        let ending = TrialEnding.failed(.infrastructure(faults: 3, last: RunFailure(.vanished)))
        #expect(rig.engine.trial(TrialID(stage: 0, number: 0))?.state == .ended(ending))
    }

    @Test func `a completed run that never reported the objective has failed, and says what it reported`() {
        var rig = Rig(.search(trials: 1))
        let run = rig.running[0]
        rig.happen(.reported(run: run, end: 5, report: Report(step: 1, metrics: ["accuracy": .value(1)])))
        rig.finish(run)
        let ending = TrialEnding.failed(.noObjective(metric: "loss", reported: ["accuracy"]))
        #expect(rig.engine.trial(run.trial)?.state == .ended(ending))
    }

    @Test func `a refused launch waits for the next survey instead of being sent at once again`() {
        var rig = Rig(.search(trials: 1), slots: 1)
        let run = rig.running[0]
        rig.vacate(run)
        rig.happen(.launchRefused(run: run, reason: "cpu0 is held by other/0.0#0"))
        #expect(rig.running.isEmpty)
        #expect(
            rig.engine.waiting
                == .slotsBusy(
                    needed: 1, perNode: 1, free: 0, unavailable: "cpu0 is held by other/0.0#0"))
        rig.survey(slots: 1)
        #expect(rig.running == [RunID(trial: run.trial, attempt: 1)])
    }

    @Test func `refusals, however many, are not held against a trial, and are told once`() {
        var rig = Rig(.search(trials: 1, retries: 0), slots: 1)
        for _ in 0..<20 {
            let run = rig.running[0]
            rig.vacate(run)
            rig.happen(.launchRefused(run: run, reason: "the disk is full"))
            rig.survey(slots: 1)
        }
        let trial = rig.engine.trials[0]
        #expect(trial.faults == 0 && trial.state == .running)
        let refusal = Decision.refused(trial: trial.id, because: "the disk is full")
        #expect(rig.told.count { $0 == refusal } == 1)
        rig.playAll()
        #expect(rig.endings == [.completed])
        #expect(rig.faults.isEmpty)
    }

    @Test func `a refusal while the study pauses lets it end, and the trial waits for the next start`() {
        var rig = Rig(.search(trials: 1), slots: 1)
        let run = rig.running[0]
        rig.happen(.stopRequested)
        rig.vacate(run)
        rig.happen(.launchRefused(run: run, reason: "the disk is full"))
        #expect(rig.endings == [.stopped])
        #expect(rig.engine.trials[0].state == .queued)
    }

    @Test func `trials of a lost node go elsewhere, and its late news is refused`() {
        var rig = Rig(.search(trials: 1), slots: 1)
        let run = rig.running[0]
        rig.start(run)
        rig.survey(node: NodeID(rawValue: "other"), slots: 1)
        rig.vacate(run)
        rig.happen(.nodeLost(node: .local))
        let second = rig.running[0]
        #expect(rig.launched[second]?.lease.parts[0].node == NodeID(rawValue: "other"))
        #expect(rig.report(run, step: 1, loss: 1) == .notCurrent(run: run))
    }

    @Test func `a budget of trials ends the study after those trials`() {
        var rig = Rig(.search(trials: 10, budget: Budget(trials: 3)))
        rig.playAll()
        #expect(rig.engine.trials.count == 3)
        #expect(rig.endings == [.budgetSpent(.trials(limit: 3))])
        #expect(rig.engine.stages[0].best != nil)
    }

    @Test func `a spent budget of GPU hours starts nothing more and lets runs in flight finish`() {
        var rig = Rig(.search(trials: 10, budget: Budget(gpuHours: 1)), slots: 1)
        let run = rig.running[0]
        rig.start(run)
        rig.report(run, step: 1, loss: 1)
        rig.happen(.clockReached, after: 4000)
        #expect(rig.endings.isEmpty)
        rig.finish(run)
        #expect(rig.running.isEmpty)
        guard case .budgetSpent(.gpuHours)? = rig.endings.first else {
            return #expect(Bool(false), "found \(rig.endings)")
        }
    }

    @Test func `a wall budget asks to be woken at its deadline`() {
        let rig = Rig(.search(budget: Budget(wallHours: 2)))
        #expect(rig.log[0].effects.contains(.wake(at: Timestamp(seconds: 1001 + 7200))))
    }

    @Test func `a pause saves running trials, and starting again resumes them`() {
        var rig = Rig(.search(trials: 3))
        let runs = rig.running
        for run in runs { rig.start(run) }
        rig.happen(.stopRequested)
        #expect(rig.stopped == Set(runs))
        for run in runs {
            rig.save(run, step: 5)
            rig.finish(run, .stopped)
        }
        #expect(rig.endings == [.stopped])
        rig.happen(.started)
        #expect(rig.running.map(\.attempt) == [1, 1])
        #expect(
            rig.launched[rig.running[0]]?.start == .resume(Checkpoint(run: runs[0], name: "step_5", step: 5)))
    }

    @Test func `a rung that is reached while the study pauses is judged`() {
        let asha = PrunerKind.asha(ASHAPruner(minStep: 2, reductionFactor: 2, maxStep: 8))
        var rig = Rig(.search(trials: 2, steps: 8, pruner: asha))
        let runs = rig.running
        rig.report(runs[0], step: 2, loss: 1)
        rig.happen(.stopRequested)
        rig.report(runs[1], step: 2, loss: 9)
        for run in runs { rig.finish(run, .stopped) }
        #expect(rig.engine.trials.map(\.wasPruned) == [false, true])
        #expect(rig.engine.trials[0].state == .queued)
        #expect(rig.endings == [.stopped])
    }

    @Test func `losers' checkpoints are removed, the best is kept`() {
        var rig = Rig(.search(trials: 4, parallel: 1))
        rig.playAll()
        let best = rig.engine.best!
        #expect(rig.kept[0] == best.checkpoint)
        #expect(rig.removed.count == 3)
        #expect(!rig.removed.contains(best.checkpoint!))
    }
}
