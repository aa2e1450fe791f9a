/// A JSON value as it stood in a text: members keep their order and their place.
enum JSONValue {
    case null
    case bool(Bool)
    /// A number without fraction and exponent that fits.
    case int(Int)
    /// Any other number; infinite where it is beyond the doubles, as in `1e999`.
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object([Member])

    struct Member {
        let name: String
        let value: JSONValue
        /// Where the value stands, in bytes from the start of the text.
        let place: Range<Int>
    }

    /// What kind of value this is, in words for messages.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a truth value"
        case .int, .double: "a number"
        case .string: "a string"
        case .array: "a list"
        case .object: "an object"
        }
    }

    /// For messages: short values themselves, longer ones by their kind.
    var shown: String {
        switch self {
        case .int(let int): "\(int)"
        case .double(let double): "\(double)"
        case .bool(let bool): "\(bool)"
        case .string(let string) where string.utf8.count <= 40: "\"\(string)\""
        case .null, .string, .array, .object: kind
        }
    }

    var number: Double? {
        switch self {
        case .int(let int): Double(int)
        case .double(let double): double
        default: nil
        }
    }

    /// The number, where it is a whole one in any spelling (`3`, `3.0`, `3e0`).
    var whole: Int? {
        switch self {
        case .int(let int): int
        case .double(let double): Int(exactly: double)
        default: nil
        }
    }
}

/// A text that is not JSON.
struct MalformedJSON: Error, CustomStringConvertible {
    /// Bytes from the start of the text.
    let offset: Int
    let problem: String

    var description: String { "byte \(offset + 1): \(problem)" }
}
