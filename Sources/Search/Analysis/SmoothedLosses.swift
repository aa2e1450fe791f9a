public import FleetModel

/// A smooth surface through the losses of a stage: a Gaussian process on the places of its trials (logarithms
/// on log axes), fitted as `GPSampler` fits it, with the noise of a single loss beside it. Earlier stages lend
/// it their shape, each with a level of its own.
public struct SmoothedLosses {
    private let process: GaussianProcess
    private let warp: Warp
    private let coordinates: Coordinates
    private let history: History
    /// The standard deviation of a single loss around the surface, in the losses' own unit.
    public let noise: Double

    /// Trials that must have completed, beside one for each dimension.
    private static let fewest = 3

    /// nil where too few trials have completed for a surface to be told from noise: fewer than 3 more than there
    /// are parameters. Those that break the study's constraints do not count.
    public init?(_ history: History) {
        let losses = history.trials.filter(\.isFeasible).compactMap { trial -> Double? in
            if case .complete(let losses) = trial.result, losses.count == 1 { losses[0].value } else { nil }
        }
        guard losses.count >= Self.fewest + history.dimensions else { return nil }
        coordinates = Coordinates(history)
        let training = TrainingSet(
            history, kinds: coordinates.kinds, ended: history.ended.count, running: false, blend: nil)
        guard let warp = training.openWarp else { return nil }
        let kernel = KernelFit(training: training.limited(to: 160)).kernel()
        process = GaussianProcess(kernel, training.limited(to: 500))
        noise = kernel.noise.squareRoot() * warp.deviation
        self.warp = warp
        self.history = history
    }

    /// The surface where trial `index` of the history stands; nil where it has no value.
    public func loss(of index: Int) -> Double? {
        loss(at: Array(history.row(index)))
    }

    /// The surface at any assignment of the history's space; nil where its value is beyond all numbers.
    public func loss(at assignment: Assignment) -> Double? {
        loss(at: history.places(of: assignment))
    }

    private func loss(at row: [Double]) -> Double? {
        let loss = warp.loss(of: process.prediction(at: coordinates.modelPoint(row)).mean)
        return loss.isFinite ? loss : nil
    }
}
