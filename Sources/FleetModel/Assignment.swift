/// The value of one hyper-parameter. On the wire and in files it is a bare JSON scalar.
public enum ParameterValue: Hashable, Sendable, CustomStringConvertible {
    case float(Double)
    case int(Int)
    case string(String)
    case bool(Bool)

    /// The value as a number, where it is one.
    public var number: Double? {
        switch self {
        case .float(let value): value
        case .int(let value): Double(value)
        case .string, .bool: nil
        }
    }

    public var description: String {
        switch self {
        case .float(let value): "\(value)"
        case .int(let value): "\(value)"
        case .string(let value): value
        case .bool(let value): "\(value)"
        }
    }
}

extension ParameterValue {
    /// Numbers of the same value are equal, whole float or int: JSON writes the float 1.0 as `1`, and what
    /// comes back from a journal equals what went in.
    public static func == (a: ParameterValue, b: ParameterValue) -> Bool {
        switch (a, b) {
        case (.float(let a), .float(let b)): a == b
        case (.int(let a), .int(let b)): a == b
        case (.float(let float), .int(let int)), (.int(let int), .float(let float)):
            Int(exactly: float) == int
        case (.string(let a), .string(let b)): a == b
        case (.bool(let a), .bool(let b)): a == b
        default: false
        }
    }

    public func hash(into hasher: inout Hasher) {
        switch self {
        case .float(let value): hasher.combine(value)
        case .int(let value): hasher.combine(Double(value))
        case .string(let value): hasher.combine(value)
        case .bool(let value): hasher.combine(value)
        }
    }
}

extension ParameterValue: Codable {
    /// A whole JSON number reads as `.int`; who knows the parameter to be a float asks for `number`.
    public init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if let number = Number(in: value) {
            switch number {
            case .whole(let int): self = .int(int)
            case .broken(let double): self = .float(double)
            }
        } else if let bool = try? value.decode(Bool.self) {
            self = .bool(bool)
        } else {
            self = .string(try value.decode(String.self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        switch self {
        case .float(let double): try value.encode(double)
        case .int(let int): try value.encode(int)
        case .string(let string): try value.encode(string)
        case .bool(let bool): try value.encode(bool)
        }
    }
}

/// One value for each active parameter of a space; inactive (conditional) parameters are absent.
public typealias Assignment = [String: ParameterValue]
