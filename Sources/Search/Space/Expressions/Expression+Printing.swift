import FleetModel

extension Expression: CustomStringConvertible {
    /// Reads back as an equal expression.
    public var description: String { tree.description }
}

extension ExpressionTree: CustomStringConvertible {
    var description: String {
        switch self {
        case .value(let value): value.literal
        case .name(let name): name.isPlainName ? name : name.quoted("`")
        case .minus(let operand): "-" + operand.shown(.sign)
        case .not(let operand): "not " + operand.shown(.not)
        case .infix(.power, let left, let right):
            "\(left.shown(.operand)) ** \(right.shown(.power))"
        case .infix(let infix, let left, let right):
            "\(left.shown(infix.leftPrecedence)) \(infix.rawValue) \(right.shown(infix.precedence.above))"
        case .isOneOf(let left, let items): "\(left.shown(.sum)) in [\(items.listed)]"
        case .call(let function, let arguments): "\(function.rawValue)(\(arguments.listed))"
        }
    }

    /// In parentheses where it binds less tightly than what surrounds it.
    private func shown(_ least: Precedence) -> String {
        precedence < least ? "(\(self))" : description
    }

    private var precedence: Precedence {
        switch self {
        case .value(let value): value.isNegative ? .sign : .operand
        case .name, .call: .operand
        case .minus: .sign
        case .not: .not
        case .infix(let infix, _, _): infix.precedence
        case .isOneOf: .comparison
        }
    }
}

extension ExpressionTree.Infix {
    /// Comparisons do not chain, so neither side may be one.
    fileprivate var leftPrecedence: Precedence {
        precedence == .comparison ? precedence.above : precedence
    }
}

extension [ExpressionTree] {
    fileprivate var listed: String { map(\.description).joined(separator: ", ") }
}

extension ParameterValue {
    /// As an expression writes it.
    var literal: String {
        if case .string(let text) = self { text.quoted("\"") } else { description }
    }

    fileprivate var isNegative: Bool {
        number.map { $0.sign == .minus } ?? false
    }
}

extension String {
    fileprivate func quoted(_ quote: Character) -> String {
        reduce(into: "\(quote)") { text, character in
            if character == quote || character == "\\" { text.append("\\") }
            text.append(character)
        } + "\(quote)"
    }

    /// Whether an expression may write the name without backticks.
    fileprivate var isPlainName: Bool {
        guard let first, first.beginsName, allSatisfy(\.continuesName) else { return false }
        return !ExpressionToken.words.contains(self)
    }
}
