import FleetModel

/// The normal distribution that CMA-ES moves: mean + deviation · N(0, covariance).
struct CMAESDistribution: Sendable {
    let dimensions: Int
    let rates: CMAESRates
    var mean: [Double]
    private(set) var deviation: Double
    /// Row-major, symmetric.
    private(set) var covariance: [Double]
    private(set) var generation = 0
    /// Eigenvectors of the covariance, one a row, and the square roots of their eigenvalues.
    private var axes: [Double]
    private var lengths: [Double]
    private var stepPath: [Double]
    private var shapePath: [Double]

    init(mean: [Double], deviation: Double, population: Int) {
        dimensions = mean.count
        rates = CMAESRates(dimensions: max(1, mean.count), population: population)
        self.mean = mean
        self.deviation = deviation
        covariance = [Double](repeating: 0, count: mean.count * mean.count)
        for index in mean.indices { covariance[index * mean.count + index] = 1 }
        axes = covariance
        lengths = mean.map { _ in 1 }
        stepPath = mean.map { _ in 0 }
        shapePath = stepPath
    }

    /// The standard deviation of one coordinate.
    func deviation(of index: Int) -> Double {
        deviation * covariance[index * dimensions + index].squareRoot()
    }

    /// A step from the mean, in units of the deviation.
    func draw(using generator: inout SeededGenerator) -> [Double] {
        turnedBack(lengths.map { $0 * generator.normal() })
    }

    /// The standard normal vector that a step stands for.
    private func whitened(_ step: ArraySlice<Double>) -> [Double] {
        (0..<dimensions).map { row in
            let product = zip(axes[row * dimensions..<(row + 1) * dimensions], step).reduce(0) {
                $0 + $1.0 * $1.1
            }
            return product / lengths[row]
        }
    }

    /// Coordinates along the eigenvectors, as coordinates of the space.
    private func turnedBack(_ along: [Double]) -> [Double] {
        var step = [Double](repeating: 0, count: dimensions)
        for row in 0..<dimensions {
            for column in 0..<dimensions { step[column] += axes[row * dimensions + column] * along[row] }
        }
        return step
    }

    /// Learns from a generation.
    /// - Parameters:
    ///   - steps: from the mean, in units of the deviation: one row a trial, the best first.
    ///   - weights: one a trial, as `rates` has them, evened out over ties.
    mutating func update(_ steps: [Double], weights: [Double]) {
        generation += 1
        var steps = steps
        var white: [Double] = []
        for row in weights.indices { white += shorten(&steps, row) }
        var (move, whiteMove) = (mean.map { _ in 0.0 }, mean.map { _ in 0.0 })
        for (row, weight) in weights.enumerated() where weight > 0 {
            for index in 0..<dimensions {
                move[index] += weight * steps[row * dimensions + index]
                whiteMove[index] += weight * white[row * dimensions + index]
            }
        }
        for index in 0..<dimensions { mean[index] += deviation * move[index] }
        let isSteady = extendPaths(move, whiteMove)
        adapt(steps, scaled(weights, white), isSteady)
        decompose()
    }

    /// Trials that were not drawn from this distribution count at most as far away as one in it may be
    /// (Hansen 2011, "Injecting external solutions into CMA-ES", equation 2).
    /// - Returns: the step of that row as a standard normal vector.
    private func shorten(_ steps: inout [Double], _ row: Int) -> [Double] {
        let range = row * dimensions..<(row + 1) * dimensions
        let white = whitened(steps[range])
        let length = white.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let d = Double(dimensions)
        let bound = d.squareRoot() + 2 * d / (d + 2)
        guard length > bound else { return white }
        for index in range { steps[index] *= bound / length }
        return white.map { $0 * bound / length }
    }

    /// - Returns: false while the step path is so long that the shape had better wait.
    private mutating func extendPaths(_ move: [Double], _ whiteMove: [Double]) -> Bool {
        let turned = turnedBack(whiteMove)
        let keep = 1 - rates.stepPath
        let gain = (rates.stepPath * (2 - rates.stepPath) * rates.selected).squareRoot()
        for index in stepPath.indices { stepPath[index] = keep * stepPath[index] + gain * turned[index] }
        let length = stepPath.reduce(0) { $0 + $1 * $1 }.squareRoot()
        deviation *= exp(min(1, rates.stepPath / rates.damping * (length / rates.length - 1)))
        let settled = 1 - exp(2 * Double(generation + 1) * log(keep))
        let isSteady =
            length / settled.squareRoot() < (1.4 + 2 / (Double(dimensions) + 1)) * rates.length
        let shapeGain =
            isSteady ? (rates.shapePath * (2 - rates.shapePath) * rates.selected).squareRoot() : 0
        for index in shapePath.indices {
            shapePath[index] = (1 - rates.shapePath) * shapePath[index] + shapeGain * move[index]
        }
        return isSteady
    }

    /// Weights below 0 shrink with the length of their step, so that the covariance stays positive.
    private func scaled(_ weights: [Double], _ white: [Double]) -> [Double] {
        weights.enumerated().map { row, weight in
            guard weight < 0 else { return weight }
            let squares = white[row * dimensions..<(row + 1) * dimensions].reduce(0) { $0 + $1 * $1 }
            return weight * Double(dimensions) / max(squares, 1e-12)
        }
    }

    private mutating func adapt(_ steps: [Double], _ weights: [Double], _ isSteady: Bool) {
        let missing = isSteady ? 0 : rates.rankOne * rates.shapePath * (2 - rates.shapePath)
        let keep = 1 + missing - rates.rankOne - rates.rankMany * weightSum
        let (d, rankOne, rankMany, path) = (dimensions, rates.rankOne, rates.rankMany, shapePath)
        covariance.withUnsafeMutableBufferPointer { covariance in
            for i in 0..<d {
                for j in 0...i {
                    var sum = 0.0
                    for row in weights.indices {
                        sum += weights[row] * steps[row * d + i] * steps[row * d + j]
                    }
                    let value = keep * covariance[i * d + j] + rankOne * path[i] * path[j] + rankMany * sum
                    covariance[i * d + j] = value
                    covariance[j * d + i] = value
                }
            }
        }
    }

    private var weightSum: Double { rates.weights.reduce(0, +) }

    private mutating func decompose() {
        let eigen = SymmetricEigen(covariance, order: dimensions)
        axes = eigen.vectors
        lengths = eigen.values.map { max($0, 1e-40).squareRoot() }
    }

    /// Keeps the widest coordinate below `bound`.
    mutating func limit(to bound: Double) {
        let widest = (0..<dimensions).reduce(0) { max($0, deviation(of: $1)) }
        if widest > bound { deviation *= bound / widest }
    }

    /// Whether no progress can be expected: all coordinates narrower than `width`, the shape degenerate, or
    /// no longer finite.
    func isSpent(below width: Double) -> Bool {
        let (longest, shortest) = lengths.reduce((0.0, Double.infinity)) { (max($0.0, $1), min($0.1, $1)) }
        guard deviation.isFinite, longest.isFinite, mean.allSatisfy(\.isFinite) else { return true }
        return deviation * longest < width || longest > 1e7 * shortest
    }
}
