public import FleetModel

/// The parameters of a search, checked: whoever holds a `Space` can sample from it.
public struct Space: Hashable, Sendable {
    /// What is searched. Parents stand before the parameters that depend on them.
    public let parameters: [Parameter]
    /// Fixed and derived values, which trainers are given as well. Each stands after those that it uses.
    public let derived: [Derived]
    /// What is tried fulfils all of them.
    public let constraints: [Constraint]

    /// - Throws: the first problem, its path relative to the space: `["lr", "low"]`, `["min_lr"]`,
    ///   `["constraints", "0"]`.
    public init(
        _ parameters: [Parameter], derived: [Derived] = [], constraints: [Constraint] = []
    ) throws(Problem) {
        var earlier: [String: Domain] = [:]
        for parameter in parameters {
            try parameter.check(after: earlier, beside: derived)
            earlier[parameter.name] = parameter.domain
        }
        self.parameters = parameters
        self.derived = try Self.checked(derived, beside: parameters)
        self.constraints = constraints
        try Self.check(constraints, parameters, self.derived)
    }

    /// For spaces made from one that was checked.
    init(checked parameters: [Parameter], derived: [Derived], constraints: [Constraint]) {
        self.parameters = parameters
        self.derived = derived
        self.constraints = constraints
    }

    /// The parameters that have a value under `assignment`, in the order of the space.
    public func active(in assignment: Assignment) -> [Parameter] {
        var known: Assignment = [:]
        return parameters.filter { parameter in
            guard parameter.isActive(in: known) else { return false }
            known[parameter.name] = assignment[parameter.name]
            return true
        }
    }

    /// What is wrong with `assignment`, as a sentence; nil when it lies in the space (`check`).
    public func problem(with assignment: Assignment) -> String? {
        do {
            try check(assignment)
            return nil
        } catch {
            return error.description
        }
    }

    /// - Throws: the first parameter in the order of the space that is missing or outside of its domain,
    ///   a value that is given for one that is unknown or not active, a fixed or derived value that is not
    ///   what it is computed to be, or a constraint that is broken.
    public func check(_ assignment: Assignment) throws(Problem) {
        let active = active(in: assignment)
        for parameter in active {
            let value = assignment[parameter.name]
            guard let value, parameter.domain.contains(value) else {
                throw Problem(
                    at: [parameter.name], found: value.map(\.literal) ?? "nothing",
                    expected: "\(parameter.domain)")
            }
        }
        try checkNames(of: assignment)
        let idle = parameters.first { parameter in
            assignment[parameter.name] != nil && !active.contains(parameter)
        }
        if let idle, let value = assignment[idle.name] {
            throw Problem(
                at: [idle.name], found: value.literal, expected: "nothing, because it is not active here")
        }
        try checkDerived(of: assignment, searched(assignment))
        if hasRules { try checkRules(assignment) }
    }
}

/// A space without rules is the list of its parameters, any other a mapping.
extension Space: Codable {
    private enum Key: String, CodingKey {
        case parameters, derived, constraints
    }

    public init(from decoder: any Decoder) throws {
        guard let fields = try? decoder.container(keyedBy: Key.self) else {
            try self.init(decoder.singleValueContainer().decode([Parameter].self))
            return
        }
        try self.init(
            fields.decode([Parameter].self, forKey: .parameters),
            derived: fields.decodeIfPresent([Derived].self, forKey: .derived) ?? [],
            constraints: fields.decodeIfPresent([Constraint].self, forKey: .constraints) ?? [])
    }

    public func encode(to encoder: any Encoder) throws {
        guard !derived.isEmpty || !constraints.isEmpty else {
            var container = encoder.singleValueContainer()
            try container.encode(parameters)
            return
        }
        var fields = encoder.container(keyedBy: Key.self)
        try fields.encode(parameters, forKey: .parameters)
        if !derived.isEmpty { try fields.encode(derived, forKey: .derived) }
        if !constraints.isEmpty { try fields.encode(constraints, forKey: .constraints) }
    }
}

extension Domain: CustomStringConvertible {
    /// Whether `value` is one of the domain's. Whole floats and ints of the same number count as equal.
    public func contains(_ value: ParameterValue) -> Bool {
        switch self {
        case .categorical(let choices): return choices.contains(value)
        case .float(let low, let high, let scale):
            guard let number = value.number, number >= low, number <= high else { return false }
            guard case .step(let step) = scale else { return true }
            let index = ((number - low) / step).rounded()
            return abs(low + index * step - number) <= 1e-6 * step
        case .int(let low, let high, let scale):
            guard case .int(let int) = value, int >= low, int <= high else { return false }
            guard case .step(let step) = scale else { return true }
            return (int - low) % Int(step) == 0
        }
    }

    public var description: String {
        switch self {
        case .float(let low, let high, let scale): "a number from \(low) to \(high)\(scale.suffix)"
        case .int(let low, let high, let scale): "a whole number from \(low) to \(high)\(scale.suffix)"
        case .categorical(let choices):
            "one of " + choices.map(\.description).joined(separator: ", ")
        }
    }
}

extension Scale {
    fileprivate var suffix: String {
        guard case .step(let step) = self else { return "" }
        return " in steps of \(short(step))"
    }
}
