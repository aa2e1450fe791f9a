import FleetModel
import Search
import Simulation
import StudyCore
import Testing

/// Faults as text, the same faults once more, and fewer of them.
@Suite struct ScriptTests {
    static let text = """
        # everything that there is a word for
        9 kill-coordinator for 1
        0.5 cut node0 for 3   # a short one
        0.5 freeze node1 for 2.25

        1 kill-agent node0 for 0
        2 kill-runs node1 for 0
        3 power-off a.b-c_d for 20
        4 fill-disk node0 for 5
        5 take node0:gpu1 for 5
        6 take local:cpu12 for 5
        10 pause for 4
        11.125 clock-back for 60
        """

    @Test func `a script is read, sorted by time, and written as it is read`() throws {
        let script = try Fault.script(Self.text)
        #expect(script.map(\.at) == [0.5, 0.5, 1, 2, 3, 4, 5, 6, 9, 10, 11.125])
        #expect(script[0].description == "0.5 cut node0 for 3")
        #expect(script[6].description == "5 take node0:gpu1 for 5")
        #expect(Set(script.map(\.kind)) == Set(FaultKind.allCases))
        let again = try Fault.script(script.map(\.description).joined(separator: "\n"))
        #expect(again == script)
        #expect(try Fault.script("") == [])
    }

    @Test(arguments: [
        ("1 bomb node0 for 2", "bomb"), ("1 cut for 2", "no place"), ("cut node0 for 2", "node0"),
        ("1 cut node0 2", "1 cut node0 2"),
        ("x cut node0 for 2", "x"), ("-1 cut node0 for 2", "-1"), ("1 cut node0 for ever", "ever"),
        ("inf cut node0 for 2", "inf"), ("nan cut node0 for 2", "nan"), ("1 cut node0 for 1e300", "1e300"),
        ("1 cut ../node0 for 2", "../node0"), ("1 cut node0:gpu1 for 2", "node0:gpu1"),
        ("1 take node0 for 2", "node0"), ("1 take node0:tpu1 for 2", "node0:tpu1"),
        ("1 take node0:gpu-1 for 2", "node0:gpu-1"), ("1 pause node0 for 2", "node0"), ("1", "1"),
        ("1 cut node0 node1 for 2", "node0 node1"), ("for for for for", "for"),
    ])
    func `a line that is none is refused with its number and what was found`(line: String, found: String) {
        let refusal = #expect(throws: Fault.Unreadable.self) { try Fault.script("\n\(line)") }
        #expect(refusal?.line == 2)
        #expect(refusal?.found == found)
    }

    @Test func `the faults that struck, as a script, strike again in the same way`() {
        for seed: UInt64 in 0..<40 {
            let scenario = Scenario.hostile(seed: seed)
            var once = SimulatedStudy(scenario, checkers: Checkers.all(of: scenario.plan), isTraced: true)
            once.run()
            var scripted = scenario
            scripted.faults.script = try? Fault.script(
                once.struck.map(\.description).joined(separator: "\n"))
            var again = SimulatedStudy(scripted, checkers: Checkers.all(of: scenario.plan), isTraced: true)
            again.run()
            #expect(once.trace == again.trace, "seed \(seed)")
            #expect(once.struck == again.struck)
        }
    }

    @Test func `each fault of a script shows in the trace`() throws {
        var scenario = Self.gang()
        scenario.faults.script = try Fault.script(
            """
            1 freeze node1 for 2
            7 kill-runs node0 for 0
            14 take node0:gpu0 for 3
            20 clock-back for 30
            21 pause for 5
            """)
        var study = SimulatedStudy(scenario, checkers: Checkers.all(of: scenario.plan), isTraced: true)
        study.run()
        #expect(study.violation == nil)
        #expect(study.statistics.faults == 5)
        for said in [
            "node1  link is frozen", "the process of 0.0#0 is gone", "node0  somebody else takes gpu0",
            "a person wants to pause", "study stopped",
        ] {
            #expect(study.trace.contains { $0.contains(said) }, "\(said)")
        }
    }

