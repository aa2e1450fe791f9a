import FleetModel
import Search
import StudyCore
import Testing

/// Runs that go as far as their orders say, with a loss and further metrics at the end.
extension Rig {
    mutating func play(
        _ run: RunID, measuring metrics: (Assignment) -> [String: Double], failing: Bool = false
    ) {
        let order = launched[run]!
        start(run)
        let readings = metrics(order.assignment).mapValues { Reading($0) }
        happen(
            .reported(
                run: run, end: offset(of: run), report: Report(step: order.steps, metrics: readings)))
        if failing {
            finish(run, .failed(RunFailure(.crashed(exit: 1))))
        } else {
            save(run, step: order.steps)
            finish(run)
        }
    }

    /// Plays everything, the earliest run first.
    mutating func playAll(measuring metrics: (Assignment) -> [String: Double]) {
        while let run = running.first { play(run, measuring: metrics) }
    }
}

@Suite struct SweepTests {
    private let rates = [1e-3, 3e-3, 1e-2, 3e-2].map { ["lr": ParameterValue.float($0)] }

    private func plan(_ points: [Assignment], done: [GivenTrial] = []) -> Plan {
        .with(
            .sweep(SweepMethod(points: points, done: done, steps: 10)), sampler: .random(RandomSampler()),
            pruner: .off, parallel: nil, budget: Budget())
    }

    @Test func `every point of the list is tried once, in order`() {
        var rig = Rig(plan(rates))
        rig.playAll(measuring: { ["loss": distance($0)] })
        #expect(rig.endings == [.completed] && rig.faults.isEmpty)
        #expect(rig.engine.trials.map(\.assignment) == rates)
        #expect(rig.engine.best?.assignment == rates[2])
    }

    @Test func `what is done already is counted and not run`() {
        let known = GivenTrial(rates[2], .given, loss: Loss(0.5, .minimize)!)
        var rig = Rig(plan(rates, done: [known]))
        rig.playAll(measuring: { ["loss": distance($0)] })
        #expect(rig.endings == [.completed])
        #expect(Set(rig.launched.values.map(\.assignment)) == [rates[0], rates[1], rates[3]])
        #expect(rig.engine.best?.result?.value == 0.5)
    }

    @Test func `one failure does not stop the rest`() {
        var rig = Rig(plan(rates))
        rig.play(rig.running[0], measuring: { _ in ["loss": 1] }, failing: true)
        rig.playAll(measuring: { ["loss": distance($0)] })
        #expect(rig.endings == [.completed])
        #expect(rig.engine.trials.count(where: \.hasFailed) == 1)
    }

    @Test func `a list that has grown is gone on with where it was`() {
        var rig = Rig(plan([rates[0], rates[1]]))
        rig.playAll(measuring: { ["loss": distance($0)] })
        #expect(rig.endings == [.completed])
        rig.happen(.replanned(plan(rates), overrides: []))
        rig.happen(.started)
        rig.playAll(measuring: { ["loss": distance($0)] })
        #expect(rig.endings.count == 2 && rig.launched.count == 4)
        #expect(rig.engine.trials.map(\.assignment) == rates)
        #expect(rig.engine.best?.assignment == rates[2])
    }

    @Test func `a point that leaves the list before its turn is not run`() {
        var rig = Rig(plan(rates), slots: 1)
        rig.happen(.replanned(plan([rates[0], rates[2]]), overrides: []))
        rig.playAll(measuring: { ["loss": distance($0)] })
        #expect(rig.endings == [.completed])
        #expect(rig.engine.trials.map(\.assignment) == [rates[0], rates[2]])
    }

