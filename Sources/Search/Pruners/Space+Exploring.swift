public import FleetModel

/// How far a member of a population moves when it has taken over another's parameters.
public struct Exploring: Hashable, Codable, Sendable {
    /// What values on a log scale are multiplied or divided by; above 1. The paper's 1.2 by default.
    public let factor: Double
    /// How often a value is drawn anew from its domain, 0 to 1. Ray Tune's 0.25 by default.
    public let resample: Double

    public init(factor: Double = 1.2, resample: Double = 0.25) {
        precondition(factor > 1 && (0...1).contains(resample), "a step is longer than none")
        self.factor = factor
        self.resample = resample
    }
}

extension Space {
    /// A point near `assignment`, as population-based training takes it after an exploit (Jaderberg et al.
    /// 2017, section 4, perturb or resample). Each parameter by itself: sometimes it is drawn anew from its
    /// domain, otherwise
    ///
    /// - `log`: divided or multiplied by the factor;
    /// - linear and steps: moved by as much less 1 of its size to either side; where it is 0, of the
    ///   range. Whole numbers and steps move by one place of their grid at least;
    /// - choices stay.
    ///
    /// At an end of its range a value stays or comes back inside. Parameters that become active are drawn,
    /// and those that no longer are have no value. What the constraints forbid is moved again; where they
    /// allow none of a hundred points, `assignment` itself stays.
    public func explored(
        from assignment: Assignment, by exploring: Exploring = Exploring(),
        using generator: inout SeededGenerator
    ) -> Assignment {
        for _ in 0..<100 {
            let explored = moved(assignment, exploring, using: &generator)
            if allows(explored) { return explored }
        }
        return assignment
    }

    private func moved(
        _ assignment: Assignment, _ exploring: Exploring, using generator: inout SeededGenerator
    ) -> Assignment {
        var explored: Assignment = [:]
        for parameter in parameters where parameter.isActive(in: explored) {
            let domain = parameter.domain
            let isNew = generator.unit() < exploring.resample
            let isUp = generator.unit() < 0.5
            explored[parameter.name] =
                if let value = assignment[parameter.name], !isNew {
                    domain.perturbed(value, by: exploring.factor, up: isUp)
                } else {
                    domain.draw(using: &generator)
                }
        }
        return explored
    }
}

extension Domain {
    fileprivate func perturbed(_ value: ParameterValue, by factor: Double, up: Bool) -> ParameterValue {
        guard let axis = Axis(self), let number = value.number else { return value }
        let target: Double
        switch self {
        case .categorical: return value
        case .float(_, _, .log), .int(_, _, .log): target = up ? number * factor : number / factor
        case .float(let low, let high, _): target = number + Self.reach(number, high - low, factor, up)
        case .int(let low, let high, _):
            target = number + Self.reach(number, Double(high) - Double(low), factor, up)
        }
        let moved = axis.value(at: axis.position(of: target))
        guard axis.count != nil, moved == value else { return moved }
        // The place next to it: half a cell further lies another value's cell.
        let place = axis.position(of: number)
        return axis.value(
            at: (place + (up ? 1 : -1) * axis.cell(at: place)).clamped(to: axis.low...axis.high))
    }

    private static func reach(_ number: Double, _ span: Double, _ factor: Double, _ up: Bool) -> Double {
        let reach = (factor - 1) * (number == 0 ? span : abs(number))
        return up ? reach : -reach
    }
}
