import Search

/// Every sampler and pruner that ask/tell offers, with its options and their usual values: the table that a
/// new one joins.
enum Choices {
    static var samplerNames: String { samplers.map(\.name).joined(separator: ", ") }
    static var prunerNames: String { pruners.map(\.name).joined(separator: ", ") }

    static let samplers: [Choice<SamplerKind>] = [
        Choice(name: "tpe", options: [.whole("startup", 10, 1...1_000_000)]) { options, _ in
            .tpe(TPESampler(startup: Int(options["startup"] ?? 10)))
        },
        Choice(name: "random") { _, _ in .random(RandomSampler()) },
        Choice(name: "sobol") { _, study in .sobol(SobolSampler(seed: study.seed)) },
        Choice(name: "grid", options: [.whole("points", 5, 1...100_000)]) { options, _ in
            .grid(GridSampler(points: Int(options["points"] ?? 5)))
        },
    ]

    static let pruners: [Choice<PrunerKind>] = [
        Choice(name: "none") { _, _ in .off },
        Choice(name: "median", options: [startup, warmup]) { options, study throws(BadOption) in
            try percentile(50, options, study)
        },
        Choice(
            name: "percentile", options: [.number("percentile", 25, 0...100), startup, warmup]
        ) { options, study throws(BadOption) in
            try percentile(options["percentile"] ?? 25, options, study)
        },
        Choice(
            name: "patience",
            options: [.whole("patience", 3, 1...1_000_000), .number("min_delta", 0, 0...1e300)]
        ) { options, study throws(BadOption) in
            try oneObjective(study)
            return .patience(
                PatiencePruner(
                    patience: Int(options["patience"] ?? 3), minDelta: options["min_delta"] ?? 0))
        },
        Choice(name: "asha", options: [eta, brackets]) { options, study throws(BadOption) in
            let (first, last) = try steps(study)
            return .asha(
                ASHAPruner(
                    minStep: first, reductionFactor: Int(options["eta"] ?? 3), maxStep: last,
                    brackets: Int(options["brackets"] ?? 1)))
        },
        Choice(
            name: "asha-promotion", options: [eta, brackets], pauses: true
        ) { options, study throws(BadOption) in
            let (first, last) = try steps(study)
            return .ashaPromotion(
                ASHAPromotion(
                    minStep: first, reductionFactor: Int(options["eta"] ?? 3), maxStep: last,
                    brackets: Int(options["brackets"] ?? 1)))
        },
        Choice(name: "hyperband", options: [eta]) { options, study throws(BadOption) in
            let (first, last) = try steps(study)
            return .hyperband(
                HyperbandPruner(minStep: first, reductionFactor: Int(options["eta"] ?? 3), maxStep: last))
        },
        Choice(
            name: "pbt",
            options: [.whole("interval", nil, 1...1_000_000_000), .number("share", 0.2, 0.001...0.5)]
        ) { options, study throws(BadOption) in
            try oneObjective(study)
            return .population(
                PopulationPruner(
                    interval: options["interval"].map { Int($0) } ?? study.file.minStep ?? 1,
                    maxStep: study.file.maxStep ?? .max, share: options["share"] ?? 0.2, seed: study.seed))
        },
    ]

    private static let brackets = NumericOption.whole("brackets", 1, 1...100)
    private static let eta = NumericOption.whole("eta", 3, 2...1000)
    private static let startup = NumericOption.whole("startup", 5, 1...1_000_000)
    private static let warmup = NumericOption.whole("warmup", 0, 0...1_000_000_000)

    private static func percentile(
        _ percentile: Double, _ options: [String: Double], _ study: Choice<PrunerKind>.Surroundings
    ) throws(BadOption) -> PrunerKind {
        try oneObjective(study)
        return .percentile(
            PercentilePruner(
                percentile: percentile, startup: Int(options["startup"] ?? 5),
                warmupSteps: Int(options["warmup"] ?? 0)))
    }

    /// Reports are losses of one objective.
    private static func oneObjective(_ study: Choice<PrunerKind>.Surroundings) throws(BadOption) {
        guard study.file.objectives.count == 1 else {
            throw BadOption("the space file has \(study.file.objectives.count) objectives; pruning needs one")
        }
    }

    private static func steps(
        _ study: Choice<PrunerKind>.Surroundings
    ) throws(BadOption) -> (first: Int, last: Int) {
        try oneObjective(study)
        guard let first = study.file.minStep, let last = study.file.maxStep else {
            throw BadOption("the space file needs min_step and max_step")
        }
        return (first, last)
    }
}