    @Test func `a trial is run once more when somebody asks, from a checkpoint if they name one`() throws {
        var rig = Rig(plan(rates))
        rig.play(rig.running[0], measuring: { _ in ["loss": 1] }, failing: true)
        rig.playAll(measuring: { ["loss": distance($0)] })
        let failed = try #require(rig.engine.trials.first(where: \.hasFailed)?.id)
        let other = try #require(rig.engine.trials.first { $0.result != nil }?.checkpoint)
        #expect(rig.happen(.retryRequested(trial: failed, from: other)) == nil)
        rig.happen(.started)
        rig.playAll(measuring: { ["loss": distance($0)] })
        let again = try #require(rig.engine.trials.last)
        #expect(again.reason == .retried(of: failed) && again.result != nil && again.origin == other)
        #expect(rig.engine.stages.count == 2 && rig.faults.isEmpty)
        let unknown = TrialID(stage: 0, number: 99)
        #expect(rig.happen(.retryRequested(trial: unknown, from: nil)) != nil)
    }
}

@Suite struct PopulationTests {
    static func plan(
        _ population: Int, _ generations: Int, share: Double = 0.5, isSynchronous: Bool = false,
        score: Score = .last, parallel: Int? = nil
    ) -> Plan {
        .with(
            .population(
                PopulationMethod(
                    population: population, generations: generations, steps: 10, share: share,
                    isSynchronous: isSynchronous, score: score)),
            sampler: .random(RandomSampler()), pruner: .off, parallel: parallel, budget: Budget())
    }

    @Test(arguments: [true, false])
    func `every member trains all its pieces, each from a state that is there`(isSynchronous: Bool) {
        var rig = Rig(Self.plan(4, 5, isSynchronous: isSynchronous))
        rig.playAll(measuring: { ["loss": distance($0)] })
        #expect(rig.endings == [.completed] && rig.faults.isEmpty)
        #expect(rig.engine.trials.count == 20 && rig.engine.trials.allSatisfy { $0.result != nil })
        for trial in rig.engine.trials {
            #expect((trial.origin == nil) == (trial.membership.generation == 0))
            #expect(rig.engine.steps(behind: trial.origin) == 10 * trial.membership.generation)
        }
    }

    @Test func `the worst share takes over the state and the parameters of the best`() throws {
        var rig = Rig(Self.plan(4, 2, isSynchronous: true))
        rig.playAll(measuring: { ["loss": distance($0)] })
        let first = rig.engine.trials.prefix(4).sorted { $0.result! < $1.result! }
        for trial in rig.engine.trials.dropFirst(4) {
            let before = first.firstIndex { $0.id.number == trial.membership.member }!
            let parent = trial.origin!.run.trial
            if before < 2 {
                #expect(parent == first[before].id && trial.assignment == first[before].assignment)
                #expect(trial.membership.tookOver == nil)
            } else {
                #expect(first.prefix(2).map(\.id).contains(parent))
                let exploit = try #require(trial.membership.tookOver)
                #expect(exploit.from == parent && exploit.position == before + 1 && exploit.of == 4)
            }
        }
    }

    @Test func `a slow member holds nobody up, unless that is asked for`() {
        for (isSynchronous, expected) in [(false, 4), (true, 1)] {
            var rig = Rig(Self.plan(3, 4, isSynchronous: isSynchronous), slots: 3)
            let slow = rig.running[0]
            while let run = rig.running.first(where: { $0 != slow }) {
                rig.play(run, measuring: { ["loss": distance($0)] })
            }
            #expect(rig.engine.trials.count { $0.membership.member == 1 } == expected)
        }
    }

