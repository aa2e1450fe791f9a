public import FleetModel

/// One hyper-parameter: its name, its values, and when it has one.
public struct Parameter: Hashable, Sendable {
    public let name: String
    public let domain: Domain
    /// Active only if each parameter named here is active and its value is among those listed. Named
    /// parameters are categorical and stand earlier in the space. Empty: always active.
    public let when: [String: [ParameterValue]]

    public init(_ name: String, _ domain: Domain, when: [String: [ParameterValue]] = [:]) {
        self.name = name
        self.domain = domain
        self.when = when
    }

    /// Whether it has a value, given those of the parameters before it. An inactive parent is absent.
    public func isActive(in assignment: Assignment) -> Bool {
        when.allSatisfy { parent, listed in
            assignment[parent].map { value in listed.contains(value) } ?? false
        }
    }
}

/// The values that a parameter can take. Both bounds are included.
public enum Domain: Hashable, Sendable {
    case float(low: Double, high: Double, scale: Scale = .linear)
    case int(low: Int, high: Int, scale: Scale = .linear)
    /// Given back as they stand here.
    case categorical(choices: [ParameterValue])
}

extension Domain {
    /// The `type` of a parameter in study files and on the wire.
    public enum Kind: String, Hashable, Codable, Sendable {
        case float, int, categorical
    }

    public var kind: Kind {
        switch self {
        case .float: .float
        case .int: .int
        case .categorical: .categorical
        }
    }
}

/// How the values of a range are spread.
public enum Scale: Hashable, Sendable {
    case linear
    /// Uniform in the logarithm; the range is above 0.
    case log
    /// Only low, low + step, low + 2 step, … up to the last that is not above high. Above 0, in the
    /// parameter's own unit; a whole number for `int`.
    case step(Double)
}
