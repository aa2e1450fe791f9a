public import FleetModel

extension Space {
    /// `assignment`, which came from elsewhere, as this space writes it: whole numbers for `int`, floats for
    /// `float`, values of a grid exactly on it, choices as they stand in the space, and without fixed and
    /// derived values, which may be given if they agree with what they are computed to be.
    ///
    /// - Throws: the first name that is unknown or missing, value outside of its domain or given although it
    ///   is not active, or constraint that is broken.
    public func normalised(_ assignment: Assignment) throws(Problem) -> Assignment {
        let values = try normalisedValues(assignment)
        try checkDerived(of: assignment, values)
        try check(values)
        return values
    }

    /// The searched values of `assignment`, each in its domain. Throws for unknown names and values outside.
    func normalisedValues(_ assignment: Assignment) throws(Problem) -> Assignment {
        var values: Assignment = [:]
        for parameter in parameters {
            guard let value = assignment[parameter.name] else { continue }
            guard let normal = parameter.domain.normalised(value) else {
                throw Problem(at: [parameter.name], found: value.literal, expected: "\(parameter.domain)")
            }
            values[parameter.name] = normal
        }
        try checkNames(of: assignment)
        return values
    }

    func checkNames(of assignment: Assignment) throws(Problem) {
        let known = parameters.map(\.name) + derived.map(\.name)
        guard let stranger = Set(assignment.keys).subtracting(known).min() else { return }
        throw Problem(
            at: [stranger], found: stranger,
            expected: known.isEmpty ? "no parameter" : "one of \(known.joined(separator: ", "))",
            nearest: nearestName(to: stranger, among: known), isAboutKey: true)
    }

    /// Throws for a fixed or derived value in `assignment` that is not the one that follows from `values`.
    func checkDerived(of assignment: Assignment, _ values: Assignment) throws(Problem) {
        guard derived.contains(where: { assignment[$0.name] != nil }) else { return }
        let completed = completed(values)
        for rule in derived {
            guard let value = assignment[rule.name] else { continue }
            if let own = completed[rule.name], own.isNearly(value) { continue }
            let own = completed[rule.name].map { rule.isFixed ? "" : ", which is \($0.literal) here" }
            throw Problem(
                at: [rule.name], found: value.literal,
                expected: "`\(rule.value)`" + (own ?? ", which cannot be told from the values given"))
        }
    }
}

extension Domain {
    /// The domain's own form of `value`; nil where it lies outside.
    func normalised(_ value: ParameterValue) -> ParameterValue? {
        switch self {
        case .categorical(let choices): return choices.first { $0 == value }
        case .int:
            // By way of a double those beyond 2^53 would be rounded.
            let whole: ParameterValue? =
                if case .int = value { value } else { value.number.flatMap(ParameterValue.init(whole:)) }
            guard let whole, contains(whole) else { return nil }
            return whole
        case .float(_, _, let scale):
            guard let number = value.number, contains(value) else { return nil }
            guard case .step = scale, let axis = Axis(self) else { return .float(number) }
            return axis.value(at: axis.position(of: number))
        }
    }
}

extension ParameterValue {
    /// nil where `number` is no whole one.
    fileprivate init?(whole number: Double) {
        guard let int = Int(exactly: number) else { return nil }
        self = .int(int)
    }

    /// Equal, or numbers that differ by no more than rounding may do.
    fileprivate func isNearly(_ other: ParameterValue) -> Bool {
        guard self != other, let a = number, let b = other.number else { return self == other }
        return abs(a - b) <= 1e-9 * max(abs(a), abs(b))
    }
}
