import FleetModel
import Search
import StudyCore
import TrainerKit

/// The sampler and the pruner, as a study file writes them.
extension PlanDraft {
    /// `auto` where the file names none.
    /// - Parameter trials: of the whole study, at most.
    static func sampler(
        _ file: inout SettingsReader, seed: UInt64, for method: Method?, trials: Int?
    ) -> SamplerKind {
        let isStaged = if case .stages? = method { true } else { false }
        return file.nested("sampler") { sampler -> SamplerKind in
            switch sampler.kind(among: SamplerKind.names) {
            case "random": .random(RandomSampler())
            case "grid": .grid(GridSampler(points: sampler.int("points", default: 5, in: 2...)))
            case "tpe": .tpe(TPESampler(startup: sampler.int("startup", default: 10, in: 1...)))
            case "gp": .gp(GPSampler(startup: sampler.int("startup", default: 10, in: 1...)))
            case "sobol": .sobol(SobolSampler(seed: seed))
            case "cmaes": .cmaes(CMAESSampler(startup: sampler.int("startup", default: 5, in: 0...)))
            case "nsga2":
                .nsga2(
                    NSGA2Sampler(
                        population: sampler.int("population", default: 20, in: 2...),
                        startup: sampler.int("startup", default: 10, in: 2...)))
            case "auto":
                .auto(
                    AutoSampler(
                        trials: trials, isStaged: isStaged,
                        startup: sampler.int("startup", default: 10, in: 1...)))
            default: .random(RandomSampler())
            }
        } ?? .auto(AutoSampler(trials: trials, isStaged: isStaged))
    }

    /// With several objectives `asha` ranks by Pareto fronts.
    static func pruner(
        _ file: inout SettingsReader, steps: Int, _ objectives: [Objective]
    ) -> PrunerKind {
        // Wrong steps have had their message, and come as 0.
        let steps = max(1, steps)
        return file.nested("pruner") { pruner in
            switch pruner.kind(among: PrunerKind.judging) {
            case "median": return percentile(50, &pruner)
            case "percentile":
                let percentile = pruner.double("percentile", default: 25, in: 0...100)
                return Self.percentile(percentile, &pruner)
            case "threshold": return threshold(&pruner, objectives[0].direction)
            case "patience":
                return .patience(
                    PatiencePruner(
                        patience: pruner.int("patience", default: 3, in: 1...),
                        minDelta: pruner.double("min_delta", default: 0, in: 0.0...)))
            case "asha":
                let (minStep, factor) = halving(&pruner)
                guard objectives.count == 1 else {
                    return .paretoASHA(
                        ParetoASHA(minStep: minStep, reductionFactor: factor, maxStep: steps))
                }
                return .asha(ASHAPruner(minStep: minStep, reductionFactor: factor, maxStep: steps))
            case "asha-promotion":
                let (minStep, factor) = halving(&pruner)
                return .ashaPromotion(
                    ASHAPromotion(minStep: minStep, reductionFactor: factor, maxStep: steps))
            case "hyperband":
                let (minStep, factor) = halving(&pruner)
                return .hyperband(
                    HyperbandPruner(minStep: minStep, reductionFactor: factor, maxStep: steps))
            default: return .off
            }
        } ?? .off
    }

    private static func percentile(_ percentile: Double, _ pruner: inout SettingsReader) -> PrunerKind {
        .percentile(
            PercentilePruner(
                percentile: percentile, startup: pruner.int("startup", default: 5, in: 1...),
                warmupSteps: pruner.int("warmup", default: 0, in: 0...)))
    }

    private static func threshold(_ pruner: inout SettingsReader, _ direction: Direction) -> PrunerKind {
        let lower = pruner.value("lower") == nil ? nil : pruner.double("lower")
        let upper = pruner.value("upper") == nil ? nil : pruner.double("upper")
        let warmup = pruner.int("warmup", default: 0, in: 0...)
        guard lower != nil || upper != nil else {
            pruner.complain(at: [], found: "no bound", expected: "lower, upper or both")
            return .off
        }
        if let lower, let upper, lower > upper {
            pruner.complain(
                at: ["lower"], found: "\(lower)", expected: "at most upper, which is \(upper)")
            return .off
        }
        return .threshold(
            ThresholdPruner(lower: lower, upper: upper, direction: direction, warmupSteps: warmup))
    }

    private static func halving(_ pruner: inout SettingsReader) -> (minStep: Int, factor: Int) {
        (pruner.int("min_step", default: 1, in: 1...), pruner.int("reduction_factor", default: 3, in: 2...))
    }
}
