/// Forecasts of losses at the end (`RungForecasts`) as a Gaussian process takes them: of at most `most` trials.
///
/// A forecast says less about a place than a loss at the end. It counts as a measurement whose noise is such that,
/// together with what is known of any trial beforehand, it comes to the forecast's variance: one that says nothing
/// has endless noise.
struct EndMeasurements {
    struct Measurement {
        /// Its index in the history.
        let trial: Int
        /// Warped.
        let target: Double
        /// Beyond what losses at the end have: a variance, of targets.
        let noise: Double
    }

    static let most = 80
    /// Beside those whose forecasts are lowest, a third are those that came furthest.
    private static let lowest = 53

    /// In the order of proposal; at least three.
    let measured: [Measurement]
    /// The lowest and the highest forecast of all trials that keep the study's constraints, warped.
    let best: Double
    let worst: Double
    let warp: Warp

    /// nil with fewer than three trials that keep the study's constraints.
    init?(_ forecasts: RungForecasts) {
        let known = forecasts.ends.filter { $0.violation == 0 }
        guard known.count >= 3, let warp = Warp(known.map(\.loss)) else { return nil }
        let scale = warp.deviation * warp.deviation
        let average = known.reduce(0) { $0 + $1.loss } / Double(known.count)
        let before =
            known.reduce(0) {
                $0 + ($1.loss - average) * ($1.loss - average) + $1.variance
            } / Double(known.count)
        measured = Self.chosen(of: known).map { end in
            let (target, noise) = Self.measurement(
                warp.target(of: end.loss), variance: end.variance / scale,
                before: max(before / scale, 1e-9))
            return Measurement(trial: end.trial, target: target, noise: noise)
        }
        let targets = known.map { warp.target(of: $0.loss) }
        (best, worst) = (targets.min() ?? 0, targets.max() ?? 0)
        self.warp = warp
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
        guard variance > 1e-9 else { return (forecast, 0) }
        let precision = max(1 / variance - 1 / before, 1e-3 / before)
        guard precision.isNormal else { return (0, 100) }
        let target = (forecast / variance / precision).clamped(to: -4...4)
        return (target, min(100, 1 / precision))
    }
}

extension RungForecasts.Forecast {
    /// The earlier trial is lower of two that are equal.
    fileprivate func isLower(than other: Self) -> Bool { (loss, trial) < (other.loss, other.trial) }
}
