/// A constraint on something that trials measure, known only after a trial has run: `inference_ms <= 20`. (What
/// is known before, about the parameters alone, is a `Constraint` of the space.)
public struct MetricBound: Hashable, Codable, Sendable, CustomStringConvertible {
    public enum Side: String, Hashable, Codable, Sendable {
        case atMost = "<="
        case atLeast = ">="
    }

    /// By the name that reports use.
    public let metric: String
    public let side: Side
    /// Finite.
    public let bound: Double

    public init(_ metric: String, _ side: Side, _ bound: Double) {
        precondition(bound.isFinite, "a bound is a number")
        self.metric = metric
        self.side = side
        self.bound = bound
    }

    public var description: String { "\(metric) \(side.rawValue) \(short(bound))" }

    /// How far `value` lies beyond the bound, as a share of the bound's size, or as it is where the bound is 0;
    /// 0 where it keeps it. Shares, so that milliseconds and bytes add up.
    /// - Parameter value: finite.
    public func violation(of value: Double) -> Double {
        // Halves, since the difference of numbers that are as large as they get would be infinite.
        let excess = side == .atMost ? value / 2 - bound / 2 : bound / 2 - value / 2
        guard excess > 0 else { return 0 }
        return min(2 * (excess / (bound == 0 ? 1 : abs(bound))), .greatestFiniteMagnitude)
    }
}

extension [MetricBound] {
    /// How far a trial with these metrics lies beyond all the bounds together, for `Observation.violation`;
    /// finite, 0 where it keeps all. nil where one of them was not measured or is not finite.
    public func violation(in metrics: [String: Double]) -> Double? {
        var sum = 0.0
        for bound in self {
            guard let value = metrics[bound.metric], value.isFinite else { return nil }
            sum += bound.violation(of: value)
        }
        return Swift.min(sum, .greatestFiniteMagnitude)
    }
}
