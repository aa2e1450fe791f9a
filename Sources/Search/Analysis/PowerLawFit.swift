/// y ≈ scale · x^exponent.
public struct PowerLawFit: Hashable, Codable, Sendable {
    public struct Point: Hashable, Codable, Sendable {
        public let x: Double
        public let y: Double
        /// How much the point counts, above 0 and finite: proportional to 1 / variance of its log y.
        public let weight: Double

        public init(x: Double, y: Double, weight: Double = 1) {
            self.x = x
            self.y = y
            self.weight = weight
        }
    }

    public let scale: Double
    public let exponent: Double
    /// How many points were fitted.
    public let points: Int
    private let line: WeightedLine

    /// Least squares on the logarithms, as if the errors of log y were independent and normal, with
    /// variances in proportion to 1 / weight.
    /// nil when undetermined: fewer than two different x, or a coordinate or weight that is not above 0 and
    /// finite.
    public init?(_ points: [Point]) {
        let isSound = points.allSatisfy { point in
            [point.x, point.y, point.weight].allSatisfy { $0 > 0 && $0.isFinite }
        }
        guard isSound,
            let line = WeightedLine(points.map { log($0.x) }, points.map { log($0.y) }, points.map(\.weight))
        else { return nil }
        let scale = exp(line.intercept)
        guard scale > 0, scale.isFinite else { return nil }
        self.scale = scale
        exponent = line.slope
        self.points = points.count
        self.line = line
    }

    /// The fitted y at `x`, both above 0.
    public func callAsFunction(_ x: Double) -> Double { exp(line.height(at: log(x))) }

    /// 95 % confidence interval of the exponent; nil below three points, which leave no error to estimate.
    public var exponentInterval: ClosedRange<Double>? { exponentInterval(confidence: 0.95) }

    /// The same with another `confidence`, above 0 and below 1.
    public func exponentInterval(confidence: Double) -> ClosedRange<Double>? {
        line.interval(around: exponent, variance: 1 / line.spread, confidence)
    }

    /// Confidence interval of the scale, the law's value at x = 1.
    public func scaleInterval(confidence: Double = 0.95) -> ClosedRange<Double>? {
        interval(at: 1, confidence: confidence)
    }

    /// Where the law itself lies at `x`, above 0.
    public func interval(at x: Double, confidence: Double = 0.95) -> ClosedRange<Double>? {
        raised(
            line.interval(around: line.height(at: log(x)), variance: line.leverage(at: log(x)), confidence))
    }

    /// Where one more observation of this `weight` would lie at `x`, such as the optimum of the next stage:
    /// the law's own uncertainty and the scatter around it.
    public func predictionInterval(
        at x: Double, weight: Double = 1, confidence: Double = 0.95
    ) -> ClosedRange<Double>? {
        let variance = line.leverage(at: log(x)) + 1 / weight
        return raised(line.interval(around: line.height(at: log(x)), variance: variance, confidence))
    }

    private func raised(_ interval: ClosedRange<Double>?) -> ClosedRange<Double>? {
        interval.map { exp($0.lowerBound)...exp($0.upperBound) }
    }

    /// Whether the interval says on which side of 0 the exponent lies.
    public var isEvidence: Bool { exponentInterval.map { !$0.contains(0) } ?? false }

    /// One sentence for people: `lr(t) ≈ 0.3·t^-0.42 from 5 points; 95 % interval of the exponent …`.
    public func sentence(of name: String, over variable: String) -> String {
        let law =
            "\(name)(\(variable)) ≈ \(short(scale))·\(variable)^\(short(exponent)) from \(points) points"
        guard let interval = exponentInterval else {
            return law + ": too few to say how sure this is; not enough evidence"
        }
        let range =
            "95 % interval of the exponent \(short(interval.lowerBound)) to \(short(interval.upperBound))"
        return isEvidence
            ? "\(law); \(range)" : "\(law); \(range) includes 0: not enough evidence that \(name) moves"
    }
}

/// A straight line through points by weighted least squares, and how sure it is.
private struct WeightedLine: Hashable, Codable {
    let slope: Double
    let meanX: Double
    let meanY: Double
    /// Sum of the weighted squares of x - meanX.
    let spread: Double
    let weight: Double
    /// Of an observation of weight 1 around the line; nil for two points.
    let variance: Double?
    let degrees: Int

    /// nil unless there are two different x.
    init?(_ x: [Double], _ y: [Double], _ weights: [Double]) {
        let weight = weights.reduce(0, +)
        let mean = { (values: [Double]) in zip(values, weights).reduce(0) { $0 + $1.0 * $1.1 } / weight }
        let (meanX, meanY) = (mean(x), mean(y))
        let (dx, dy) = (x.map { $0 - meanX }, y.map { $0 - meanY })
        let spread = zip(dx, weights).reduce(0) { $0 + $1.0 * $1.0 * $1.1 }
        guard x.count >= 2, let first = x.first, x.contains(where: { $0 != first }), spread > 0 else {
            return nil
        }
        slope = x.indices.reduce(0) { $0 + weights[$1] * dx[$1] * dy[$1] } / spread
        self.meanX = meanX
        self.meanY = meanY
        self.spread = spread
        self.weight = weight
        degrees = x.count - 2
        let slope = slope
        let squares = x.indices.reduce(0) { sum, index in
            let residual = dy[index] - slope * dx[index]
            return sum + weights[index] * residual * residual
        }
        variance = degrees > 0 ? squares / Double(degrees) : nil
    }

    var intercept: Double { height(at: 0) }

    func height(at x: Double) -> Double { meanY + slope * (x - meanX) }

    /// The variance of the height at `x`, in units of `variance`.
    func leverage(at x: Double) -> Double { 1 / weight + (x - meanX) * (x - meanX) / spread }

    func interval(
        around middle: Double, variance share: Double, _ confidence: Double
    ) -> ClosedRange<Double>? {
        variance.map { variance in
            let reach =
                (variance * share).squareRoot() * StudentDistribution(degrees: degrees).reach(confidence)
            return (middle - reach)...(middle + reach)
        }
    }
}
