public import FleetModel

/// A formula over the parameters of a space: what a constraint asks for and what a derived parameter is.
///
///     layers * width <= 4096 and (optimizer != "sgd" or momentum < 0.95)
///
/// - Values: numbers (`12`, `1e-4`), texts in single or double quotes, `true`, `false`, and parameters by
///   name; a name that is not made of letters, digits, `_` and `.` stands in backticks: `` `num-layers` ``.
///   In quotes and backticks a backslash makes the next character stand for itself.
/// - Loosest to tightest: `or` (`||`) · `and` (`&&`) · `not` (`!`) · `==` `!=` `<` `<=` `>` `>=`
///   `in [a, b]` `not in [a, b]`, which do not chain · `+` `-` · `*` `/` `%` · `-x` · `**` (to the right).
/// - Functions: `min` and `max` of any number of values, `abs`, `sqrt`, `log`, `log2`, `log10`, `exp`,
///   `floor`, `ceil`, `round` (halves away from 0).
/// - Numbers are compared by value (`1 == 1.0`). Whole numbers stay whole as long as the result is exact:
///   sums, products, powers, quotients without remainder; `floor`, `ceil` and `round` make whole ones. `%`
///   has the sign of the divisor.
/// - `and` and `or` look at their right side only where the left one leaves it open.
///
/// It is coded as its text, and two expressions are equal if they differ in spaces and needless parentheses
/// only.
public struct Expression: Hashable, Sendable {
    let tree: ExpressionTree
    /// The parameters that it mentions, sorted.
    public let names: [String]

    /// - Throws: what was found, at which column (from 1), and what was expected there. The path is empty.
    public init(_ text: String) throws(Problem) {
        var parser = try ExpressionParser(text)
        self.init(try parser.whole())
    }

    /// The expression that is always `value`.
    public init(_ value: ParameterValue) {
        self.init(.value(value))
    }

    private init(_ tree: ExpressionTree) {
        self.tree = tree
        var names: Set<String> = []
        tree.visit { if case .name(let name) = $0 { names.insert(name) } }
        self.names = names.sorted()
    }
}

indirect enum ExpressionTree: Hashable, Sendable {
    case value(ParameterValue)
    case name(String)
    case minus(ExpressionTree)
    case not(ExpressionTree)
    case infix(Infix, ExpressionTree, ExpressionTree)
    case isOneOf(ExpressionTree, [ExpressionTree])
    case call(Function, [ExpressionTree])

    enum Infix: String, Hashable, Sendable {
        case or, and
        case equal = "=="
        case unequal = "!="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
        case plus = "+"
        case minus = "-"
        case times = "*"
        case over = "/"
        case modulo = "%"
        case power = "**"
    }

    enum Function: String, Hashable, Sendable, CaseIterable {
        case min, max, abs, sqrt, log, log2, log10, exp, floor, ceil, round

        /// Whether it takes any number of values from 1 up; the others take one.
        var takesMany: Bool { self == .min || self == .max }
    }

    /// Calls `body` with this tree and every tree inside.
    func visit(_ body: (ExpressionTree) -> Void) {
        body(self)
        switch self {
        case .value, .name: break
        case .minus(let operand), .not(let operand): operand.visit(body)
        case .infix(_, let left, let right):
            left.visit(body)
            right.visit(body)
        case .isOneOf(let left, let items):
            left.visit(body)
            for item in items { item.visit(body) }
        case .call(_, let arguments):
            for argument in arguments { argument.visit(body) }
        }
    }
}

/// How tightly operators bind.
enum Precedence: Int, Comparable {
    case none, or, and, not, comparison, sum, product, sign, power, operand

    static func < (a: Precedence, b: Precedence) -> Bool { a.rawValue < b.rawValue }

    /// The next tighter one.
    var above: Precedence { Precedence(rawValue: rawValue + 1) ?? .operand }
}

extension ExpressionTree.Infix {
    var precedence: Precedence {
        switch self {
        case .or: .or
        case .and: .and
        case .equal, .unequal, .less, .lessOrEqual, .greater, .greaterOrEqual: .comparison
        case .plus, .minus: .sum
        case .times, .over, .modulo: .product
        case .power: .power
        }
    }
}

extension Expression: Codable {
    public init(from decoder: any Decoder) throws {
        try self.init(decoder.singleValueContainer().decode(String.self))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
