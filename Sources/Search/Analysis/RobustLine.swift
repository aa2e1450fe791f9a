import FleetModel

/// Straight lines over the same places, by Huber's estimator (1981, section 7.8), and how far such a line may
/// be off.
///
/// An estimate that moves and stretches with its data has errors whose distribution, in units of its own
/// standard error, depends on the places and weights alone. So the bootstrap is drawn once for all lines over
/// the same places: normal errors around a line of zeros, fitted like the data (Davison and Hinkley 1997,
/// section 6.2). Its quantiles are right for few points too, where those of a resampling are too narrow.
package struct LineDesign: Hashable, Sendable {
    static let draws = 1999
    private static let huber = 1.345

    let places: [Double]
    /// With a mean of 1.
    let weights: [Double]
    let middle: Double
    /// Sum of the weighted squares of place - middle.
    let spread: Double
    private let pivots: [Pivot]
    /// Errors of the slope in units of the spread of the errors seen, without sign, rising.
    private let slopes: [Double]

    /// One draw of the bootstrap: how far a fit was off, the size of the errors that it saw, and another error.
    private struct Pivot: Hashable {
        let line: RobustLine
        let next: Double
    }

    /// nil below three points, or where all stand in one place.
    package init?(places: [Double], weights: [Double]) {
        let total = weights.reduce(0, +)
        let middle = zip(places, weights).reduce(0) { $0 + $1.0 * $1.1 } / total
        let normal = weights.map { $0 * Double(weights.count) / total }
        let spread = zip(places, normal).reduce(0) { $0 + ($1.0 - middle) * ($1.0 - middle) * $1.1 }
        guard places.count >= 3, spread > 1e-12 else { return nil }
        self.init(places: places, weights: normal, middle: middle, spread: spread, pivots: [])
        var generator = SeededGenerator(seed: 0x6c61_7773)
        let pivots = (0..<Self.draws).map { _ in
            let errors = normal.map { generator.normal() / $0.squareRoot() }
            return Pivot(line: fit(errors), next: generator.normal())
        }
        self.init(places: places, weights: normal, middle: middle, spread: spread, pivots: pivots)
    }

    private init(
        places: [Double], weights: [Double], middle: Double, spread: Double, pivots: [Pivot]
    ) {
        self.places = places
        self.weights = weights
        self.middle = middle
        self.spread = spread
        self.pivots = pivots
        slopes = pivots.map { abs($0.line.slope) / $0.line.error }.sorted()
    }

    /// The line through these heights.
    package func fit(_ heights: [Double]) -> RobustLine {
        var shares = places.map { _ in 1.0 }
        var line = leastSquares(heights, shares)
        for _ in 0..<30 {
            let residuals = residuals(of: heights, from: line)
            let bound = Self.bound(of: residuals)
            let next = residuals.map { abs($0) > bound && bound > 0 ? bound / abs($0) : 1 }
            let change = zip(next, shares).reduce(0) { max($0, abs($1.0 - $1.1)) }
            guard change > 1e-3 else { break }
            shares = next
            line = leastSquares(heights, shares)
        }
        return RobustLine(
            level: line.level, slope: line.slope,
            error: error(of: residuals(of: heights, from: line), shares))
    }

    private func residuals(of heights: [Double], from line: RobustLine) -> [Double] {
        places.indices.map { index in
            (heights[index] - line.level - line.slope * (places[index] - middle))
                * weights[index].squareRoot()
        }
    }

    private func leastSquares(_ heights: [Double], _ shares: [Double]) -> RobustLine {
        var (weight, sumX, sumY) = (0.0, 0.0, 0.0)
        for index in places.indices {
            let share = weights[index] * shares[index]
            weight += share
            sumX += share * (places[index] - middle)
            sumY += share * heights[index]
        }
        let (meanX, meanY) = (sumX / weight, sumY / weight)
        var (xx, xy) = (0.0, 0.0)
        for index in places.indices {
            let share = weights[index] * shares[index]
            let x = places[index] - middle - meanX
            xx += share * x * x
            xy += share * x * (heights[index] - meanY)
        }
        let slope = xx > 0 ? xy / xx : 0
        return RobustLine(level: meanY - slope * meanX, slope: slope, error: 0)
    }

    /// Beyond it a residual counts as an outlier's. The two smallest are left out: so many a line could meet in
    /// any case.
    private static func bound(of residuals: [Double]) -> Double {
        let sizes = residuals.map { abs($0) }.sorted().dropFirst(2)
        return sizes.isEmpty ? 0 : 1.4826 * huber * sizes[sizes.startIndex + sizes.count / 2]
    }

    /// Standard deviation of an observation of weight 1 (Huber 1981, section 7.6). Never below 1e-9: what is
    /// smaller is rounding, and no evidence of anything.
    private func error(of residuals: [Double], _ shares: [Double]) -> Double {
        let kept = zip(residuals, shares).reduce(0) { $0 + ($1.0 * $1.1) * ($1.0 * $1.1) }
        let inside = Double(shares.count { $0 == 1 }) / Double(shares.count)
        return max(1e-9, (kept / Double(places.count - 2)).squareRoot() / max(inside, 0.25))
    }

    /// How far the slope may be off with this `confidence`.
    package func slopeReach(_ line: RobustLine, _ confidence: Double) -> Double {
        line.error * Self.quantile(confidence, of: slopes)
    }

    /// How far the line at `place` may be off, or, with a `weight`, from one more observation there.
    package func reach(
        _ line: RobustLine, at place: Double, weight: Double? = nil, _ confidence: Double
    ) -> Double {
        let distance = place - middle
        let sizes = pivots.map { pivot in
            let next = weight.map { pivot.next / $0.squareRoot() } ?? 0
            return abs(pivot.line.level + pivot.line.slope * distance - next) / pivot.line.error
        }
        return line.error * Self.quantile(confidence, of: sizes.sorted())
    }

    private static func quantile(_ share: Double, of sizes: [Double]) -> Double {
        sizes[min(sizes.count - 1, Int((share * Double(sizes.count + 1)).rounded(.up)) - 1)]
    }
}

/// A line by its height in the middle of its points.
package struct RobustLine: Hashable, Sendable {
    let level: Double
    package let slope: Double
    /// Standard deviation of an observation of weight 1.
    let error: Double

    func height(at distance: Double) -> Double { level + slope * distance }
}
