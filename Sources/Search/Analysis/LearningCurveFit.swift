/// y ≈ asymptote + scale · x^-rate: a learning curve that flattens out, with x the steps and y the loss.
public struct LearningCurveFit: Hashable, Codable, Sendable {
    public let asymptote: Double
    /// Above 0 where the curve falls.
    public let scale: Double
    /// From 0.02, nearly a logarithm, to 8, a cliff.
    public let rate: Double
    /// How many points were fitted.
    public let points: Int
    private let curve: RateProfile

    /// Robust least squares: by each rate a straight line in x^-rate, the rate with the least sum of squares
    /// (variable projection, Golub and Pereyra 1973), and over again with the weights of Huber's estimator
    /// (1981, section 7.8, with k = 1.345 of the spread by the median), until they settle.
    /// nil when undetermined: fewer than three different x, an x that is not above 0, a weight that is not,
    /// or a coordinate that is not finite.
    public init?(_ points: [PowerLawFit.Point]) {
        let isSound = points.allSatisfy { point in
            point.x > 0 && point.x.isFinite && point.y.isFinite && point.weight > 0 && point.weight.isFinite
        }
        guard isSound, Set(points.map(\.x)).count >= 3 else { return nil }
        var curve = RateProfile(points)
        for _ in 0..<30 where curve.reweigh() {}
        let best = curve.line(at: curve.rate)
        guard best.slope.isFinite, best.height(at: 0).isFinite else { return nil }
        asymptote = best.height(at: 0)
        scale = best.slope * exp(curve.rate * curve.shift)
        rate = curve.rate
        self.points = points.count
        self.curve = curve
    }

    /// The fitted y at `x`, above 0.
    public func callAsFunction(_ x: Double) -> Double {
        asymptote + scale * exp(-rate * log(x))
    }

    /// Where the curve itself lies at `x`, above 0; infinite for the asymptote. By profile likelihood over
    /// the rate, so it is as lopsided as the data leave it. nil below four points.
    public func interval(at x: Double, confidence: Double = 0.95) -> ClosedRange<Double>? {
        curve.interval(at: x, noise: 0, confidence: confidence)
    }

    /// Where one more observation of this `weight` would lie at `x`.
    public func predictionInterval(
        at x: Double, weight: Double = 1, confidence: Double = 0.95
    ) -> ClosedRange<Double>? {
        curve.interval(at: x, noise: 1 / weight, confidence: confidence)
    }
}

/// For each rate the best line in x^-rate, and its sum of squares.
private struct RateProfile: Hashable, Codable {
    private static let rates: [Double] = (0...80).map { 0.02 * exp(log(400) * Double($0) / 80) }
    private static let huber = 1.345

    /// Mean of log x: powers are taken of x over its geometric mean.
    let shift: Double
    private(set) var rate = 1.0
    private let logs: [Double]
    private let heights: [Double]
    /// As given, with a mean of 1.
    private let given: [Double]
    /// Shares of the given weights that outliers keep.
    private var shares: [Double]

    init(_ points: [PowerLawFit.Point]) {
        let raw = points.map { log($0.x) }
        let shift = raw.reduce(0, +) / Double(raw.count)
        let weight = points.reduce(0) { $0 + $1.weight } / Double(points.count)
        self.shift = shift
        logs = raw.map { $0 - shift }
        heights = points.map(\.y)
        given = points.map { $0.weight / weight }
        shares = points.map { _ in 1 }
        rate = bestRate()
    }

    struct Line {
        let meanX: Double
        let meanY: Double
        let slope: Double
        let spread: Double
        let weight: Double
        let squares: Double

        func height(at x: Double) -> Double { meanY + slope * (x - meanX) }

        func leverage(at x: Double) -> Double { 1 / weight + (x - meanX) * (x - meanX) / spread }
    }

    func line(at rate: Double) -> Line {
        let x = logs.map { exp(-rate * $0) }
        var (weight, sumX, sumY) = (0.0, 0.0, 0.0)
        for index in x.indices {
            let share = given[index] * shares[index]
            weight += share
            sumX += share * x[index]
            sumY += share * heights[index]
        }
        let (meanX, meanY) = (sumX / weight, sumY / weight)
        var (xx, xy, yy) = (0.0, 0.0, 0.0)
        for index in x.indices {
            let share = given[index] * shares[index]
            let (dx, dy) = (x[index] - meanX, heights[index] - meanY)
            xx += share * dx * dx
            xy += share * dx * dy
            yy += share * dy * dy
        }
        return Line(
            meanX: meanX, meanY: meanY, slope: xy / xx, spread: xx, weight: weight,
            squares: max(0, yy - xy * xy / xx))
    }

