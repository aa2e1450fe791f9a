import FleetModel

/// Reads an expression by operator precedence (Pratt 1973, "Top down operator precedence").
struct ExpressionParser {
    private let text: String
    private let tokens: [ExpressionToken]
    private var place = 0
    /// So many operators, parentheses and brackets have been seen.
    private var weight = 0

    /// Bounds the depth of the tree, and with it the stack of whoever walks it.
    private static let heaviest = 200

    init(_ text: String) throws(Problem) {
        self.text = text
        tokens = try ExpressionLexer.tokens(of: text)
    }

    /// The tree of the whole text.
    mutating func whole() throws(Problem) -> ExpressionTree {
        let tree = try expression(.none)
        guard token.kind == .end else { throw problem("an operator or the end") }
        return tree
    }

    /// As far as the operators bind more tightly than `outer`, or as tightly where they group to the right.
    private mutating func expression(_ outer: Precedence) throws(Problem) -> ExpressionTree {
        var left = try operand()
        while let precedence = upcoming, precedence > outer || precedence == .power && outer == .power {
            left = try operation(on: left, precedence)
            if precedence == .comparison, upcoming == .comparison {
                throw problem("`and` or `or`, because comparisons do not chain")
            }
        }
        return left
    }

    /// How tightly the operator that comes next binds; nil where none does.
    private var upcoming: Precedence? {
        if let infix { return infix.precedence }
        return isMembership ? .comparison : nil
    }

    private var infix: ExpressionTree.Infix? {
        switch token.kind {
        case .word("or"), .symbol("||"): .or
        case .word("and"), .symbol("&&"): .and
        case .symbol(let symbol): ExpressionTree.Infix(rawValue: symbol)
        default: nil
        }
    }

    /// `in`, `not in`.
    private var isMembership: Bool {
        token.kind == .word("in") || token.isNot && tokens[place + 1].kind == .word("in")
    }

    private mutating func operation(
        on left: ExpressionTree, _ precedence: Precedence
    ) throws(Problem) -> ExpressionTree {
        if let infix {
            try advance(weighing: 1)
            return .infix(infix, left, try expression(precedence))
        }
        let isNegated = token.isNot
        try advance(weighing: isNegated ? 2 : 1)
        if isNegated { try advance(weighing: 0) }
        try expect("[")
        let membership = ExpressionTree.isOneOf(left, try list(until: "]"))
        return isNegated ? .not(membership) : membership
    }

    private mutating func operand() throws(Problem) -> ExpressionTree {
        let first = token
        switch first.kind {
        case .value(let value):
            try advance(weighing: 0)
            return .value(value)
        case .quotedName(let name):
            try advance(weighing: 0)
            return .name(name)
        case .word("true"), .word("false"):
            try advance(weighing: 0)
            return .value(.bool(first.text == "true"))
        case .symbol("-"):
            try advance(weighing: 1)
            return try expression(.sign).negated
        case .word("not"), .symbol("!"):
            try advance(weighing: 1)
            return .not(try expression(.not))
        case .symbol("("):
            try advance(weighing: 1)
            let inner = try expression(.none)
            try expect(")")
            return inner
        case .word(let word) where !ExpressionToken.words.contains(word):
            try advance(weighing: 0)
            return token.kind == .symbol("(") ? try call(first) : .name(word)
        default: throw problem("a number, a name, a text in quotes, `-`, `not` or `(`")
        }
    }

    private mutating func call(_ name: ExpressionToken) throws(Problem) -> ExpressionTree {
        guard let function = ExpressionTree.Function(rawValue: name.text) else {
            let names = ExpressionTree.Function.allCases.map(\.rawValue)
            throw .inExpression(
                text, column: name.column, found: "`\(name.text)(`",
                expected: "an operator, or one of the functions \(names.joined(separator: ", "))",
                nearest: nearestName(to: name.text, among: names))
        }
        try advance(weighing: 1)
        guard !function.takesMany else { return .call(function, try list(until: ")")) }
        let argument = try expression(.none)
        try expect(")")
        return .call(function, [argument])
    }

    /// At least one item, with commas between them.
    private mutating func list(until end: String) throws(Problem) -> [ExpressionTree] {
        var items = [try expression(.none)]
        while token.kind == .symbol(",") {
            try advance(weighing: 0)
            items.append(try expression(.none))
        }
        guard token.kind == .symbol(end) else { throw problem("`,` or `\(end)`") }
        try advance(weighing: 0)
        return items
    }

    private var token: ExpressionToken { tokens[place] }

    private mutating func advance(weighing added: Int) throws(Problem) {
        weight += added
        guard weight <= Self.heaviest else {
            throw .inExpression(
                text, column: token.column, found: "one operator or parenthesis too many",
                expected: "at most \(Self.heaviest) of them")
        }
        place += 1
    }

    private mutating func expect(_ symbol: String) throws(Problem) {
        guard token.kind == .symbol(symbol) else { throw problem("`\(symbol)`") }
        try advance(weighing: 0)
    }

    private func problem(_ expected: String) -> Problem {
        .inExpression(
            text, column: token.column, found: token.kind == .end ? "the end" : "`\(token.text)`",
            expected: expected)
    }
}

extension ExpressionToken {
    fileprivate var isNot: Bool { kind == .word("not") || kind == .symbol("!") }
}

extension ExpressionTree {
    /// The sign of a number belongs to the number.
    fileprivate var negated: ExpressionTree {
        switch self {
        case .value(.int(let int)): .value(.int(-int))
        case .value(.float(let float)): .value(.float(-float))
        default: .minus(self)
        }
    }
}
