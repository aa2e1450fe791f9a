/// y ≈ scale · x^exponent.
public struct PowerLawFit: Hashable, Codable, Sendable {
    public struct Point: Hashable, Codable, Sendable {
        public let x: Double
        public let y: Double

        public init(x: Double, y: Double) {
            self.x = x
            self.y = y
        }
    }

    public let scale: Double
    public let exponent: Double
    /// 95 % confidence interval of the exponent; nil below three points, which leave no error to estimate.
    public let exponentInterval: ClosedRange<Double>?
    /// How many points were fitted.
    public let points: Int

    /// Least squares on the logarithms, as if the errors of log y were independent, equally wide and normal.
    /// nil when undetermined: fewer than two different x, or a coordinate that is not above 0 and finite.
    public init?(_ points: [Point]) {
        guard points.allSatisfy({ $0.x > 0 && $0.y > 0 && $0.x.isFinite && $0.y.isFinite }),
            let line = Line(points.map { log($0.x) }, points.map { log($0.y) })
        else { return nil }
        scale = exp(line.intercept)
        exponent = line.slope
        exponentInterval = line.slopeError.map { error in
            let reach = error * studentQuantile(degrees: points.count - 2)
            return (line.slope - reach)...(line.slope + reach)
        }
        self.points = points.count
    }

    /// The fitted y at `x`, above 0.
    public func callAsFunction(_ x: Double) -> Double { scale * exp(exponent * log(x)) }

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

/// A straight line through points by least squares.
private struct Line {
    let slope: Double
    let intercept: Double
    /// Standard error of the slope; nil for two points.
    let slopeError: Double?

    /// nil unless there are two different x.
    init?(_ x: [Double], _ y: [Double]) {
        let count = Double(x.count)
        let (meanX, meanY) = (x.reduce(0, +) / count, y.reduce(0, +) / count)
        let spread = x.reduce(0) { $0 + ($1 - meanX) * ($1 - meanX) }
        guard x.count >= 2, spread > 0 else { return nil }
        let slope = zip(x, y).reduce(0) { $0 + ($1.0 - meanX) * ($1.1 - meanY) } / spread
        let residuals = zip(x, y).map { $0.1 - meanY - slope * ($0.0 - meanX) }
        self.slope = slope
        intercept = meanY - slope * meanX
        let squares = residuals.reduce(0) { $0 + $1 * $1 }
        slopeError = x.count > 2 ? (squares / (count - 2) / spread).squareRoot() : nil
    }
}

/// The 97.5 % quantile of Student's t distribution, from the usual table; beyond it the first terms of the
/// expansion about the normal quantile (Abramowitz and Stegun 26.7.5), which is good to four digits there.
func studentQuantile(degrees: Int) -> Double {
    let table = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
        2.131,
    ]
    precondition(degrees >= 1, "a t distribution has at least one degree of freedom")
    if degrees <= table.count { return table[degrees - 1] }
    let (z, n) = (1.959964, Double(degrees))
    let z3 = z * z * z
    return z + (z3 + z) / (4 * n) + (5 * z3 * z * z + 16 * z3 + 3 * z) / (96 * n * n)
}
