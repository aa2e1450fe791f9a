import FleetModel

/// A piece of an expression's text.
struct ExpressionToken {
    enum Kind: Hashable {
        case value(ParameterValue)
        /// Also `and`, `or`, `not`, `in`, `true` and `false`, unless it stood in backticks.
        case word(String)
        case quotedName(String)
        case symbol(String)
        case end
    }

    let kind: Kind
    /// As it stands in the text.
    let text: String
    /// From 1, in characters.
    let column: Int

    /// Words that are no names.
    static let words = ["and", "or", "not", "in", "true", "false"]
}

/// Cuts an expression's text into tokens.
struct ExpressionLexer {
    private let characters: [Character]
    private var place = 0

    /// The tokens of `text`, `.end` last.
    static func tokens(of text: String) throws(Problem) -> [ExpressionToken] {
        var lexer = ExpressionLexer(text)
        var tokens: [ExpressionToken] = []
        repeat { tokens.append(try lexer.next()) } while tokens.last?.kind != .end
        return tokens
    }

    private init(_ text: String) {
        characters = Array(text)
    }

    private mutating func next() throws(Problem) -> ExpressionToken {
        while let character = peek(), character.isWhitespace { place += 1 }
        let start = place
        guard let first = peek() else { return token(.end, from: start) }
        if first.isDigit || first == "." && peek(1)?.isDigit == true { return try number() }
        if first == "\"" || first == "'" || first == "`" { return try quoted(first) }
        if first.beginsName {
            while peek()?.continuesName == true { place += 1 }
            return token(.word(String(characters[start..<place])), from: start)
        }
        return try symbol()
    }

    private mutating func number() throws(Problem) -> ExpressionToken {
        let start = place
        skipDigits()
        if peek() == "." {
            place += 1
            skipDigits()
        }
        if peek() == "e" || peek() == "E" {
            let hasSign = peek(1) == "+" || peek(1) == "-"
            if peek(hasSign ? 2 : 1)?.isDigit == true {
                place += hasSign ? 2 : 1
                skipDigits()
            }
        }
        let text = String(characters[start..<place])
        if let int = Int(text) { return token(.value(.int(int)), from: start) }
        guard let double = Double(text), double.isFinite else {
            throw problem(at: start, found: "`\(text)`", expected: "a number of at most 1.8e308")
        }
        return token(.value(.float(double)), from: start)
    }

    private mutating func skipDigits() {
        while peek()?.isDigit == true { place += 1 }
    }

    private mutating func quoted(_ quote: Character) throws(Problem) -> ExpressionToken {
        let start = place
        var text = ""
        place += 1
        while let character = peek() {
            place += 1
            if character == quote {
                return token(quote == "`" ? .quotedName(text) : .value(.string(text)), from: start)
            }
            guard character == "\\" else {
                text.append(character)
                continue
            }
            if let next = peek() { text.append(next) }
            place += 1
        }
        throw problem(at: start, found: "`\(quote)` without an end", expected: "another `\(quote)`")
    }

    private static let symbols = [
        "==", "!=", "<=", ">=", "**", "&&", "||", "<", ">", "+", "-", "*", "/", "%", "!", "(", ")", "[", "]",
        ",",
    ]
    /// What other languages write, and we do not.
    private static let strangers = ["=": "==", "^": "**", "&": "and", "|": "or", "≤": "<=", "≥": ">="]

    private mutating func symbol() throws(Problem) -> ExpressionToken {
        let start = place
        guard let symbol = Self.symbols.first(where: { characters[start...].starts(with: $0) }) else {
            let stranger = String(characters[start])
            throw problem(
                at: start, found: "`\(stranger)`", expected: "a value or an operator",
                nearest: Self.strangers[stranger])
        }
        place += symbol.count
        return token(.symbol(symbol), from: start)
    }

    private func peek(_ ahead: Int = 0) -> Character? {
        place + ahead < characters.count ? characters[place + ahead] : nil
    }

    private func token(_ kind: ExpressionToken.Kind, from start: Int) -> ExpressionToken {
        ExpressionToken(kind: kind, text: String(characters[start..<place]), column: start + 1)
    }

    private func problem(
        at start: Int, found: String, expected: String, nearest: String? = nil
    ) -> Problem {
        .inExpression(
            String(characters), column: start + 1, found: found, expected: expected, nearest: nearest)
    }
}

extension Problem {
    static func inExpression(
        _ text: String, column: Int, found: String, expected: String, nearest: String? = nil
    ) -> Problem {
        Problem(
            at: [], found: "\(found) at column \(column) of \"\(text)\"", expected: expected,
            nearest: nearest)
    }
}

extension Character {
    fileprivate var isDigit: Bool { "0" <= self && self <= "9" }
    var beginsName: Bool { isLetter || self == "_" }
    var continuesName: Bool { beginsName || isDigit || self == "." }
}
