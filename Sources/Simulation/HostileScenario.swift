import FleetModel
import Search
import StudyCore

extension Scenario {
    /// A short study of random shape under faults of every kind, drawn from one number.
    public static func hostile(seed: UInt64) -> Scenario {
        var random = SeededGenerator(seed: seed, stream: 3)
        let resources = resources(&random)
        let steps = Int.random(in: 2...10, using: &random)
        var trainer = TrainerModel.hostile(&random)
        trainer.stepsPerReport = Int.random(in: 1...2, using: &random)
        let plan = plan(resources, steps: steps, &random)
        let calm = random.draw(10...120)
        var losses = LossModel()
        losses.noise = random.draw(0...0.5)
        losses.divergence = random.chance(0.3) ? 0.8 : 0
        losses.seed = seed
        var scenario = Scenario(
            plan: plan, nodes: nodes(for: resources, &random), trainer: trainer, losses: losses,
            faults: .hostile(seed: seed, within: calm), seed: seed)
        scenario.horizonSeconds = calm + 20_000
        scenario.occurrenceLimit = 50_000
        return scenario
    }

    private static func resources(_ random: inout SeededGenerator) -> Resources {
        let perNode = Int.random(in: 1...2, using: &random)
        let parts = random.chance(0.2) ? 2 : 1
        return Resources(
            gpus: perNode * parts, gpusPerNode: perNode,
            parallel: random.chance(0.4) ? Int.random(in: 1...4, using: &random) : nil,
            retries: Int.random(in: 0...3, using: &random))
    }

    /// Enough of them for one trial at least.
    private static func nodes(for resources: Resources, _ random: inout SeededGenerator) -> [NodeOffer] {
        let parts = resources.gpus / resources.gpusPerNode
        return (0..<Int.random(in: parts...parts + 2, using: &random)).map { number in
            let slots = Int.random(in: resources.gpusPerNode...4, using: &random)
            return NodeOffer(
                id: NodeID(rawValue: "node\(number)"), slots: (0..<slots).map { .gpu(index: $0) })
        }
    }

    private static func plan(
        _ resources: Resources, steps: Int, _ random: inout SeededGenerator
    ) -> Plan {
        let trials = Int.random(in: 2...7, using: &random)
        let stages = Int.random(in: 1...3, using: &random)
        let space = random.chance(0.5) ? Space.lr : .mixed
        let pruner = random.pick([
            PrunerKind.off, .asha(ASHAPruner(minStep: 1, reductionFactor: 2, maxStep: steps)),
            .hyperband(HyperbandPruner(minStep: 1, reductionFactor: 2, maxStep: steps)),
            .percentile(.median(startup: 1)), .patience(PatiencePruner(patience: 2)),
            .ashaPromotion(ASHAPromotion(minStep: 1, reductionFactor: 2, maxStep: steps)),
        ])
        let method = method(in: space, stages: stages, trials: trials, steps: steps, pruner, &random)
        return Plan(
            name: "simulated",
            trainer: TrainerPlan(
                plugin: "scripted", settings: .object([:]), silenceSeconds: 20, graceSeconds: 5,
                baseFolder: "/"),
            objective: Objective(
                metric: "loss", direction: random.chance(0.2) ? .maximize : .minimize),
            space: space,
            method: method,
            sampler: random.pick([
                .random(RandomSampler()), .sobol(SobolSampler(seed: random.next())),
                .tpe(TPESampler(startup: 2)),
            ]),
            pruner: pruner, seed: random.next(), resources: resources, budget: budget(&random),
            keepBest: Int.random(in: 1...2, using: &random),
            repeats: method.isPopulation || random.chance(0.8) ? 1 : 3)
    }

