public import FleetModel

extension Space {
    /// The space for the next stage: each range with a share `s` (above 0; by parameter name) is narrowed
    /// around the value `v` that `best` has, and stays inside the range here, so a stage is best shrunk
    /// from the study's first space.
    ///
    /// - `log`: v / (1 + s) … v (1 + s), the same factor to both sides.
    /// - linear and steps: v − s |v| … v + s |v|; where v is 0, s times the length of the range to both
    ///   sides.
    /// - Whole numbers and steps are rounded outwards to the grid and reach at least one step to each side.
    /// - Unchanged: choices, parameters without a share, and those that are not active in `best`; derived
    ///   values and constraints, which `best` fulfils here as it did there.
    public func shrunk(around best: Assignment, shares: [String: Double]) -> Space {
        Space(
            checked: parameters.map { parameter in
                guard let share = shares[parameter.name], let value = best[parameter.name]?.number else {
                    return parameter
                }
                precondition(share > 0, "a share to shrink by is above 0")
                let domain = parameter.domain.shrunk(around: value, share)
                return Parameter(parameter.name, domain, when: parameter.when)
            }, derived: derived, constraints: constraints)
    }

    /// The space in which each range named is narrowed to a window, as far as that lies inside the range. Whole
    /// numbers and steps are rounded outwards to the grid and reach at least one step to each side of the window's
    /// middle. All else stays as `shrunk(around:shares:)` leaves it.
    public func shrunk(to windows: [String: ClosedRange<Double>]) -> Space {
        Space(
            checked: parameters.map { parameter in
                guard let window = windows[parameter.name] else { return parameter }
                let middle =
                    parameter.domain.isLog
                    ? (window.lowerBound * window.upperBound).squareRoot()
                    : (window.lowerBound + window.upperBound) / 2
                let domain = parameter.domain.shrunk(
                    to: (window.lowerBound, window.upperBound), around: middle)
                return Parameter(parameter.name, domain, when: parameter.when)
            }, derived: derived, constraints: constraints)
    }
}

extension Domain {
    fileprivate var isLog: Bool {
        switch self {
        case .float(_, _, let scale), .int(_, _, let scale): scale == .log
        case .categorical: false
        }
    }

    fileprivate func shrunk(around value: Double, _ share: Double) -> Domain {
        switch self {
        case .categorical: return self
        case .float(let low, let high, let scale):
            let value = value.clamped(to: low...high)
            return shrunk(to: window(around: value, share, scale, span: high - low), around: value)
        case .int(let low, let high, let scale):
            let (first, last) = (Double(low), Double(high))
            let value = value.clamped(to: first...last)
            return shrunk(to: window(around: value, share, scale, span: last - first), around: value)
        }
    }

    fileprivate func shrunk(to window: (low: Double, high: Double), around value: Double) -> Domain {
        switch self {
        case .categorical: return self
        case .float(let low, let high, let scale):
            let value = value.clamped(to: low...high)
            guard case .step(let step) = scale else {
                return .float(low: max(low, window.low), high: min(high, window.high), scale: scale)
            }
            let ends = Self.gridEnds(of: window, around: value, from: low, to: high, step: step)
            return .float(
                low: low + ends.first * step, high: ends.last.map { min(low + $0 * step, high) } ?? high,
                scale: scale)
        case .int(let low, let high, let scale):
            let (first, last) = (Double(low), Double(high))
            let value = value.clamped(to: first...last)
            let step = if case .step(let step) = scale { step } else { 1.0 }
            let ends = Self.gridEnds(of: window, around: value, from: first, to: last, step: step)
            return .int(
                low: low + Int(ends.first) * Int(step),
                high: ends.last.map { low + Int($0) * Int(step) } ?? high, scale: scale)
        }
    }

    private func window(
        around value: Double, _ share: Double, _ scale: Scale, span: Double
    ) -> (low: Double, high: Double) {
        if scale == .log { return (value / (1 + share), value * (1 + share)) }
        let reach = share * (value == 0 ? span : abs(value))
        return (value - reach, value + reach)
    }

    /// The indices of the first and the last value, counted in steps from `low`; nil: as far as `high`.
    private static func gridEnds(
        of window: (low: Double, high: Double), around value: Double, from low: Double, to high: Double,
        step: Double
    ) -> (first: Double, last: Double?) {
        let last = lastIndex(from: low, to: high, step: step)
        let middle = ((value - low) / step).rounded()
        // The tolerance keeps an end that lies on the grid from being rounded one step further out.
        let first = min(((window.low - low) / step + 1e-8).rounded(.down), middle - 1)
        let end = max(((window.high - low) / step - 1e-8).rounded(.up), middle + 1)
        return (max(0, first), end >= last ? nil : end)
    }
}
