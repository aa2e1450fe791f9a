import FleetModel
import Search
import Simulation
import StudyCore
import Testing

/// A checker that cannot fail checks nothing: each finds the bug that is planted for it.
@Suite struct CheckerTests {
    /// The first complaint of `checkers` over some seeds, with an engine that has a bug.
    static func complaint(
        of checkers: (Plan) -> [any Checker], coding: Coding? = nil,
        applying: @escaping Applying = Engine.plainly
    ) -> Violation? {
        for seed: UInt64 in 0..<60 {
            let scenario = Scenario.hostile(seed: seed)
            var study = SimulatedStudy(
                scenario, checkers: checkers(scenario.plan), coding: coding, applying: applying)
            study.run()
            if let violation = study.violation { return violation }
        }
        return nil
    }

    /// Effects as they should be, and more.
    static func adding(
        _ more: @escaping (Effect, Engine) -> Effect?
    ) -> Applying {
        { engine, event throws(RefusedEvent) in
            let effects = try engine.apply(event)
            return effects + effects.compactMap { more($0, engine) }
        }
    }

    @Test func `an engine that drops a report is found`() {
        let found = Self.complaint(of: { _ in [ReportsChecker()] }) { engine, event throws(RefusedEvent) in
            if case .reported(_, _, let report) = event.what, report.step == 2 { throw .noChange }
            return try engine.apply(event)
        }
        #expect(found?.promise == "no report is lost or doubled")
    }

    @Test func `an engine that takes a report twice is found`() {
        let found = Self.complaint(of: { _ in [ReportsChecker()] }) { engine, event throws(RefusedEvent) in
            do throws(RefusedEvent) {
                return try engine.apply(event)
            } catch {
                guard case .alreadyApplied = error else { throw error }
                return []
            }
        }
        #expect(found?.promise == "no report is lost or doubled")
        #expect(found?.text.contains("was applied before") == true)
    }

    @Test func `an engine that launches a run twice is found`() {
        let found = Self.complaint(
            of: { _ in [LeasesChecker()] },
            applying: Self.adding { effect, _ in if case .launch = effect { effect } else { nil } })
        #expect(found?.promise == "no slot is leased twice")
    }

    @Test func `an engine that ends a trial twice is found`() {
        let found = Self.complaint(
            of: { _ in [EndingsChecker()] },
            applying: Self.adding { effect, _ in if case .record = effect { effect } else { nil } })
        #expect(found?.promise == "each trial ends once")
    }

    @Test func `a snapshot that is read back as another engine is found`() {
        let coding = Coding(
            encode: { _ in [] },
            decode: { _ in
                Engine(study: StudyID(rawValue: "other")!, plan: Scenario.hostile(seed: 0).plan)
            }, encodeEffects: { _ in [] })
        let found = Self.complaint(of: { _ in [RecoveryChecker()] }, coding: coding)
        #expect(found?.promise == "recovery equals")
    }

    @Test func `a restart that goes on from another state is found`() throws {
        var engine = Engine(study: StudyID(rawValue: "one")!, plan: Scenario.hostile(seed: 0).plan)
        let before = engine
        var checker = RecoveryChecker()
        try checker.recovered(engine, before: before)
        _ = try engine.apply(Event(at: Timestamp(seconds: 1), .started))
        #expect(throws: Violation.self) { try checker.recovered(engine, before: before) }
    }

    @Test func `a budget that does not hold is found`() {
        let found = Self.complaint { plan in
            [BudgetChecker(of: plan.with(budget: Budget(gpuHours: 0.0001)))]
        }
        #expect(found?.promise == "the budget is exceeded by no more than the runs in flight")
        let trials = Self.complaint { plan in [BudgetChecker(of: plan.with(budget: Budget(trials: 1)))] }
        #expect(trials?.text.contains("is proposed") == true)
    }

    @Test func `a trial that waits beside free slots is found`() {
        let found = Self.complaint { plan in
            // The engine keeps to its `parallel`; a checker without it sees room.
            [StarvationChecker(of: plan.with(parallel: nil))]
        }
        #expect(found?.promise == "no trial waits while there is room for it")
    }

    @Test func `an engine that removes the best checkpoint is found`() {
        let found = Self.complaint(
            of: { _ in [CheckpointsChecker()] },
            applying: Self.adding { effect, engine in
                guard case .record = effect, let best = engine.best, let checkpoint = best.checkpoint else {
                    return nil
                }
                let node = best.runs[checkpoint.run.attempt].lease.parts[0].node
                return .remove(checkpoints: [checkpoint], node: node)
            })
        #expect(found?.promise == "the best checkpoint can be reached")
    }

    @Test func `an engine whose effects are not those of its events is found`() {
        let found = Self.complaint(
            of: { [ReplayChecker(of: $0)] },
            applying: Self.adding { effect, _ in if case .record = effect { effect } else { nil } })
        #expect(found?.promise == "a replay gives the same bytes")
    }

    @Test func `an engine that does not hear that runs end waits for ever, and that is found`() {
        let found = Self.complaint(of: { _ in [EndingsChecker()] }) { engine, event throws(RefusedEvent) in
            if case .runEnded = event.what { throw .noChange }
            return try engine.apply(event)
        }
        #expect(found?.promise == "no study waits for ever")
    }
}

extension Plan {
    fileprivate func with(budget: Budget) -> Plan { changed(resources: resources, budget: budget) }

    fileprivate func with(parallel: Int?) -> Plan {
        changed(
            resources: Resources(
                gpus: resources.gpus, gpusPerNode: resources.gpusPerNode, parallel: parallel,
                retries: resources.retries), budget: budget)
    }

    private func changed(resources: Resources, budget: Budget) -> Plan {
        Plan(
            name: name, trainer: trainer, objective: objective, space: space, method: method,
            sampler: sampler, pruner: pruner, seed: seed, resources: resources, budget: budget,
            keepBest: keepBest)
    }
}