    @Test func `a member that fails takes over from another`() throws {
        var rig = Rig(Self.plan(3, 2))
        rig.play(rig.running[0], measuring: { _ in ["loss": 1] }, failing: true)
        rig.playAll(measuring: { ["loss": distance($0)] })
        let heir = try #require(
            rig.engine.trials.first {
                $0.membership
                    == .init(
                        member: 0, generation: 1, tookOver: $0.membership.tookOver)
            })
        #expect(heir.membership.tookOver != nil && rig.endings == [.completed])
    }

    @Test func `only states that somebody may go on from are kept`() {
        var rig = Rig(Self.plan(4, 6))
        rig.playAll(measuring: { ["loss": distance($0)] })
        let held = rig.engine.trials.filter { !$0.progress.checkpoints.isEmpty }
        #expect(held.map(\.id) == [rig.engine.best!.id])
        for checkpoint in rig.removed {
            let heirs = rig.engine.trials.filter { $0.origin == checkpoint }
            #expect(heirs.allSatisfy { $0.hasEnded })
        }
    }

    @Test func `the winner's lineage goes back to a new model`() {
        var rig = Rig(Self.plan(4, 5))
        rig.playAll(measuring: { ["loss": distance($0)] })
        let line = rig.engine.lineage(of: rig.engine.best!.id)
        #expect(line.map(\.membership.generation) == [0, 1, 2, 3, 4] && line[0].origin == nil)
    }
}

@Suite struct GrowthTests {
    static let space = try! Space(
        [
            Parameter("layers", .int(low: 1, high: 4)), Parameter("heads", .int(low: 1, high: 4)),
            Parameter("width", .int(low: 32, high: 128)),
        ], constraints: [Constraint("width % heads == 0")])

    static func plan(
        steps growthSteps: Int, depth: Int = 1, repeats: Int = 1, raise: GrowthMethod.Raise? = nil
    ) -> Plan {
        Plan(
            name: "grow",
            trainer: TrainerPlan(
                plugin: "scripted", settings: .object([:]), silenceSeconds: 60, graceSeconds: 5,
                baseFolder: "/"),
            objective: Objective(metric: "loss", direction: .minimize), space: space,
            method: .growth(
                GrowthMethod(
                    baseline: ["layers": .int(1), "heads": .int(1), "width": .int(32)],
                    increments: [.init("layers", by: 1), .init("heads", by: 1), .init("width", by: 32)],
                    depth: depth, cost: "parameters", growthSteps: growthSteps, steps: 10, raise: raise)),
            sampler: .random(RandomSampler()), pruner: .off, seed: 7,
            resources: Resources(gpus: 1, gpusPerNode: 1, parallel: nil, retries: 2), budget: Budget(),
            keepBest: 1, repeats: repeats)
    }

    static func measure(_ assignment: Assignment) -> [String: Double] {
        let (layers, heads, width) = (
            assignment["layers"]!.number!, assignment["heads"]!.number!, assignment["width"]!.number!
        )
        let loss = 3 - 0.4 * (layers * 2).squareRoot() - 0.05 * heads - 0.02 * (width / 32).squareRoot()
        return ["loss": loss, "parameters": 12 * layers * width * width]
    }

    /// Every legal neighbour of the baseline, measured by hand.
    static func bestStep(from baseline: Assignment) -> Assignment? {
        let old = measure(baseline)
        var best: (Double, Assignment)?
        for (name, amount) in [("layers", 1), ("heads", 1), ("width", 32)] {
            guard case .int(let value) = baseline[name]! else { continue }
            let grown = baseline.merging([name: .int(value + amount)]) { $1 }
            guard space.problem(with: grown) == nil else { continue }
            let new = measure(grown)
            let gain =
                tokenProbability(Loss(new["loss"]!, .minimize)!)
                - tokenProbability(Loss(old["loss"]!, .minimize)!)
            let cost = new["parameters"]! - old["parameters"]!
            let worth = cost > 0 ? gain / cost : .infinity
            if gain > 0, worth > best?.0 ?? 0 { best = (worth, grown) }
        }
        return best?.1
    }

    @Test func `every step is the one with the best gain for its cost, as brute force finds it`() throws {
        var rig = Rig(Self.plan(steps: 6))
        rig.playAll(measuring: Self.measure)
        #expect(rig.faults.isEmpty)
        var baseline = rig.engine.trials[0].assignment
        for stage in rig.engine.stages {
            let expected = Self.bestStep(from: baseline)
            let chosen = try #require(stage.best.flatMap(rig.engine.trial))
            #expect(chosen.assignment == expected ?? baseline, "stage \(stage.index)")
            baseline = chosen.assignment
        }
        #expect(rig.engine.stages.count >= 5)
    }

