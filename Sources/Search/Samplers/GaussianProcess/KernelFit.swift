/// Finds the kernel under which the targets are most likely, weighed with priors: the maximum of the marginal
/// likelihood (Rasmussen and Williams 2006, equations 5.8 and 5.9) times the priors of the parameters'
/// logarithms.
struct KernelFit {
    let points: ModelPoints
    let targets: [Double]
    /// How many times the kernel's noise each target has.
    let noise: [Double]
    var iterations = 40

    /// The most likely kernel, from fixed starting values.
    func kernel() -> MaternKernel {
        let dimensions = points.kinds.count
        let lengths = prior.lengthMode
        let start = [Double](repeating: lengths, count: dimensions) + [0, log(1e-2)]
        let low = [Double](repeating: log(0.02), count: dimensions) + [log(0.02), log(Self.leastNoise)]
        let high = [Double](repeating: log(50), count: dimensions) + [log(50), log(2)]
        var search = QuasiNewton()
        search.iterations = iterations
        search.tolerance = 1e-2
        search.reach = 1
        let best = search.minimum(from: start, low: low, high: high) { point, gradient in
            loss(at: point, &gradient)
        }
        return Self.kernel(at: best.point)
    }

    static let leastNoise = 1e-6

    private var prior: Prior { Prior(dimensions: points.kinds.count) }

    static func kernel(at logarithms: [Double]) -> MaternKernel {
        let dimensions = logarithms.count - 2
        return MaternKernel(
            weights: logarithms[..<dimensions].map { exp(-2 * $0) }, signal: exp(logarithms[dimensions]),
            noise: exp(logarithms[dimensions + 1]))
    }

    /// Minus the logarithm of likelihood times prior, up to a constant, and its gradient.
    /// - Parameter logarithms: of the length scales, of the signal's variance and of the noise's.
    func loss(at logarithms: [Double], _ gradient: inout [Double]) -> Double {
        let kernel = Self.kernel(at: logarithms)
        let (count, dimensions) = (points.count, points.kinds.count)
        var (matrix, slopes) = kernel.matrix(points, slopes: true)
        for index in 0..<count { matrix[Cholesky.start(of: index + 1) - 1] += kernel.noise * noise[index] }
        let factor = Cholesky(matrix, count: count)
        let weights = factor.solve(targets)
        let fit = zip(targets, weights).reduce(0) { $0 + $1.0 * $1.1 }
        // Twice the derivative of the loss by each entry of the lower triangle.
        var sensitivity = factor.inverse()
        sensitivity.withUnsafeMutableBufferPointer { sensitivity in
            weights.withUnsafeBufferPointer { weights in
                guard let sensitivity = sensitivity.baseAddress, let weights = weights.baseAddress else { return }
                for index in 0..<count {
                    add(-weights[index], weights, to: sensitivity + Cholesky.start(of: index), index + 1)
                }
            }
        }
        var byNoise = 0.0
        for index in 0..<count { byNoise += sensitivity[Cholesky.start(of: index + 1) - 1] * noise[index] }
        // All entries scale with the signal, and tr(K⁻¹ K) is the count.
        let bySignal = (Double(count) - fit) - byNoise * kernel.noise
        for index in slopes.indices { slopes[index] *= sensitivity[index] }
        let byLength = lengthGradient(slopes, kernel)
        for dimension in 0..<dimensions { gradient[dimension] = byLength[dimension] }
        gradient[dimensions] = 0.5 * bySignal
        gradient[dimensions + 1] = 0.5 * byNoise * kernel.noise
        let penalty = prior.add(to: &gradient, at: logarithms)
        let loss = 0.5 * (factor.logDeterminant + fit) + penalty
        return loss.isFinite ? loss : .infinity
    }

    /// Σ over pairs of products · squared distance, as a derivative by the logarithm of each length scale.
    private func lengthGradient(_ products: [Double], _ kernel: MaternKernel) -> [Double] {
        products.withUnsafeBufferPointer { products in
            guard let base = products.baseAddress else { return [] }
            return points.kinds.indices.map { dimension in
                var sum = 0.0
                for index in 1..<max(points.count, 1) {
                    let coordinate = points.withColumn(dimension) { $0[index] }
                    sum += points.sumOfSquares(
                        along: dimension, from: coordinate, times: base + Cholesky.start(of: index),
                        count: index)
                }
                // The lower triangle stands for both: 2 · ½; and d weight / d log length = -2 weight.
                return -2 * kernel.weights[dimension] * sum
            }
        }
    }
}

/// Priors of the kernel's parameters.
struct Prior {
    let dimensions: Int

    var lengthMode: Double { Knobs.v[0] + Knobs.v[1] * log(Double(dimensions)) }
    var lengthSpread: Double { Knobs.v[2] }

    /// Adds the gradient of minus the logarithm of the density, and returns that.
    func add(to gradient: inout [Double], at logarithms: [Double]) -> Double {
        var sum = 0.0
        for index in 0..<dimensions {
            let z = (logarithms[index] - lengthMode) / lengthSpread
            sum += 0.5 * z * z
            gradient[index] += z / lengthSpread
        }
        // Signal
        let zs = (logarithms[dimensions] - Knobs.v[3]) / Knobs.v[4]
        sum += 0.5 * zs * zs
        gradient[dimensions] += zs / Knobs.v[4]
        let zn = (logarithms[dimensions + 1] - Knobs.v[5]) / Knobs.v[6]
        sum += 0.5 * zn * zn
        gradient[dimensions + 1] += zn / Knobs.v[6]
        return sum
    }
}
