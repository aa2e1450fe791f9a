import FleetModel

/// A small Gaussian process over forecasts of losses at the end (`RungForecasts`). It tells the candidates of
/// `TPESampler` apart where there are rungs, as `RankProcess` does where there are none: by the improvement to
/// be expected on the lowest loss that it believes in.
///
/// A forecast says less about a place than a loss at the end. It counts as a measurement whose noise is such that,
/// together with what is known of any trial beforehand, it comes to the forecast's variance: one that says nothing
/// has endless noise. Nothing is fitted, and at most `most` trials are looked at.
struct EndProcess {
    private static let most = 80
    /// Beside those whose forecasts are lowest, a third are those that came furthest.
    private static let lowest = 53
    /// Of the distance across the unit cube.
    private static let length = 0.25
    private static let noise = 0.02

    private var posterior: PlacePosterior
    private let improvement: LogImprovement

    /// nil with fewer than three trials that keep the study's constraints.
    /// - Parameter running: indices of trials of which nothing is known: believed to come out as predicted.
    init?(_ history: History, _ columns: PlaceColumns, _ forecasts: RungForecasts, running: [Int]) {
        let known = forecasts.ends.filter { $0.violation == 0 }
        guard known.count >= 3, let warp = Warp(known.map(\.loss)) else { return nil }
        let chosen = Self.chosen(of: known)
        let scale = warp.deviation * warp.deviation
        let average = known.reduce(0) { $0 + $1.loss } / Double(known.count)
        let before =
            known.reduce(0) {
                $0 + ($1.loss - average) * ($1.loss - average) + $1.variance
            } / Double(known.count)
        let measured = chosen.map { end in
            let (target, noise) = Self.measurement(
                warp.target(of: end.loss), variance: end.variance / scale,
                before: max(before / scale, 1e-9))
            return PlacePosterior.Measurement(row: history.row(end.trial), target: target, noise: noise)
        }
        let sum = measured.reduce(0) { $0 + 1 / (0.3 + $1.noise) }
        let mean = measured.reduce(0) { $0 + $1.target / (0.3 + $1.noise) } / sum
        posterior = PlacePosterior(columns, length: Self.length, mean: mean, measured)
        improvement = LogImprovement(incumbent: posterior.believed.min() ?? 0)
        for index in running.suffix(Self.most) { posterior.believe(history.row(index), noise: Self.noise) }
    }

    /// In the order of proposal.
    private static func chosen(of known: [RungForecasts.Forecast]) -> [RungForecasts.Forecast] {
        let low = known.first(lowest) { $0.isLower(than: $1) }
        guard let last = low.last else { return [] }
        let furthest = known.lazy.filter { last.isLower(than: $0) }.first(most - lowest) {
            ($0.levels, $0.trial) > ($1.levels, $1.trial)
        }
        return (low + furthest).sorted { $0.trial < $1.trial }
    }

    /// - Parameters:
    ///   - variance: of the forecast.
    ///   - before: of the end of any trial.
    private static func measurement(
        _ forecast: Double, variance: Double, before: Double
    ) -> (target: Double, noise: Double) {
        guard variance > 1e-9 else { return (forecast, noise) }
        let precision = max(1 / variance - 1 / before, 1e-3 / before)
        guard precision.isNormal else { return (0, noise + 100) }
        let target = (forecast / variance / precision).clamped(to: -4...4)
        return (target, noise + min(100, 1 / precision))
    }

    /// The logarithm of the expected improvement.
    func logImprovement(at row: [Double]) -> Double {
        let known = posterior.at(row)
        return improvement.at(mean: known.mean, deviation: known.deviation).value
    }
}

extension RungForecasts.Forecast {
    /// The earlier trial is lower of two that are equal.
    fileprivate func isLower(than other: Self) -> Bool { (loss, trial) < (other.loss, other.trial) }
}