    @Test func `an illegal model is left out with its reason`() {
        var rig = Rig(Self.plan(steps: 4))
        rig.playAll(measuring: Self.measure)
        let skipped = rig.told.compactMap { decision in
            if case .skipped(_, let assignment, let reason) = decision { (assignment, reason) } else { nil }
        }
        #expect(!skipped.isEmpty && skipped.allSatisfy { !$0.1.isEmpty })
        #expect(rig.launched.values.allSatisfy { Self.space.problem(with: $0.assignment) == nil })
    }

    @Test func `steps are raised when nothing helps, up to their limit`() {
        var rig = Rig(Self.plan(steps: 4, raise: .init(factor: 2, most: 30)))
        rig.playAll(measuring: { ["loss": 2, "parameters": Self.measure($0)["parameters"]!] })
        #expect(rig.endings == [.completed])
        #expect(rig.engine.stages.map(\.steps) == [10, 20, 30])
        #expect(rig.engine.stages.allSatisfy { $0.best?.number == 0 })
    }

    @Test func `somebody who asks for longer trials gets them from where the model stands`() {
        func plan(steps: Int) -> Plan {
            .with(
                .growth(
                    GrowthMethod(
                        baseline: ["lr": .float(0.01)], increments: [.init("lr", by: 0.01)],
                        cost: "parameters", growthSteps: 3, steps: steps)),
                sampler: .random(RandomSampler()), pruner: .off, parallel: nil, budget: Budget())
        }
        var rig = Rig(plan(steps: 10))
        rig.playAll(measuring: { ["loss": 2, "parameters": $0["lr"]!.number!] })
        #expect(rig.endings == [.completed] && rig.engine.stages.map(\.steps) == [10])
        rig.happen(.replanned(plan(steps: 40), overrides: []))
        rig.happen(.started)
        rig.playAll(measuring: { ["loss": 2, "parameters": $0["lr"]!.number!] })
        #expect(rig.endings == [.completed, .completed] && rig.engine.stages.map(\.steps) == [10, 40])
    }

    @Test func `a gain within the noise of the seeds is none`() throws {
        var rig = Rig(Self.plan(steps: 1, repeats: 3), slots: 8)
        var dice = SeededGenerator(seed: 3)
        rig.playAll(measuring: { assignment in
            let exact = Self.measure(assignment)
            return ["loss": 2 + dice.unit() * 0.2, "parameters": exact["parameters"]!]
        })
        let stage = rig.engine.stages[0]
        #expect(stage.trials.count == 12 && stage.repeatNoise! > 0.03)
        if case .noGain(let most, let noise)? = stage.choice?.reason { #expect(most <= noise) }
    }

    @Test func `a trainer that does not measure the cost fails its trials with a sentence`() {
        var rig = Rig(Self.plan(steps: 1))
        rig.playAll(measuring: { ["loss": Self.measure($0)["loss"]!] })
        let endings = Set(rig.engine.trials.map(\.state))
        #expect(
            endings == [.ended(.failed(.noObjective(metric: "parameters", reported: ["loss"])))])
    }
}

@Suite struct RepeatTests {
    private func plan(_ repeats: Int) -> Plan {
        Plan(
            name: "again",
            trainer: TrainerPlan(
                plugin: "scripted", settings: .object([:]), silenceSeconds: 60, graceSeconds: 5,
                baseFolder: "/"),
            objective: Objective(metric: "loss", direction: .minimize), space: .lr,
            method: .search(SearchMethod(trials: 8, steps: 10)), sampler: .random(RandomSampler()),
            pruner: .off, seed: 7,
            resources: Resources(gpus: 1, gpusPerNode: 1, parallel: nil, retries: 2), budget: Budget(),
            keepBest: 1, repeats: repeats)
    }

