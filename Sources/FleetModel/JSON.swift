/// A JSON value, for what passes through us unread: trainer settings, extra fields.
/// Whole numbers stay whole (`int`), so that `layers: 2` never becomes `2.0`.
public enum JSON: Hashable, Sendable {
    case null
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    /// The member of that name, where this is an object that has it.
    public subscript(name: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members[name]
    }

    /// What kind of value this is, in words for messages: `a number`, `a list`, …
    public var kind: String {
        switch self {
        case .null: "nothing"
        case .bool: "a truth value"
        case .int: "a whole number"
        case .double: "a number"
        case .string: "a string"
        case .array: "a list"
        case .object: "a mapping"
        }
    }
}

extension JSON: Codable {
    public init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let number = Number(in: value) {
            switch number {
            case .whole(let int): self = .int(int)
            case .broken(let double): self = .double(double)
            }
        } else if let bool = try? value.decode(Bool.self) {
            self = .bool(bool)
        } else if let string = try? value.decode(String.self) {
            self = .string(string)
        } else if let array = try? value.decode([JSON].self) {
            self = .array(array)
        } else {
            self = .object(try value.decode([String: JSON].self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        switch self {
        case .null: try value.encodeNil()
        case .bool(let bool): try value.encode(bool)
        case .int(let int): try value.encode(int)
        case .double(let double): try value.encode(double)
        case .string(let string): try value.encode(string)
        case .array(let array): try value.encode(array)
        case .object(let object): try value.encode(object)
        }
    }
}

/// A JSON number, by what it is and not by how it is written: `1.0` is whole.
enum Number {
    case whole(Int)
    case broken(Double)

    /// Asks for what most values are first: a decoder that says no builds and throws an error, which costs many
    /// times what the number does.
    init?(in value: any SingleValueDecodingContainer) {
        guard let double = try? value.decode(Double.self) else { return nil }
        let isWhole = double.rounded(.towardZero) == double && abs(double) < 0x1p63
        // Above 2^53 the double is not the number itself.
        if isWhole, let int = try? value.decode(Int.self) {
            self = .whole(int)
        } else {
            self = .broken(double)
        }
    }
}
