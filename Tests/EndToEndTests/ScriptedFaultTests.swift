import FleetModel
import Foundation
import Simulation
import StudyCore
import Testing

/// One script of faults, once on a simulated fleet and once on real processes.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ScriptedFaultTests {
    static let scripts = [
        """
        0.5 freeze local for 0.5
        1.2 kill-agent local for 0.3
        2 kill-runs local for 0
        2.6 cut local for 0.8
        """,
        """
        0.4 kill-coordinator for 0.3
        1.5 power-off local for 0.5
        2.5 pause for 0.3
        3.5 freeze local for 0.4
        4 kill-coordinator for 0
        """,
    ]

    @Test(arguments: scripts)
    func `a script of faults ends alike on a simulated fleet and on a real one`(text: String) async throws {
        let script = try Fault.script(text)
        let bench = try Bench(Yaml.stages(2, trials: 4, steps: 60, secondsPerStep: 0.02))
        let driver = try FaultDriver(script, on: bench, homes: [.local: bench.home])
        let result = try await driver.play()
        #expect(result.exit == 0, "\(result.errors)")
        #expect(driver.struck.count >= 3, "only \(driver.struck) struck")
        let engine = try bench.engine()
        #expect(try bench.differences() == [])
        #expect(bench.runProcesses() == [])

        expectAlike(engine, simulate(engine.plan, script), trials: 8)
    }

    @Test func `a script of faults ends alike on the MIG devices of a node behind an sshd`() async throws {
        let script = try Fault.script(
            """
            0.8 cut node1 for 0.5
            1.6 kill-agent node1 for 0.3
            2.4 kill-runs node1 for 0
            3 freeze node1 for 0.5
            4 kill-coordinator for 0.2
            """)
        let bench = try Bench(
            Yaml.stages(
                2, trials: 4, steps: 60, secondsPerStep: 0.03, extra: "resources: { nodes: [node1] }"))
        let fleet = try await LoopbackFleet(1, for: bench, gpus: 1, mig: 2)
        let node = NodeID(rawValue: "node1")
        let driver = try FaultDriver(script, on: bench, homes: [node: fleet.agentHome(of: "node1")])
        let result = try await driver.play()
        #expect(result.exit == 0, "\(result.errors)")
        #expect(driver.struck.count >= 4, "only \(driver.struck) struck")
        let engine = try bench.engine()
        #expect(try bench.differences { fleet.agentHome(of: $0) } == [])
        #expect(bench.runProcesses(of: fleet.agentHome(of: "node1")) == [])
        let slots = Set(engine.trials.flatMap(\.runs).flatMap(\.lease.parts).flatMap(\.slots))
        #expect(slots == [.mig(gpu: 0, instance: 7, compute: 0), .mig(gpu: 0, instance: 8, compute: 0)])

        expectAlike(engine, simulate(engine.plan, script, on: node, slots.sorted()), trials: 8)
    }

    private func expectAlike(_ real: Engine, _ simulated: SimulatedStudy, trials: Int) {
        #expect(simulated.violation == nil)
        for ended in [real, simulated.engine] {
            #expect(ended.phase == .ended(.completed))
            #expect(ended.trials.count == trials)
            #expect(ended.trials.allSatisfy { $0.result != nil })
            #expect(ended.stages.allSatisfy { $0.isKept })
        }
    }

    @Test(.enabled(if: SmallDisk.isPossible, "needs to be allowed to mount"))
    func `a disk that fills up by the script is waited for, simulated and for real`() async throws {
        let script = try Fault.script("0.5 fill-disk local for 1.5")
        let bench = try Bench(Yaml.search(trials: 6, steps: 30, secondsPerStep: 0.02))
        _ = try bench.mountDisk(at: bench.home, megabytes: 80)
        let driver = try FaultDriver(script, on: bench, homes: [.local: bench.home])
        let result = try await driver.play()
        #expect(result.exit == 0, "\(result.errors)")
        let engine = try bench.engine()
        let simulated = simulate(engine.plan, script)
        #expect(simulated.violation == nil)
        for ended in [engine, simulated.engine] {
            #expect(ended.trials.count == 6)
            #expect(ended.trials.allSatisfy { $0.result != nil })
        }
    }

    /// The study of a plan on such a node, with trainers about as fast as the scripted one.
    private func simulate(
        _ plan: Plan, _ script: [Fault], on node: NodeID = .local,
        _ slots: [Slot] = [.cpu(index: 0), .cpu(index: 1)]
    ) -> SimulatedStudy {
        var trainer = TrainerModel()
        trainer.startupSeconds = 0.05
        trainer.stepSeconds = 0.02
        trainer.stepsPerReport = 5
        trainer.stepsPerCheckpoint = 10
        var faults = Faults.none
        faults.script = script
        var scenario = Scenario(
            plan: plan,
            nodes: [NodeOffer(id: node, slots: slots)],
            trainer: trainer, losses: LossModel(), faults: faults, seed: plan.seed)
        scenario.horizonSeconds = 10_000
        var study = SimulatedStudy(scenario, checkers: Checkers.all(of: plan))
        study.run()
        return study
    }
}
