/// Finds the kernel under which a training set is most likely, weighed with priors: the maximum of the marginal
/// likelihood (Rasmussen and Williams 2006, equations 5.8 and 5.9) times the priors' densities.
struct KernelFit {
    let training: TrainingSet
    var prior = KernelPrior.optuna

    /// The noise's variance is above this: else two trials at nearly one place may contradict each other.
    static let leastNoise = 1e-6
    private static let iterations = 40

    /// The most likely kernel found from fixed starting values.
    func kernel() -> MaternKernel {
        let lengths = [Double](repeating: 0, count: training.points.kinds.count)
        var search = QuasiNewton()
        search.iterations = Self.iterations
        search.tolerance = 1e-2
        search.reach = 1
        let best = search.minimum(
            from: lengths + [0, log(1e-2)],
            low: lengths.map { _ in log(0.02) } + [log(0.02), log(Self.leastNoise)],
            high: lengths.map { _ in log(50) } + [log(50), log(2)], of: loss)
        return Self.kernel(at: best.point)
    }

    private static func kernel(at logarithms: [Double]) -> MaternKernel {
        let dimensions = logarithms.count - 2
        return MaternKernel(
            weights: logarithms[..<dimensions].map { exp(-2 * $0) }, signal: exp(logarithms[dimensions]),
            noise: exp(logarithms[dimensions + 1]))
    }

    /// Minus the logarithm of likelihood times prior, up to a constant, and its gradient.
    /// - Parameter logarithms: of the length scales, of the signal's variance and of the noise's.
    func loss(at logarithms: [Double], _ gradient: inout [Double]) -> Double {
        let kernel = Self.kernel(at: logarithms)
        let (count, dimensions) = (training.count, training.points.kinds.count)
        var (matrix, slopes) = kernel.matrix(training.points, slopes: true)
        let factor = Cholesky(training.covariance(matrix, noise: kernel.noise), count: count)
        let weights = factor.solve(training.targets)
        // K⁻¹ - K⁻¹ y (K⁻¹ y)ᵀ: twice the derivative of the loss by each entry of K.
        var sensitivity = factor.inverse()
        Self.subtractSquare(of: weights, from: &sensitivity)
        var (byNoise, bySignal) = (0.0, 0.0)
        for index in sensitivity.indices {
            bySignal += sensitivity[index] * matrix[index]
            slopes[index] *= sensitivity[index]
        }
        for index in 0..<count {
            let diagonal = sensitivity[Cholesky.start(of: index + 1) - 1]
            byNoise += 0.5 * diagonal
            bySignal -= 0.5 * diagonal * kernel.signal
        }
        for dimension in 0..<dimensions {
            gradient[dimension] = lengthSlope(dimension, slopes, kernel)
        }
        gradient[dimensions] = bySignal
        gradient[dimensions + 1] = byNoise * kernel.noise
        let penalty = prior.add(to: &gradient, at: kernel)
        let fit = zip(training.targets, weights).reduce(0) { $0 + $1.0 * $1.1 }
        let loss = 0.5 * (factor.logDeterminant + fit) + penalty
        return loss.isFinite ? loss : .infinity
    }

    /// Takes w wᵀ from a packed lower triangle.
    private static func subtractSquare(of w: [Double], from triangle: inout [Double]) {
        triangle.withUnsafeMutableBufferPointer { triangle in
            w.withUnsafeBufferPointer { w in
                guard let triangle = triangle.baseAddress, let base = w.baseAddress else { return }
                for index in w.indices {
                    add(-w[index], base, to: triangle + Cholesky.start(of: index), index + 1)
                }
            }
        }
    }

    /// The derivative by the logarithm of one length scale.
    /// - Parameter products: by pair of points, the derivative of the loss by the entry of K times that of the
    ///   entry by the squared scaled distance.
    private func lengthSlope(_ dimension: Int, _ products: [Double], _ kernel: MaternKernel) -> Double {
        products.withUnsafeBufferPointer { products in
            guard let products = products.baseAddress else { return 0 }
            var sum = 0.0
            for index in 0..<training.count {
                sum += training.points.sumOfSquares(
                    along: dimension, from: training.points[index, dimension],
                    times: products + Cholesky.start(of: index), count: index)
            }
            // The lower triangle stands for both, which takes the half away; weight = 1 / length².
            return -2 * kernel.weights[dimension] * sum
        }
    }
}

/// What is believed of a kernel beforehand: for each 1 / length² = w the density exp(-`long` / w - `short` w), Γ(2, 1)
/// for the signal's variance and Γ(1.1, 30) for the noise's, as in Optuna's GPSampler (its prior.py).
struct KernelPrior {
    /// How much is held against long length scales.
    let long: Double
    /// How much is held against short ones.
    let short: Double

    /// Length scales from a third of the range to three times its length are nearly as likely as each other.
    static let optuna = KernelPrior(long: 0.1, short: 0.1)
    /// From a sixth of the range to a little more than its length. A model that takes a few trials for all there is to
    /// see stays where it is: with this one regret is lower by 5 to 15 %, on functions in 5 and 10 dimensions, on tables
    /// and with choices (`Benchmarks/quality`).
    static let search = KernelPrior(long: 0.6, short: 0.03)

    /// Adds the gradient of minus the logarithm of the density by the logarithms of length scales, signal and
    /// noise.
    /// - Returns: minus the logarithm of the density, up to a constant.
    func add(to gradient: inout [Double], at kernel: MaternKernel) -> Double {
        let dimensions = kernel.weights.count
        var sum = 0.0
        for (dimension, weight) in kernel.weights.enumerated() {
            sum += long / weight + short * weight
            gradient[dimension] += 2 * long / weight - 2 * short * weight
        }
        gradient[dimensions] += kernel.signal - 1
        gradient[dimensions + 1] += 30 * kernel.noise - 0.1
        return sum + kernel.signal - log(kernel.signal) + 30 * kernel.noise - 0.1 * log(kernel.noise)
    }
}