    @Test func `a trial is run with other seeds, and the mean decides`() {
        var rig = Rig(plan(3), slots: 1)
        var dice = SeededGenerator(seed: 1)
        rig.playAll(measuring: { ["loss": distance($0) + 0.01 * dice.unit()] })
        let stage = rig.engine.stages[0]
        let originals = stage.trials.filter { $0.repeats == nil }
        #expect(originals.count == 8 && rig.endings == [.completed])
        let best = stage.best!.number
        let group = stage.trials[best].repeats ?? best
        #expect(stage.mean(of: group)!.count == 3)
        for other in originals.map(\.id.number) {
            #expect(stage.mean(of: group)!.loss <= stage.mean(of: other)!.loss)
        }
        let seeds = Set(
            rig.launched.values.filter {
                ($0.run.trial.number == group) || (rig.engine.trial($0.run.trial)!.repeats == group)
            }.map(\.seed))
        #expect(seeds.count == 3)
    }

    @Test func `one that loses clearly at the first time is not repeated, with the numbers`() {
        var rig = Rig(plan(3), slots: 1)
        var dice = SeededGenerator(seed: 1)
        rig.playAll(measuring: { ["loss": distance($0) + 0.01 * dice.unit()] })
        let spared = rig.told.compactMap { decision in
            if case .notRepeated(let trial, let difference, let noise) = decision {
                (trial, difference, noise)
            } else {
                nil
            }
        }
        #expect(!spared.isEmpty)
        for (trial, difference, noise) in spared {
            #expect(difference > 3 * noise)
            #expect(!rig.engine.trials.contains { $0.repeats == trial.number })
        }
    }
}

@Suite struct PromotionTests {
    private func plan(trials: Int, parallel: Int? = nil, budget: Budget = Budget()) -> Plan {
        .search(
            trials: trials, steps: 16,
            pruner: .ashaPromotion(ASHAPromotion(minStep: 1, reductionFactor: 2, maxStep: 16)),
            parallel: parallel, budget: budget)
    }

    @Test func `a trial waits at its rung without a lease, and goes on from its checkpoint`() throws {
        var rig = Rig(plan(trials: 16))
        rig.playAll(measuring: { ["loss": distance($0)] })
        #expect(rig.endings == [.completed] && rig.faults.isEmpty)
        let best = try #require(rig.engine.best)
        #expect(best.runs.count == 5 && best.progress.step == 16)
        #expect(best.runs.map(\.start.checkpoint?.step) == [nil, 1, 2, 4, 8])
        #expect(rig.engine.trials.allSatisfy { $0.hasEnded })
        let pruned = rig.engine.trials.filter(\.wasPruned)
        #expect(pruned.count >= 8 && pruned.allSatisfy { $0.progress.step < 16 })
    }

    @Test func `going on takes at most six tenths of the steps of beginning again`() {
        var rig = Rig(plan(trials: 64))
        rig.playAll(measuring: { ["loss": distance($0)] })
        let orders = rig.launched.values
        let again = orders.reduce(0) { $0 + $1.steps }
        let continued = orders.reduce(0) { $0 + $1.steps - ($1.start.checkpoint?.step ?? 0) }
        #expect(Double(continued) <= 0.6 * Double(again), "\(continued) of \(again)")
    }

    @Test func `a spent budget of trials lets those that wait go on first`() {
        var rig = Rig(plan(trials: 100, budget: Budget(trials: 8)))
        rig.playAll(measuring: { ["loss": distance($0)] })
        #expect(rig.engine.trials.count == 8)
        #expect(rig.engine.best?.progress.step == 16)
    }
}

