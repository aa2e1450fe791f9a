/// A numeric range on its own axis, straight or logarithmic.
package struct Span {
    package let low: Double
    package let high: Double
    /// Whether it runs over orders of magnitude.
    package let isLog: Bool

    /// nil for choices, and for a single value.
    package init?(_ domain: Domain) {
        switch domain {
        case .categorical: return nil
        case .float(let low, let high, let scale):
            (self.low, self.high, isLog) = (low, high, scale == .log)
        case .int(let low, let high, let scale):
            (self.low, self.high, isLog) = (Double(low), Double(high), scale == .log)
        }
        guard high > low else { return nil }
    }

    /// Its length, in logarithms on a log axis.
    private var length: Double { isLog ? log(high / low) : high - low }

    /// From 0 to 1.
    package func place(of value: Double) -> Double {
        isLog ? log(value / low) / length : (value - low) / length
    }

    /// As near to its centre as a window may end, in shares of the axis: a factor of 2 on a log axis, an eighth
    /// of others.
    package var leastReach: Double { isLog ? log(2.0) / length : 0.125 }

    /// Both ends of a window that reaches so far below and above `value`, inside the range.
    package func ends(of value: Double, below: Double, above: Double) -> ClosedRange<Double> {
        let (least, most) =
            isLog
            ? (value / exp(below * length), value * exp(above * length))
            : (value - below * length, value + above * length)
        return min(high, max(low, least))...max(low, min(high, most))
    }
}