    private static func method(
        in space: Space, stages: Int, trials: Int, steps: Int, _ pruner: PrunerKind,
        _ random: inout SeededGenerator
    ) -> Method {
        switch random.unit() {
        case ..<0.15:
            return .population(
                PopulationMethod(
                    population: max(2, trials - 2), generations: stages + 1, steps: steps,
                    share: random.pick([0.25, 0.5]), isSynchronous: random.chance(0.5),
                    score: random.pick([.last, .extrapolate(stages: nil, finish: 0.3)])))
        case ..<0.25:
            let points = (0..<trials).map { _ in space.draw(using: &random) }.compactMap(\.self)
            return .sweep(SweepMethod(points: points, steps: steps))
        case ..<0.3:
            // The loss stands for a cost here: what counts is how stages follow each other.
            return .growth(
                GrowthMethod(
                    baseline: space.middle(), increments: [.init("lr", by: 0.001)],
                    depth: trials, cost: "loss", growthSteps: stages, steps: steps,
                    raise: random.chance(0.5) ? .init(factor: 2, most: 2 * steps) : nil))
        case ..<0.6 where stages == 1:
            return .search(SearchMethod(trials: trials, steps: steps))
        default:
            return .stages(
                .hostile(stages: stages, trials: trials, steps: steps, canPilot: !pruner.pauses, &random))
        }
    }

    private static func budget(_ random: inout SeededGenerator) -> Budget {
        guard random.chance(0.3) else { return Budget() }
        return Budget(
            trials: random.chance(0.5) ? Int.random(in: 1...10, using: &random) : nil,
            gpuHours: random.chance(0.5) ? random.draw(0...0.05) : nil,
            wallHours: random.chance(0.5) ? random.draw(0...0.05) : nil)
    }
}

extension Method {
    fileprivate var isPopulation: Bool {
        if case .population = self { true } else { false }
    }
}

extension StagesMethod {
    fileprivate static func hostile(
        stages: Int, trials: Int, steps: Int, canPilot: Bool, _ random: inout SeededGenerator
    ) -> StagesMethod {
        StagesMethod(
            stages: stages, trials: trials, steps: steps,
            shrink: random.chance(0.5) ? .automatic : .shares(["lr": 0.3]),
            score: random.pick([.last, .cooldown(share: 0.3), .extrapolate(stages: nil, finish: 0.3)]),
            fidelity: random.chance(0.3) ? .samples(parameter: "batch", reference: 32) : .steps,
            pilot: canPilot && random.chance(0.3)
                ? Pilot(trials: 3, fewest: max(1, steps / 3), most: steps) : nil,
            confirm: random.chance(0.3) ? 2 : 0, choose: random.pick([.smoothed, .lowest]))
    }
}

extension TrainerModel {
    fileprivate static func hostile(_ random: inout SeededGenerator) -> TrainerModel {
        var trainer = TrainerModel()
        trainer.startupSeconds = random.draw(0.01...5)
        trainer.stepSeconds = random.draw(0.1...2)
        trainer.stepSpread = random.draw(0...0.5)
        trainer.slowShare = random.chance(0.3) ? 0.1 : 0
        trainer.stragglerShare = random.chance(0.3) ? 0.2 : 0
        trainer.stepsPerCheckpoint = random.chance(0.7) ? Int.random(in: 1...4, using: &random) : nil
        guard random.chance(0.5) else { return trainer }
        trainer.crashShare = random.draw(0...0.15)
        trainer.outOfMemoryShare = random.draw(0...0.1)
        trainer.vanishShare = random.draw(0...0.2)
        trainer.hangShare = random.draw(0...0.1)
        return trainer
    }
}

extension Space {
    private static let rate = Parameter("lr", .float(low: 1e-4, high: 1e-1, scale: .log))
    fileprivate static let lr = Space.checked([rate])
    fileprivate static let mixed = Space.checked([
        rate, Parameter("batch", .int(low: 8, high: 256, scale: .log)),
        Parameter("optimizer", .categorical(choices: [.string("adam"), .string("sgd")])),
        Parameter("momentum", .float(low: 0, high: 0.9), when: ["optimizer": [.string("sgd")]]),
    ])

    private static func checked(_ parameters: [Parameter]) -> Space {
        do { return try Space(parameters) } catch { preconditionFailure("\(error)") }
    }
}
