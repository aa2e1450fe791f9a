public import FleetModel

extension Domain {
    /// The value nearest to `number` that the domain holds; choices hold none.
    public func nearest(to number: Double) -> ParameterValue? {
        switch self {
        case .categorical: return nil
        case .float(let low, let high, .step(let step)):
            let steps = ((number.clamped(to: low...high) - low) / step).rounded()
            return .float(min(low + steps * step, low + lastIndex(from: low, to: high, step: step) * step))
        case .float(let low, let high, _): return .float(number.clamped(to: low...high))
        case .int(let low, let high, let scale):
            var width = 1
            if case .step(let step) = scale { width = Int(step) }
            let bounded = number.clamped(to: Double(low)...Double(high))
            let steps = Int(((bounded - Double(low)) / Double(width)).rounded())
            return .int(low + min(steps, (high - low) / width) * width)
        }
    }

    /// The middle of its axis; of choices the first.
    public var middle: ParameterValue {
        switch self {
        case .categorical(let choices): choices[0]
        case .float(let low, let high, .log): nearest(to: (low * high).squareRoot())!
        case .int(let low, let high, .log): nearest(to: (Double(low) * Double(high)).squareRoot())!
        case .float(let low, let high, _): nearest(to: low + (high - low) / 2)!
        case .int(let low, let high, _): nearest(to: (Double(low) + Double(high)) / 2)!
        }
    }
}

extension Space {
    /// The middle of every axis, but the parameters of `wanted` as near to these numbers as their domains allow;
    /// only what is active, derived values included. It may break a constraint.
    public func middle(with wanted: [String: Double] = [:]) -> Assignment {
        var assignment: Assignment = [:]
        for parameter in parameters where parameter.isActive(in: assignment) {
            let near = wanted[parameter.name].flatMap(parameter.domain.nearest)
            assignment[parameter.name] = near ?? parameter.domain.middle
        }
        return completed(assignment)
    }
}
