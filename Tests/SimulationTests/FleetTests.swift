import FleetModel
import Search
import Simulation
import StudyCore
import Testing

/// Simulations without chance of fault: what a forecast is made from.
@Suite struct FleetTests {
    static func scenario(
        trials: Int, steps: Int = 27, nodes: Int, gpus: Int, pruner: PrunerKind = .off, seed: UInt64 = 1
    ) -> Scenario {
        let plan = Plan(
            name: "forecast",
            trainer: TrainerPlan(
                plugin: "scripted", settings: .object([:]), silenceSeconds: 600, graceSeconds: 30,
                baseFolder: "/"),
            objective: Objective(metric: "loss", direction: .minimize),
            space: try! Space([Parameter("lr", .float(low: 1e-4, high: 1e-1, scale: .log))]),
            method: .search(SearchMethod(trials: trials, steps: steps)), sampler: .random(RandomSampler()),
            pruner: pruner, seed: seed,
            resources: Resources(gpus: 1, gpusPerNode: 1, parallel: nil, retries: 2), budget: Budget(),
            keepBest: 1)
        var losses = LossModel()
        losses.seed = seed
        return Scenario(
            plan: plan, nodes: NodeOffer.machines(nodes, gpus: gpus), trainer: TrainerModel(), losses: losses,
            faults: .none, seed: seed)
    }

    @Test func `without pruning every trial takes its steps, and the time is what the slots give`() {
        var study = SimulatedStudy(Self.scenario(trials: 64, nodes: 4, gpus: 8))
        study.run()
        #expect(study.violation == nil)
        #expect(study.engine.phase == .ended(.completed))
        #expect(study.engine.trials.allSatisfy { $0.result != nil })
        // Two rounds of 27 steps of a second, 5 seconds to start each.
        #expect((64...80).contains(study.statistics.seconds))
    }

    @Test func `ASHA keeps its slots busy until the queue drains`() {
        let asha = PrunerKind.asha(ASHAPruner(minStep: 1, reductionFactor: 3, maxStep: 27))
        var study = SimulatedStudy(Self.scenario(trials: 600, nodes: 8, gpus: 8, pruner: asha))
        study.run()
        let statistics = study.statistics
        let offered = 64 * statistics.lastProposal
        #expect(statistics.slotSecondsAtLastProposal >= 0.99 * offered)
        #expect(study.engine.trials.count { $0.wasPruned } > 300)
    }

    @Test func `a trial that diverges has failed, and says so`() {
        var scenario = Self.scenario(trials: 40, nodes: 2, gpus: 4)
        scenario.losses.divergesFrom = 0
        scenario.losses.divergence = 0.5
        var study = SimulatedStudy(scenario)
        study.run()
        let failed = study.engine.trials.filter(\.hasFailed)
        #expect((10...30).contains(failed.count))
        for trial in failed {
            guard case .ended(.failed(.run(let failure))) = trial.state, case .notFinite = failure.cause
            else {
                Issue.record("\(trial.id) is \(trial.state)")
                continue
            }
        }
    }

    @Test func `stragglers and slow stretches cost time`() {
        var slow = Self.scenario(trials: 64, nodes: 4, gpus: 8)
        slow.trainer.stragglerShare = 0.2
        slow.trainer.slowShare = 0.1
        var (quick, late) = (
            SimulatedStudy(Self.scenario(trials: 64, nodes: 4, gpus: 8)), SimulatedStudy(slow)
        )
        quick.run()
        late.run()
        #expect(late.statistics.seconds > 1.5 * quick.statistics.seconds)
    }

    @Test func `realistic faults delay a study and do not change how it ends`() {
        var scenario = Self.scenario(trials: 80, nodes: 4, gpus: 2)
        scenario.trainer.stepSeconds = 100
        scenario.trainer.stepsPerCheckpoint = 9
        scenario.faults = .realistic
        scenario.faults.linkCut.perHour = 1
        scenario.faults.coordinatorCrash.perHour = 0.5
        var study = SimulatedStudy(scenario, checkers: Checkers.all(of: scenario.plan))
        study.run()
        #expect(study.violation == nil)
        #expect(study.statistics.faults > 10)
        #expect(study.engine.phase == .ended(.completed))
    }
}
