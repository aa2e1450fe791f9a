/// What a Gaussian process with a `PlaceKernel` believes of places (Rasmussen and Williams 2006, algorithm 2.1). Nothing
/// is fitted.
struct PlacePosterior {
    struct Measurement {
        let row: ArraySlice<Double>
        let target: Double
        /// Its variance, in units of the kernel's.
        let noise: Double
    }

    private var kernel: PlaceKernel
    private var factor = Cholesky()
    /// By measurement: K⁻¹ (target − mean).
    private let weights: [Double]
    private let mean: Double
    /// What is believed of each measurement: its target less its share of noise.
    let believed: [Double]

    /// - Parameters:
    ///   - length: of the distance across the unit cube.
    ///   - mean: what is believed far from all measurements.
    init(_ columns: PlaceColumns, length: Double, mean: Double, _ measured: [Measurement]) {
        self.mean = mean
        kernel = PlaceKernel(columns, length: length)
        for one in measured { factor.append(kernel.append(one.row, noise: one.noise)) }
        weights = factor.solve(measured.map { $0.target - mean })
        believed = zip(measured, weights).map { $0.target - $0.noise * $1 }
    }

    /// Takes a row to be measured as it is predicted: that lowers the uncertainty around it and nothing else (kriging
    /// believer, Ginsbourger et al. 2010).
    mutating func believe(_ row: ArraySlice<Double>, noise: Double) {
        factor.append(kernel.append(row, noise: noise))
    }

    func at(_ row: [Double]) -> (mean: Double, deviation: Double) {
        var covariances = kernel.covariances(with: row)
        var target = mean
        for (weight, covariance) in zip(weights, covariances) { target += weight * covariance }
        let variance = covariances.withUnsafeMutableBufferPointer { known in
            guard let base = known.baseAddress else { return 1.0 }
            factor.solveLower(base)
            return 1 - dot(base, base, known.count)
        }
        return (target, max(variance, 1e-6).squareRoot())
    }
}
