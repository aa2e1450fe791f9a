public import FleetModel

extension Space {
    /// A point near `assignment`, as population-based training takes it after an exploit (Jaderberg et al.
    /// 2017, section 4, perturb or resample; the share of resampled values is Ray Tune's). Each parameter by
    /// itself: one time in four it is drawn anew from its domain, otherwise
    ///
    /// - `log`: divided or multiplied by 1.2;
    /// - linear and steps: moved by a fifth of its size to either side; where it is 0, by a fifth of the
    ///   range. Whole numbers and steps move by one place of their grid at least;
    /// - choices stay.
    ///
    /// At an end of its range a value stays or comes back inside. Parameters that become active are drawn,
    /// and those that no longer are have no value. What the constraints forbid is moved again; where they
    /// allow none of a hundred points, `assignment` itself stays.
    public func explored(
        from assignment: Assignment, using generator: inout SeededGenerator
    ) -> Assignment {
        for _ in 0..<100 {
            let explored = moved(assignment, using: &generator)
            if allows(explored) { return explored }
        }
        return assignment
    }

    private func moved(_ assignment: Assignment, using generator: inout SeededGenerator) -> Assignment {
        var explored: Assignment = [:]
        for parameter in parameters where parameter.isActive(in: explored) {
            let domain = parameter.domain
            let isNew = generator.unit() < 0.25
            let isUp = generator.unit() < 0.5
            explored[parameter.name] =
                if let value = assignment[parameter.name], !isNew {
                    domain.perturbed(value, up: isUp)
                } else {
                    domain.draw(using: &generator)
                }
        }
        return explored
    }
}

extension Domain {
    fileprivate func perturbed(_ value: ParameterValue, up: Bool) -> ParameterValue {
        guard let axis = Axis(self), let number = value.number else { return value }
        let target: Double
        switch self {
        case .categorical: return value
        case .float(_, _, .log), .int(_, _, .log): target = up ? number * 1.2 : number / 1.2
        case .float(let low, let high, _): target = number + Self.reach(number, high - low, up)
        case .int(let low, let high, _):
            target = number + Self.reach(number, Double(high) - Double(low), up)
        }
        let moved = axis.value(at: axis.position(of: target))
        guard axis.count != nil, moved == value else { return moved }
        // The place next to it: half a cell further lies another value's cell.
        let place = axis.position(of: number)
        return axis.value(
            at: (place + (up ? 1 : -1) * axis.cell(at: place)).clamped(to: axis.low...axis.high))
    }

    private static func reach(_ number: Double, _ span: Double, _ up: Bool) -> Double {
        let reach = 0.2 * (number == 0 ? span : abs(number))
        return up ? reach : -reach
    }
}
