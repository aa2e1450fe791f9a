/// A Gaussian process conditioned on points: the posterior of the loss anywhere.
struct GaussianProcess {
    let kernel: MaternKernel
    private(set) var points: ModelPoints
    private(set) var targets: [Double]
    /// The mean of the prior.
    let mean: Double
    private var factor: Cholesky
    /// K⁻¹ (targets - mean).
    private var weights: [Double] = []

    struct Prediction {
        let mean: Double
        let variance: Double
    }

    /// - Parameters:
    ///   - noise: how many times the kernel's noise each target has.
    init(
        _ kernel: MaternKernel, _ points: ModelPoints, targets: [Double], noise: [Double], mean: Double
    ) {
        self.kernel = kernel
        self.points = points
        self.targets = targets
        self.mean = mean
        var matrix = kernel.matrix(points).values
        for index in 0..<points.count {
            matrix[Cholesky.start(of: index + 1) - 1] += kernel.noise * noise[index]
        }
        factor = Cholesky(matrix, count: points.count)
        weights = factor.solve(targets.map { $0 - mean })
    }

    /// One point more, as if its loss were known.
    mutating func append(_ row: some Sequence<Double>, target: Double, noise: Double) {
        points.append(row)
        let count = points.count
        var covariances = [Double](repeating: 0, count: count)
        covariances.withUnsafeMutableBufferPointer { covariances in
            points.point(count - 1).withUnsafeBufferPointer { point in
                guard let covariances = covariances.baseAddress, let point = point.baseAddress else { return }
                kernel.fill(covariances, from: point, to: points, count: count)
            }
        }
        covariances[count - 1] += kernel.noise * noise
        factor.append(covariances)
        targets.append(target)
        weights = factor.solve(targets.map { $0 - mean })
    }

    /// The posterior of the noiseless loss at eight points.
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
        var (means, more) = (Lanes(repeating: mean), Lanes(repeating: mean))
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
            results[lane] = Prediction(mean: means[lane], variance: bounded(known[lane]))
            results[lane + 4] = Prediction(mean: more[lane], variance: bounded(knownMore[lane]))
        }
    }

    /// What is left of the prior's variance, never quite nothing.
    private func bounded(_ known: Double) -> Double {
        max(kernel.signal - known, 1e-10 * kernel.signal)
    }

    /// The posterior at one point, and the derivatives of its mean and variance by each coordinate that is a
    /// number.
    /// - Parameter scratch: room for 3 numbers a point of the model.
    func predict(
        _ point: UnsafePointer<Double>, scratch: UnsafeMutablePointer<Double>,
        meanSlopes: UnsafeMutablePointer<Double>, varianceSlopes: UnsafeMutablePointer<Double>
    ) -> Prediction {
        let count = points.count
        let (row, slopes, solved) = (scratch, scratch + count, scratch + 2 * count)
        kernel.fill(row, slopes: slopes, from: point, to: points, count: count)
        let mean = weights.withUnsafeBufferPointer { weights in
            weights.baseAddress.map { self.mean + dot($0, row, count) } ?? self.mean
        }
        for index in 0..<count { solved[index] = row[index] }
        factor.solveLower(solved)
        let known = dot(solved, solved, count)
        factor.solveUpper(solved)
        for index in 0..<count {
            row[index] = weights[index] * slopes[index]
            solved[index] *= slopes[index]
        }
        for dimension in points.kinds.indices where points.kinds[dimension] == .number {
            let scale = 2 * kernel.weights[dimension]
            let x = point[dimension]
            meanSlopes[dimension] =
                scale * points.sumOfDifferences(along: dimension, from: x, times: row)
            varianceSlopes[dimension] =
                -2 * scale * points.sumOfDifferences(along: dimension, from: x, times: solved)
        }
        return Prediction(mean: mean, variance: bounded(known))
    }
}