    /// The best of the table of rates, refined by golden section between its neighbours.
    private func bestRate() -> Double {
        let squares = Self.rates.map { line(at: $0).squares }
        let best = squares.indices.min { squares[$0] < squares[$1] } ?? 0
        var low = log(Self.rates[max(0, best - 1)])
        var high = log(Self.rates[min(squares.count - 1, best + 1)])
        let golden = (5.0.squareRoot() - 1) / 2
        for _ in 0..<40 {
            let (left, right) = (high - golden * (high - low), low + golden * (high - low))
            if line(at: exp(left)).squares <= line(at: exp(right)).squares {
                high = right
            } else {
                low = left
            }
        }
        return exp((low + high) / 2)
    }

    private func residuals() -> [Double] {
        let line = line(at: rate)
        return logs.indices.map { index in
            (heights[index] - line.height(at: exp(-rate * logs[index]))) * given[index].squareRoot()
        }
    }

    /// The bound beyond which a residual counts as an outlier's; 0 where most residuals are 0. The smallest
    /// three are left out: that many the curve could meet in any case.
    private static func bound(of residuals: [Double]) -> Double {
        let sizes = residuals.map { abs($0) }.sorted().dropFirst(3)
        return sizes.isEmpty ? 0 : 1.4826 * huber * sizes[sizes.startIndex + sizes.count / 2]
    }

    /// One round of weights and rate; false once they have settled.
    mutating func reweigh() -> Bool {
        let residuals = residuals()
        let bound = Self.bound(of: residuals)
        let next = residuals.map { abs($0) > bound && bound > 0 ? bound / abs($0) : 1 }
        let change = zip(next, shares).reduce(0) { max($0, abs($1.0 - $1.1)) }
        guard change > 1e-4 else { return false }
        shares = next
        rate = bestRate()
        return true
    }

    /// Variance of an observation of weight 1, in the scale of the weighted sums of squares (Huber 1981,
    /// section 7.6, with the correction for few points); nil without a degree of freedom.
    private var variance: Double? {
        guard logs.count > 3 else { return nil }
        let residuals = residuals()
        let kept = zip(residuals, shares).reduce(0) { $0 + ($1.0 * $1.1) * ($1.0 * $1.1) }
        let inside = Double(shares.count { $0 == 1 }) / Double(shares.count)
        let meanShare = shares.reduce(0, +) / Double(shares.count)
        let correction = (1 + 3 / Double(logs.count) * (1 - inside) / inside) / inside
        return meanShare * kept / Double(logs.count - 3) * correction * correction
    }

    /// The heights at `x` that some rate reaches with a sum of squares within the F bound of the least.
    func interval(at x: Double, noise: Double, confidence: Double) -> ClosedRange<Double>? {
        guard let variance else { return nil }
        let reach = StudentDistribution(degrees: logs.count - 3).reach(confidence)
        let bound = line(at: rate).squares + variance * reach * reach
        let meanShare = shares.reduce(0, +) / Double(shares.count)
        var (low, high) = (Double.infinity, -Double.infinity)
        for rate in rates(within: bound) {
            let line = line(at: rate)
            let power = exp(-rate * (log(x) - shift))
            let room = max(0, bound - line.squares) * (line.leverage(at: power) + noise / meanShare)
            low = min(low, line.height(at: power) - room.squareRoot())
            high = max(high, line.height(at: power) + room.squareRoot())
        }
        return low...high
    }

    /// 65 rates from the lowest to the highest around the best whose sum of squares is below `bound`.
    private func rates(within bound: Double) -> [Double] {
        let (first, last) = (edge(of: bound, towards: 0.02), edge(of: bound, towards: 8))
        return (0...64).map { first * exp(log(last / first) * Double($0) / 64) } + [rate]
    }

    private func edge(of bound: Double, towards end: Double) -> Double {
        guard line(at: end).squares > bound else { return end }
        var (inside, outside) = (log(rate), log(end))
        for _ in 0..<30 {
            let middle = (inside + outside) / 2
            if line(at: exp(middle)).squares > bound { outside = middle } else { inside = middle }
        }
        return exp(inside)
    }
}
