/// How an optimum moves while a model trains: a power law y ≈ scale · x^exponent fitted robustly on
/// logarithms, rival shapes beside it, and whether the points are evidence of any of them.
public struct Trend: Hashable, Sendable {
    /// What the points speak for.
    public enum Verdict: Hashable, Sendable {
        case law
        /// It moved along a law and then stayed.
        case plateau
        /// It jumped once.
        case step
        case notEnoughEvidence(Doubt)
    }

    /// Why there is not enough evidence.
    public enum Doubt: Hashable, Sendable {
        /// Fewer than `fewestPoints`.
        case fewPoints(Int)
        /// The exponent may be 0.
        case mayBeFlat
        /// It moves, but not along a law, and what else it does is not clear enough.
        case unclearShape
    }

    /// With fewer points no verdict is given.
    public static let fewestPoints = 5
    /// A law is claimed where the interval of its exponent with this confidence excludes 0, so that on flat
    /// data one is claimed in at most 2 of 100 cases.
    static let claimConfidence = 0.98
    /// Another shape is claimed where its criterion is lower than that of a constant by at least this much
    /// (Burnham and Anderson 2002, section 2.6: then the constant has essentially no support).
    static let claimDifference = 10.0

    /// The points fitted, by rising x.
    public let points: [PowerLawFit.Point]
    public let scale: Double
    public let exponent: Double
    public let verdict: Verdict
    /// The shapes compared, the best criterion first; those without one last.
    public let shapes: [Shape]
    private let design: LineDesign
    private let line: RobustLine

    /// nil below three points, with fewer than two different x, or where a coordinate or a weight is not above
    /// 0 and finite.
    public init?(_ points: [PowerLawFit.Point]) {
        let isSound = points.allSatisfy { point in
            [point.x, point.y, point.weight].allSatisfy { $0 > 0 && $0.isFinite }
        }
        let sorted = points.sorted { $0.x < $1.x }
        guard isSound,
            let design = LineDesign(places: sorted.map { log($0.x) }, weights: sorted.map(\.weight))
        else { return nil }
        self.init(design, sorted)
    }

    /// For many fits over the same places, whose bootstrap is drawn once.
    package init(_ design: LineDesign, _ points: [PowerLawFit.Point]) {
        let heights = points.map { log($0.y) }
        let line = design.fit(heights)
        let shapes = Shape.all(design, heights)
        self.points = points
        self.design = design
        self.line = line
        self.shapes = shapes
        exponent = line.slope
        scale = exp(line.height(at: -design.middle))
        verdict = Self.verdict(design, line, shapes)
    }

    private static func verdict(_ design: LineDesign, _ line: RobustLine, _ shapes: [Shape]) -> Verdict {
        let count = design.places.count
        guard count >= fewestPoints else { return .notEnoughEvidence(.fewPoints(count)) }
        let moves = abs(line.slope) > design.slopeReach(line, claimConfidence)
        let best = shapes.first { $0.kind != .constant }!
        guard best.kind != .law else { return moves ? .law : .notEnoughEvidence(.mayBeFlat) }
        let constant = shapes.first { $0.kind == .constant }!
        guard let flat = constant.criterion, let other = best.criterion, flat - other >= claimDifference
        else { return .notEnoughEvidence(moves ? .unclearShape : .mayBeFlat) }
        return best.kind == .step ? .step : .plateau
    }

    /// The law's y at `x`, above 0.
    public func callAsFunction(_ x: Double) -> Double {
        exp(line.height(at: log(x) - design.middle))
    }

    /// Confidence interval of the exponent, by the bootstrap (`LineDesign`).
    public func exponentInterval(confidence: Double = 0.9) -> ClosedRange<Double> {
        let reach = design.slopeReach(line, confidence)
        return (line.slope - reach)...(line.slope + reach)
    }

    /// Confidence interval of the scale, the law's value at x = 1.
    public func scaleInterval(confidence: Double = 0.9) -> ClosedRange<Double> {
        interval(at: 1, confidence: confidence)
    }

    /// Where the law itself lies at `x`, above 0.
    public func interval(at x: Double, confidence: Double = 0.9) -> ClosedRange<Double> {
        around(x, design.reach(line, at: log(x), confidence))
    }

    /// Where the next optimum lies if it follows the law, and in which range with this `confidence`: the law's
    /// own uncertainty and the scatter of one more point of the mean weight. nil unless a law is claimed, so
    /// that nobody follows one that is not there.
    public func forecast(at x: Double, confidence: Double = 0.9) -> OptimumForecast? {
        guard verdict == .law else { return nil }
        let range = around(x, design.reach(line, at: log(x), weight: 1, confidence))
        return OptimumForecast(value: self(x), range: range)
    }

    private func around(_ x: Double, _ reach: Double) -> ClosedRange<Double> {
        let height = line.height(at: log(x) - design.middle)
        return exp(height - reach)...exp(height + reach)
    }
}

/// An expected value, and the range that it lies in with the confidence asked for.
public struct OptimumForecast: Hashable, Codable, Sendable {
    public let value: Double
    public let range: ClosedRange<Double>

    /// By which factor the value may be off either way, above 1: how tight the forecast is.
    public var factor: Double { (range.upperBound / range.lowerBound).squareRoot() }
}

extension Trend {
    /// One sentence for people: `lr(t) ≈ 0.3·t^-0.42 from 6 points; 90 % interval of the exponent …`.
    public func sentence(of name: String, over variable: String) -> String {
        let law =
            "\(name)(\(variable)) ≈ \(short(scale))·\(variable)^\(short(exponent)) from \(points.count) points"
        let interval = exponentInterval()
        let range =
            "90 % interval of the exponent \(short(interval.lowerBound)) to \(short(interval.upperBound))"
        return switch verdict {
        case .law: "\(law); \(range)"
        case .plateau, .step: "\(name) moves, but not along a power law: \(shapes[0].words(over: variable))"
        case .notEnoughEvidence(.fewPoints):
            "\(law); \(range); fewer than \(Self.fewestPoints) points: not enough evidence"
        case .notEnoughEvidence(.mayBeFlat):
            "\(law); \(range); the 98 % interval includes 0: not enough evidence that \(name) moves"
        case .notEnoughEvidence(.unclearShape):
            "\(law); \(range); \(shapes[0].words(over: variable)) fits better: "
                + "not enough evidence of a power law"
        }
    }
}