    /// Two trials, one after the other, each on both of two nodes.
    static func gang() -> Scenario {
        let plan = Plan(
            name: "gang",
            trainer: TrainerPlan(
                plugin: "scripted", settings: .object([:]), silenceSeconds: 20, graceSeconds: 5,
                baseFolder: "/"),
            objective: Objective(metric: "loss", direction: .minimize),
            space: try! Space([Parameter("lr", .float(low: 1e-4, high: 1e-1, scale: .log))]),
            method: .search(SearchMethod(trials: 2, steps: 10)), sampler: .random(RandomSampler()),
            pruner: .off, seed: 1, resources: Resources(gpus: 2, gpusPerNode: 1, parallel: nil, retries: 3),
            budget: Budget(), keepBest: 1)
        var trainer = TrainerModel()
        trainer.stepsPerCheckpoint = 2
        var scenario = Scenario(
            plan: plan, nodes: NodeOffer.machines(2, gpus: 1), trainer: trainer, losses: LossModel(),
            faults: .none, seed: 1)
        scenario.horizonSeconds = 1000
        return scenario
    }

    /// Found by the simulator as seed 97592 of an earlier scenario: a power failure took the folder of a run
    /// that had not begun, so its launch was repeated, and met a full disk. Only the node that refused was
    /// surveyed again; the other's slots stayed out of the pool for ever.
    @Test(arguments: [0.5, 0.625, 0.75, 0.875, 1, 1.125, 1.25, 1.375, 1.5, 1.625])
    func `a gang that was refused by one node gets the other's slots back`(moment: Double) throws {
        var scenario = Self.gang()
        scenario.faults.script = try Fault.script(
            "\(moment) power-off node0 for 2\n\(moment + 1) fill-disk node0 for 8")
        var study = SimulatedStudy(scenario, checkers: Checkers.all(of: scenario.plan), isTraced: true)
        study.run()
        #expect(study.violation == nil)
        #expect(study.engine.phase == .ended(.completed))
    }
}

/// Making a failure small enough to be read.
@Suite struct ShrinkingTests {
    /// An engine that forgets its third report: found on any scenario that comes so far.
    static func play(_ scenario: Scenario) -> (broken: Violation?, struck: [Fault]) {
        var study = SimulatedStudy(scenario, checkers: Checkers.all(of: scenario.plan)) {
            engine, event throws(RefusedEvent) in
            if case .reported(_, _, let report) = event.what, report.step == 2 { throw .noChange }
            return try engine.apply(event)
        }
        study.run()
        return (study.violation, study.struck)
    }

    @Test func `what the failure does not need is left out`() throws {
        for seed: UInt64 in 0..<10 {
            let scenario = Scenario.hostile(seed: seed)
            guard let promise = Self.play(scenario).broken?.promise else { continue }
            let small = try #require(scenario.shrunk(playing: Self.play))
            #expect(Self.play(small).broken?.promise == promise)
            #expect(small.faults.script == [], "seed \(seed): a lost report needs no fault")
            let resources = small.plan.resources
            #expect(small.nodes.count == resources.gpus / resources.gpusPerNode)
            #expect(small.faults.doubleShare == 0 && small.trainer.vanishShare == 0)
        }
    }

    @Test func `a fault that the failure needs stays`() throws {
        // Complains of any study that recovered from a crash.
        let small = try #require(
            Scenario.hostile(seed: 3).shrunk { scenario in
                var study = SimulatedStudy(scenario, checkers: Checkers.all(of: scenario.plan))
                study.run()
                let crashed = study.statistics.recoveries > 0
                return (crashed ? Violation("no crash", "it crashed") : nil, study.struck)
            })
        let script = try #require(small.faults.script)
        #expect(script.count == 1)
        #expect([.coordinatorCrash, .pause].contains(script.first?.kind))
    }

    @Test func `where every promise is kept there is nothing to make smaller`() {
        #expect(Scenario.hostile(seed: 0).shrunk() == nil)
    }
}
