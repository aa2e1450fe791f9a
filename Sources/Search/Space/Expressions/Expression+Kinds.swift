import FleetModel

/// What kinds of value an expression may have.
struct ValueKinds: OptionSet {
    let rawValue: Int

    static let whole = ValueKinds(rawValue: 1)
    static let fraction = ValueKinds(rawValue: 2)
    static let text = ValueKinds(rawValue: 4)
    static let truth = ValueKinds(rawValue: 8)
    static let number: ValueKinds = [.whole, .fraction]

    var words: String {
        var words: [String] = []
        if contains(.fraction) {
            words.append("a number")
        } else if contains(.whole) {
            words.append("a whole number")
        }
        if contains(.text) { words.append("a text") }
        if contains(.truth) { words.append("true or false") }
        return words.joined(separator: " or ")
    }
}

extension ParameterValue {
    var kinds: ValueKinds {
        switch self {
        case .int: .whole
        case .float: .fraction
        case .string: .text
        case .bool: .truth
        }
    }
}

/// What is known of a name before it has a value.
struct Known {
    let kinds: ValueKinds
    /// Of a categorical parameter.
    let choices: [ParameterValue]

    init(_ domain: Domain) {
        switch domain {
        case .float: (kinds, choices) = (.number, [])
        case .int: (kinds, choices) = (.whole, [])
        case .categorical(let choices):
            self.choices = choices
            kinds = choices.reduce(into: []) { $0.formUnion($1.kinds) }
        }
    }

    init(_ kinds: ValueKinds) {
        (self.kinds, choices) = (kinds, [])
    }
}

extension Expression {
    /// Throws for a name that is not `known`.
    func checkNames(among known: some Collection<String>) throws(Problem) {
        guard let stranger = names.first(where: { !known.contains($0) }) else { return }
        let text = description
        let column = try ExpressionLexer.tokens(of: text).first { $0.names == stranger }?.column
        let sorted = known.sorted()
        throw .inExpression(
            text, column: column ?? 1, found: "`\(stranger)`",
            expected: sorted.isEmpty
                ? "no name, as there are no parameters" : "one of \(sorted.joined(separator: ", "))",
            nearest: nearestName(to: stranger, among: sorted + ExpressionToken.words))
    }

    /// The kinds that its value may have; throws where an operator is given what it can never take, or a
    /// choice is compared with a value that is none of them.
    func kinds(_ known: [String: Known]) throws(Problem) -> ValueKinds {
        try tree.kinds(known)
    }
}

extension ExpressionTree {
    fileprivate func kinds(_ known: [String: Known]) throws(Problem) -> ValueKinds {
        switch self {
        case .value(let value): return value.kinds
        case .name(let name): return known[name]?.kinds ?? []
        case .minus(let operand): return try require(.number, of: operand, known)
        case .not(let operand): return try require(.truth, of: operand, known)
        case .infix(let infix, let left, let right): return try kinds(infix, left, right, known)
        case .isOneOf(let left, let items):
            for item in items { try checkComparison(left, item, known) }
            return .truth
        case .call(let function, let arguments):
            var kinds: ValueKinds = []
            for argument in arguments { kinds.formUnion(try require(.number, of: argument, known)) }
            switch function {
            case .min, .max, .abs: return kinds
            case .floor, .ceil, .round: return .whole
            case .sqrt, .log, .log2, .log10, .exp: return .fraction
            }
        }
    }

    private func kinds(
        _ infix: Infix, _ left: ExpressionTree, _ right: ExpressionTree, _ known: [String: Known]
    ) throws(Problem) -> ValueKinds {
        switch infix {
        case .or, .and:
            _ = try require(.truth, of: left, known)
            return try require(.truth, of: right, known)
        case .equal, .unequal:
            try checkComparison(left, right, known)
            return .truth
        case .less, .lessOrEqual, .greater, .greaterOrEqual:
            _ = try require(.number, of: left, known)
            _ = try require(.number, of: right, known)
            return .truth
        case .plus, .minus, .times, .over, .modulo, .power:
            let kinds = try require(.number, of: left, known).union(require(.number, of: right, known))
            return infix == .over || infix == .power ? kinds.union(.number) : kinds
        }
    }

    private func require(
        _ wanted: ValueKinds, of operand: ExpressionTree, _ known: [String: Known]
    ) throws(Problem) -> ValueKinds {
        let kinds = try operand.kinds(known)
        guard kinds.isDisjoint(with: wanted) else { return kinds.intersection(wanted) }
        throw Problem(
            at: [], found: "`\(operand)`, which is \(kinds.words), in `\(self)`", expected: wanted.words)
    }

    /// Two values that can never be equal are a mistake.
    private func checkComparison(
        _ left: ExpressionTree, _ right: ExpressionTree, _ known: [String: Known]
    ) throws(Problem) {
        let (a, b) = (try left.kinds(known), try right.kinds(known))
        guard !a.loose.isDisjoint(with: b.loose) else {
            throw Problem(
                at: [], found: "`\(right)`, which is \(b.words), beside `\(left)` in `\(self)`",
                expected: a.words)
        }
        try checkChoice(left, right, known)
        try checkChoice(right, left, known)
    }

    private func checkChoice(
        _ name: ExpressionTree, _ value: ExpressionTree, _ known: [String: Known]
    ) throws(Problem) {
        guard case .name(let name) = name, case .value(let value) = value,
            let choices = known[name]?.choices, !choices.isEmpty, !choices.contains(value)
        else { return }
        throw Problem(
            at: [], found: "\(value.literal) in `\(self)`",
            expected: "a choice of \(name): \(choices.map(\.literal).joined(separator: ", "))",
            nearest: nearestName(to: value.description, among: choices.map(\.description)))
    }
}

extension ValueKinds {
    /// A whole number may equal one that need not be whole.
    fileprivate var loose: ValueKinds {
        isDisjoint(with: .number) ? self : union(.number)
    }
}

extension ExpressionToken {
    /// The name that it is; nil for other tokens.
    fileprivate var names: String? {
        switch kind {
        case .word(let word) where !Self.words.contains(word): word
        case .quotedName(let name): name
        default: nil
        }
    }
}
