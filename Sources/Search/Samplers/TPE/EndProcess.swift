import FleetModel

/// A small Gaussian process over forecasts of losses at the end (`EndMeasurements`). It tells the candidates of
/// `TPESampler` apart where there are rungs, as `RankProcess` does where there are none: by the improvement to
/// be expected on the lowest loss that it believes in. Nothing is fitted.
struct EndProcess {
    /// Of the distance across the unit cube.
    private static let length = 0.25
    private static let noise = 0.02

    private var posterior: PlacePosterior
    private let improvement: LogImprovement

    /// nil where too little is known.
    /// - Parameter running: indices of trials of which nothing is known: believed to come out as predicted.
    init?(_ history: History, _ columns: PlaceColumns, _ forecasts: RungForecasts, running: [Int]) {
        guard let ends = EndMeasurements(forecasts) else { return nil }
        let measured = ends.measured.map {
            PlacePosterior.Measurement(
                row: history.row($0.trial), target: $0.target, noise: Self.noise + $0.noise)
        }
        let sum = measured.reduce(0) { $0 + 1 / (0.3 + $1.noise) }
        let mean = measured.reduce(0) { $0 + $1.target / (0.3 + $1.noise) } / sum
        posterior = PlacePosterior(columns, length: Self.length, mean: mean, measured)
        improvement = LogImprovement(incumbent: posterior.believed.min() ?? 0)
        for index in running.suffix(EndMeasurements.most) {
            posterior.believe(history.row(index), noise: Self.noise)
        }
    }

    /// The logarithm of the expected improvement.
    func logImprovement(at row: [Double]) -> Double {
        let known = posterior.at(row)
        return improvement.at(mean: known.mean, deviation: known.deviation).value
    }
}
