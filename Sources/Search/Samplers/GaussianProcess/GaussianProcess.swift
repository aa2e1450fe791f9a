/// A Gaussian process conditioned on points: the posterior of the loss anywhere (Rasmussen and Williams 2006,
/// algorithm 2.1).
struct GaussianProcess {
    let kernel: MaternKernel
    private(set) var points: ModelPoints
    private var targets: [Double]
    private var factor: Cholesky
    /// K⁻¹ · targets.
    private var weights: [Double] = []
    /// What is believed of each point that it learned from: its target less its share of noise.
    let believed: [Double]

    struct Prediction {
        let mean: Double
        /// Of the function, without noise; above 0.
        let variance: Double
    }

    init(_ kernel: MaternKernel, _ training: TrainingSet) {
        self.kernel = kernel
        points = training.points
        targets = training.targets
        let covariance = training.covariance(kernel.matrix(training.points).values, noise: kernel.noise)
        factor = Cholesky(covariance, count: training.count)
        weights = factor.solve(targets)
        believed = targets.indices.map { [targets, weights] in
            targets[$0] - (kernel.noise + training.variances[$0]) * weights[$0]
        }
    }

    /// Takes for granted that a trial at `point` will end as predicted ("kriging believer", Ginsbourger et al.
    /// 2010, section 4.2.2), so that the next is tried elsewhere.
    mutating func believe(in point: [Double]) {
        let target = prediction(at: point).mean
        points.append(point)
        let count = points.count
        var covariances = [Double](repeating: 0, count: count)
        covariances.withUnsafeMutableBufferPointer { covariances in
            point.withUnsafeBufferPointer { point in
                guard let covariances = covariances.baseAddress, let point = point.baseAddress else { return }
                kernel.fill(covariances, from: point, to: points, count: count)
            }
        }
        covariances[count - 1] += kernel.noise
        factor.append(covariances)
        targets.append(target)
        weights = factor.solve(targets)
    }
}

extension GaussianProcess {
    /// The posterior at eight points.
    /// - Parameters:
    ///   - rows: eight points, row-major.
    ///   - scratch: room for 9 numbers a point of the model.
    func predict(
        eight rows: UnsafePointer<Double>, scratch: UnsafeMutablePointer<Double>,
        _ results: UnsafeMutablePointer<Prediction>
    ) {
        let count = points.count
        let (row, block) = (scratch, scratch + count)
        let dimensions = points.kinds.count
        for lane in 0..<8 {
            kernel.fill(row, from: rows + lane * dimensions, to: points, count: count)
            for index in 0..<count { block[index * 8 + lane] = row[index] }
        }
        var (means, more) = (Lanes(), Lanes())
        for index in 0..<count {
            means += weights[index] * block.lanes(at: index * 8)
            more += weights[index] * block.lanes(at: index * 8 + 4)
        }
        factor.solveLower(eight: block)
        var (known, knownMore) = (Lanes(), Lanes())
        for index in 0..<count {
            let (left, right) = (block.lanes(at: index * 8), block.lanes(at: index * 8 + 4))
            known += left * left
            knownMore += right * right
        }
        for lane in 0..<4 {
            results[lane] = Prediction(mean: means[lane], variance: unknown(known[lane]))
            results[lane + 4] = Prediction(mean: more[lane], variance: unknown(knownMore[lane]))
        }
    }

    /// What is left of the prior's variance, never quite nothing.
    private func unknown(_ known: Double) -> Double {
        max(kernel.signal - known, 1e-10 * kernel.signal)
    }

    func prediction(at point: [Double]) -> Prediction {
        var slopes = Slopes(count: points.count, dimensions: points.kinds.count)
        return prediction(at: point, &slopes)
    }

    /// Room for the derivatives of a prediction, to be used again and again.
    struct Slopes {
        /// By the coordinates that are numbers; others stay 0.
        fileprivate(set) var mean: [Double]
        fileprivate(set) var variance: [Double]
        fileprivate var scratch: [Double]

        init(count: Int, dimensions: Int) {
            mean = [Double](repeating: 0, count: dimensions)
            variance = mean
            scratch = [Double](repeating: 0, count: 3 * count)
        }
    }

    /// The posterior at one point, and its derivatives.
    func prediction(at point: [Double], _ slopes: inout Slopes) -> Prediction {
        slopes.scratch.withUnsafeMutableBufferPointer { scratch in
            point.withUnsafeBufferPointer { point in
                guard let scratch = scratch.baseAddress, let point = point.baseAddress else {
                    return Prediction(mean: 0, variance: kernel.signal)
                }
                return predict(point, scratch, &slopes.mean, &slopes.variance)
            }
        }
    }

    private func predict(
        _ point: UnsafePointer<Double>, _ scratch: UnsafeMutablePointer<Double>, _ byMean: inout [Double],
        _ byVariance: inout [Double]
    ) -> Prediction {
        let count = points.count
        let (row, slopes, solved) = (scratch, scratch + count, scratch + 2 * count)
        kernel.fill(row, slopes: slopes, from: point, to: points, count: count)
        var mean = 0.0
        for index in 0..<count {
            mean += weights[index] * row[index]
            solved[index] = row[index]
        }
        factor.solveLower(solved)
        let known = dot(solved, solved, count)
        factor.solveUpper(solved)
        for index in 0..<count {
            row[index] = weights[index] * slopes[index]
            solved[index] *= slopes[index]
        }
        for (dimension, kind) in points.kinds.enumerated() where kind == .number {
            let (scale, x) = (2 * kernel.weights[dimension], point[dimension])
            byMean[dimension] = scale * points.sumOfDifferences(along: dimension, from: x, times: row)
            byVariance[dimension] =
                -2 * scale * points.sumOfDifferences(along: dimension, from: x, times: solved)
        }
        return Prediction(mean: mean, variance: unknown(known))
    }
}
