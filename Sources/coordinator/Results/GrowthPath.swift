import FleetModel
import Foundation
import Search
import StudyCore

/// The way of a growing model: for each stage its baseline, what was tried from it and what was chosen. Written as
/// `results.yaml` in the shape of the log of ReaLLMASIC's `hyperparam_search.py`, so that its viewer reads it.
struct GrowthPath {
    /// A loss, and what follows from it.
    struct Metrics: Encodable {
        let loss: Double
        /// Standard deviation over seeds; nil for one.
        let spread: Double?
        /// Probability of the right next token.
        let score: Double
        /// Of the metric that growth is paid in.
        let cost: Double?
        let steps: Int
    }

    struct Candidate: Encodable {
        let param: String
        let value: ParameterValue
        let bestValLoss: Double?
        let bestValLossSpread: Double?
        let score: Double?
        let deltaScore: Double?
        let deltaCost: Double?
        /// Of score for cost; nil where it costs nothing or was not measured.
        let efficiency: Double?
        /// Losses of its runs, each with another seed.
        let seeds: [Double]
        let trial: String
        let status: String
    }

    struct Iteration: Encodable {
        let iter: Int
        let baseline: Assignment
        let baselineMetrics: Metrics?
        let candidates: [Candidate]
        /// nil: nothing gained more than the noise, or the stage is open.
        let chosen: Candidate?
        let reason: String
    }

    /// How one parameter went with another along the path: y ≈ factor · x^exponent.
    struct Ratio: Encodable {
        let parameter: String
        let against: String
        let factor: Double
        let exponent: Double
    }

    let costMetric: String
    /// The newest baseline.
    let baselineConfig: Assignment
    let iterations: [Iteration]
    let ratios: [Ratio]

    init(of engine: Engine, by method: GrowthMethod) {
        costMetric = method.cost
        let words = Sentences(objective: engine.plan.objective)
        iterations = engine.stages.filter { !$0.trials.isEmpty }.map { stage in
            Self.iteration(of: stage, method.cost, words)
        }
        let baselines =
            iterations.map(\.baseline)
            + [engine.stages.last?.best.flatMap(engine.trial)?.assignment].compactMap(\.self)
        baselineConfig = baselines.last ?? method.baseline
        ratios = Self.ratios(along: baselines, of: method.increments.map(\.parameter))
    }

    private static func iteration(of stage: Stage, _ cost: String, _ words: Sentences) -> Iteration {
        let base = stage.mean(of: 0, measuring: cost)
        let candidates = stage.trials.filter { $0.repeats == nil && $0.id.number > 0 }.compactMap { trial in
            candidate(trial, in: stage, from: base, cost)
        }
        let best = stage.best.flatMap { id in candidates.first { $0.trial == id.description } }
        return Iteration(
            iter: stage.index, baseline: stage.trials[0].assignment,
            baselineMetrics: base.map { Metrics($0, steps: stage.steps) }, candidates: candidates,
            chosen: best,
            reason: stage.choice.map { words.line($0.reason) } ?? "still open")
    }

    private static func candidate(
        _ trial: Trial, in stage: Stage, from base: Stage.Mean?, _ cost: String
    ) -> Candidate? {
        guard case .grown(let parameter, _) = trial.reason, let value = trial.assignment[parameter] else {
            return nil
        }
        let mean = stage.mean(of: trial.id.number, measuring: cost)
        let score = mean.map { tokenProbability($0.loss) }
        let gain = base.flatMap { base in score.map { $0 - tokenProbability(base.loss) } }
        let added = mean?.cost.flatMap { cost in base?.cost.map { cost - $0 } }
        let runs = stage.trials.filter { ($0.repeats ?? $0.id.number) == trial.id.number }
        return Candidate(
            param: parameter, value: value, bestValLoss: mean?.loss.value, bestValLossSpread: mean?.deviation,
            score: score, deltaScore: gain, deltaCost: added,
            efficiency: gain.flatMap { gain in added.flatMap { $0 > 0 ? gain / $0 : nil } },
            seeds: runs.compactMap { $0.result?.value }, trial: trial.id.description, status: trial.state.word
        )
    }

    /// Over the baselines, the first parameter against each of the others. A ratio needs three of them that
    /// differ in both.
    private static func ratios(along baselines: [Assignment], of names: [String]) -> [Ratio] {
        guard let first = names.first else { return [] }
        return names.dropFirst().compactMap { name in
            let points = baselines.compactMap { baseline -> PowerLawFit.Point? in
                guard let x = baseline[first]?.number, let y = baseline[name]?.number else { return nil }
                return PowerLawFit.Point(x: x, y: y)
            }
            guard Set(points.map(\.x)).count >= 3, let fit = PowerLawFit(points) else { return nil }
            return Ratio(parameter: name, against: first, factor: fit.scale, exponent: fit.exponent)
        }
    }

    /// Block style down to the iterations; each metric or candidate is a flow mapping on a line of its own.
    var yaml: String {
        var lines = [
            "cost_metric: \(Self.flow(costMetric))", "baseline_config: \(Self.flow(baselineConfig))",
            "iterations:",
        ]
        for iteration in iterations {
            lines += [
                "  - iter: \(iteration.iter)", "    baseline_config: \(Self.flow(iteration.baseline))",
                "    baseline_metrics: \(Self.flow(iteration.baselineMetrics))", "    candidates:",
            ]
            lines += iteration.candidates.map { "      - \(Self.flow($0))" }
            lines += [
                "    chosen: \(Self.flow(iteration.chosen))", "    reason: \(Self.flow(iteration.reason))",
            ]
        }
        lines.append(ratios.isEmpty ? "ratios: []" : "ratios:")
        lines += ratios.map { "  - \(Self.flow($0))" }
        return lines.joined(separator: "\n") + "\n"
    }

    /// JSON is a flow of YAML 1.2.
    private static func flow(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let bytes = (try? encoder.encode(value)) ?? Data("null".utf8)
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension GrowthPath.Metrics {
    init(_ mean: Stage.Mean, steps: Int) {
        loss = mean.loss.value
        spread = mean.deviation
        score = tokenProbability(mean.loss)
        cost = mean.cost
        self.steps = steps
    }
}
