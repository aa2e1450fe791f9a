import FleetModel

/// One loss out of several by a random weighing, another for each proposal (Knowles 2006, ParEGO, equation 2):
/// the worst of the weighted objectives and a little of their sum. So proposals spread along the Pareto front.
struct Tchebycheff {
    private let weights: [Double]
    private let lowest: [Double]
    /// 1 / (median - lowest).
    private let scales: [Double]

    /// nil with one objective, or none known yet.
    init?(_ history: History, using generator: inout SeededGenerator) {
        let feasible = history.trials.filter(\.isFeasible).compactMap(\.completeLosses)
        // Where all break a constraint their losses give at least the scales.
        let complete = feasible.isEmpty ? history.trials.compactMap(\.completeLosses) : feasible
        guard let objectives = complete.first?.count, objectives > 1 else { return nil }
        // Uniform on the simplex: gaps between sorted uniform draws, here as normalised exponentials.
        let draws = (0..<objectives).map { _ in -log(1 - generator.unit()) }
        let total = draws.reduce(0, +)
        weights = draws.map { $0 / total }
        let columns = (0..<objectives).map { index in
            complete.compactMap { $0.count > index ? $0[index] : nil }
        }
        lowest = columns.map { $0.min() ?? 0 }
        scales = zip(columns, lowest).map { column, lowest in
            let range = (column.median ?? lowest) - lowest
            return range > 0 ? 1 / range : 1
        }
    }

    func loss(_ losses: [Loss]) -> Double {
        var (worst, sum) = (-Double.infinity, 0.0)
        for index in weights.indices where index < losses.count {
            let term = weights[index] * (losses[index].value - lowest[index]) * scales[index]
            worst = max(worst, term)
            sum += term
        }
        return worst + 0.05 * sum
    }
}

extension Observation {
    fileprivate var completeLosses: [Double]? {
        if case .complete(let losses) = result { losses.map(\.value) } else { nil }
    }
}