@Suite struct ObjectivesTests {
    private func plan(_ pruner: PrunerKind = .off, bounds: [MetricBound] = []) -> Plan {
        Plan(
            name: "several",
            trainer: TrainerPlan(
                plugin: "scripted", settings: .object([:]), silenceSeconds: 60, graceSeconds: 5,
                baseFolder: "/"),
            objective: Objective(metric: "loss", direction: .minimize), space: .lr,
            method: .search(SearchMethod(trials: 12, steps: 8)),
            sampler: .nsga2(NSGA2Sampler(population: 4, startup: 4)), pruner: pruner, seed: 7,
            resources: Resources(gpus: 1, gpusPerNode: 1, parallel: nil, retries: 2), budget: Budget(),
            keepBest: 1, further: [Objective(metric: "speed", direction: .maximize)], bounds: bounds)
    }

    /// Fast where the rate is high, good where it is 0.01.
    private func measure(_ assignment: Assignment) -> [String: Double] {
        ["loss": distance(assignment), "speed": assignment["lr"]!.number! * 1000]
    }

    @Test func `each trial is known by all its objectives, lower is better in each`() throws {
        var rig = Rig(plan())
        rig.playAll(measuring: measure)
        #expect(rig.endings == [.completed])
        for trial in rig.engine.trials {
            #expect(trial.further.map(\.value) == [-trial.assignment["lr"]!.number! * 1000])
        }
        let history = rig.engine.stages[0].history.trials
        #expect(
            history.allSatisfy {
                if case .complete(let losses) = $0.result { losses.count == 2 } else { false }
            })
    }

    @Test func `a trial out of bounds is behind every one within, and samplers know by how much`() throws {
        var rig = Rig(plan(bounds: [MetricBound("speed", .atLeast, 20)]))
        rig.playAll(measuring: measure)
        let ranking = rig.engine.stages[0].ranking
        let outside = ranking.map { $0.assignment["lr"]!.number! * 1000 < 20 }
        #expect(outside.contains(true) && outside.contains(false))
        #expect(outside == outside.sorted { !$0 && $1 })
        #expect(rig.engine.best?.violation == 0)
        let known = rig.engine.stages[0].history.trials.map(\.violation)
        #expect(known == rig.engine.trials.map(\.violation))
    }

    @Test func `at a rung trials are judged by their Pareto front`() {
        var rig = Rig(plan(.paretoASHA(ParetoASHA(minStep: 2, reductionFactor: 2, maxStep: 8))))
        while let run = rig.running.first {
            let order = rig.launched[run]!
            rig.start(run)
            for step in [2, 4, 8] where !rig.stopped.contains(run) {
                rig.happen(
                    .reported(
                        run: run, end: rig.offset(of: run),
                        report: Report(
                            step: step, metrics: measure(order.assignment).mapValues { Reading($0) })))
            }
            if rig.stopped.contains(run) { rig.finish(run, .stopped) } else { rig.finish(run) }
        }
        let reasons = rig.engine.trials.compactMap { trial -> Standing? in
            if case .ended(.pruned(.outranked(let standing))) = trial.state { standing } else { nil }
        }
        #expect(!reasons.isEmpty && reasons.allSatisfy { $0.front != nil && $0.position > $0.kept })
    }
}

@Suite struct LearningPopulationTests {
    @Test func `a population explores by what its members have learned`() throws {
        let plan = Plan.with(
            .population(
                PopulationMethod(
                    population: 4, generations: 6, steps: 10, share: 0.5, exploring: .learning)),
            sampler: .random(RandomSampler()), pruner: .off, parallel: nil, budget: Budget())
        var rig = Rig(plan)
        var done = 0.0
        rig.playAll(measuring: { assignment in
            done += 0.01
            return ["loss": distance(assignment) - done]
        })
        #expect(rig.endings == [.completed] && rig.faults.isEmpty && rig.engine.trials.count == 24)
        let moved = rig.engine.trials.filter { $0.membership.tookOver != nil }
        #expect(moved.count >= 6 && moved.allSatisfy { Space.lr.problem(with: $0.assignment) == nil })
    }
}
