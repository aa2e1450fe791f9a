public import FleetModel

/// The parameters of a search, checked: whoever holds a `Space` can sample from it.
public struct Space: Hashable, Sendable {
    /// Parents stand before the parameters that depend on them.
    public let parameters: [Parameter]

    /// - Throws: the first problem, its path relative to the space: `["lr", "low"]`.
    public init(_ parameters: [Parameter]) throws(Problem) {
        var earlier: [String: Domain] = [:]
        for parameter in parameters {
            try parameter.check(after: earlier)
            earlier[parameter.name] = parameter.domain
        }
        self.parameters = parameters
    }

    /// For spaces made from one that was checked.
    init(checked parameters: [Parameter]) {
        self.parameters = parameters
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

    /// What is wrong with `assignment`: a parameter missing, unknown, inactive or outside of its domain,
    /// the first in the order of the space. nil when it lies in the space.
    public func problem(with assignment: Assignment) -> String? {
        let active = active(in: assignment)
        for parameter in active {
            guard let value = assignment[parameter.name] else { return "\(parameter.name) is missing" }
            guard parameter.domain.contains(value) else {
                return "\(parameter.name) is \(value), expected \(parameter.domain)"
            }
        }
        let surplus = Set(assignment.keys).subtracting(active.map(\.name)).min()
        return surplus.map { name in
            parameters.contains { $0.name == name }
                ? "\(name) is given although it is not active" : "\(name) is not a parameter of the space"
        }
    }
}

extension Space: Codable {
    public init(from decoder: any Decoder) throws {
        try self.init(decoder.singleValueContainer().decode([Parameter].self))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(parameters)
    }
}

extension Domain: CustomStringConvertible {
    /// Whether `value` is one of the domain's. Whole floats and ints of the same number count as equal.
    public func contains(_ value: ParameterValue) -> Bool {
        switch self {
        case .categorical(let choices): return choices.contains { $0.matches(value) }
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
