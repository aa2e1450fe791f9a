import FleetModel
import Foundation
import Testing

@testable import Search

@Suite struct ExpressionTests {
    static let values: Assignment = [
        "lr": .float(0.01), "layers": .int(8), "width": .int(512), "zero": .int(0), "opt": .string("sgd"),
        "tied": .bool(true), "num-layers": .int(3), "opt.beta": .float(0.9), "big": .int(.max),
        "low": .int(.min), "min": .int(4), "a`b\\c": .int(6),
    ]

    static func value(_ text: String) throws -> ParameterValue? {
        try Search.Expression(text).value(in: values)
    }

    @Test(
        arguments: [
            ("lr / 10", .float(0.001)), ("1 + 2 * 3", .int(7)), ("(1 + 2) * 3", .int(9)),
            ("7 - 2 - 1", .int(4)),
            ("2 ** 3 ** 2", .int(512)), ("-2 ** 2", .int(-4)), ("(-2) ** 2", .int(4)),
            ("2 ** -1", .float(0.5)),
            ("1 ** -3", .int(1)), ("--3", .int(3)), ("2 * -layers", .int(-16)), ("-7 % 3", .int(2)),
            ("7 % -3", .int(-2)), ("-7.5 % 2", .float(0.5)), ("layers / 4", .int(2)),
            ("layers / 3", .float(8 / 3.0)),
            (".5 + 1e-1 + 2.", .float(2.6)), ("1E3", .float(1000)), ("9223372036854775808", .float(0x1p63)),
            ("big + 1", .float(0x1p63)), ("low - 1", .float(-0x1p63)), ("-low", .float(0x1p63)),
            ("low / -1", .float(0x1p63)), ("low % -1", .int(0)), ("abs(low)", .float(0x1p63)),
            ("big * big", .float(0x1p126)), ("3 ** 50", .float(717_897_987_691_852_578_422_784)),
            ("0 ** 0", .int(1)),
            ("0 ** big", .int(0)), ("(-1) ** big", .int(-1)), ("`num-layers` * 2", .int(6)),
            ("opt.beta", .float(0.9)), ("`a\\`b\\\\c`", .int(6)), ("min(min, 3, 3.5)", .int(3)),
            ("max(1, 2.5)", .float(2.5)), ("max(3)", .int(3)), ("sqrt(16)", .float(4)), ("log(1)", .float(0)),
            ("log2(width)", .float(9)), ("log10(1000)", .float(3)), ("exp(0)", .float(1)),
            ("floor(-1.5)", .int(-2)), ("ceil(1.2)", .int(2)), ("round(2.5)", .int(3)),
            ("round(-2.5)", .int(-3)),
            ("round(1e300)", .float(1e300)), ("round(layers / 3) * 64", .int(192)),
        ] as [(String, ParameterValue)])
    func `numbers come out, whole ones whole`(text: String, value: ParameterValue) throws {
        let found = try #require(try Self.value(text))
        #expect("\(found)" == "\(value)")
    }

    @Test(arguments: [
        ("layers * width <= 4096", true), ("layers * width < 4096", false), ("1 == 1.0", true),
        ("opt == 'sgd'", true), (#"opt != "sgd""#, false), ("opt in ['adam', \"sgd\"]", true),
        ("layers in [2, 4]", false), ("layers not in [2, 4]", true), ("layers ! in [2, 4]", true),
        ("tied", true), ("not tied", false), ("!tied || layers > 7 && true", true),
        ("not layers == 8", false), ("tied == not false", true), ("false and true or true", true),
        ("false and (true or true)", false), ("zero == 0 or 1 / zero > 1", true),
        ("zero != 0 && 1 / zero > 1", false), ("1 < 2 and 2 >= 2 and 2 <= 2 and 3 > 2", true),
        ("'it\\'s' == \"it's\"", true), ("big > 9223372036854775806", true), ("opt == 'adam' == false", true),
    ])
    func `conditions hold or do not`(text: String, holds: Bool) throws {
        guard text != "opt == 'adam' == false" else {
            #expect(throws: Problem.self) { try Search.Expression(text) }
            return
        }
        #expect(try Self.value(text) == .bool(holds))
    }

    @Test(arguments: [
        ("", 1, "the end", "a number, a name"), ("lr /", 5, "the end", "a number, a name"),
        ("lr / )", 6, "`)`", "a number, a name"), ("(lr", 4, "the end", "`)`"),
        ("lr lr", 4, "`lr`", "an operator or the end"), ("2x", 2, "`x`", "an operator or the end"),
        ("1 < 2 < 3", 7, "`<`", "comparisons do not chain"),
        ("1 == 2 in [3]", 8, "`in`", "comparisons do not chain"),
        ("lr in 3", 7, "`3`", "`[`"), ("lr in []", 8, "`]`", "a number"),
        ("lr in [1 2]", 10, "`2`", "`,` or `]`"),
        ("sqrt(1, 2)", 7, "`,`", "`)`"), ("min()", 5, "`)`", "a number"),
        ("'adam", 1, "`'` without an end", "`'`"),
        ("é + 'ü' $", 9, "`$`", "a value or an operator"), ("1e999", 1, "`1e999`", "a number of at most"),
        ("and", 1, "`and`", "a number"), ("1 not 2", 3, "`not`", "an operator or the end"),
        ("`lr", 1, "without", "`"),
    ])
    func `a wrong expression is answered with the column, what is there and what is expected`(
        text: String, column: Int, found: String, expected: String
    ) {
        let problem = #expect(throws: Problem.self) { try Search.Expression(text) }
        #expect(problem?.found.hasPrefix(found) == true || problem?.found.contains(found) == true)
        #expect(problem?.found.hasSuffix("at column \(column) of \"\(text)\"") == true, "\(problem!)")
        #expect(problem?.expected.contains(expected) == true, "\(problem!)")
    }

    @Test(arguments: [
        ("sqr(2)", "sqrt"), ("a = 1", "=="), ("a ^ 2", "**"), ("a & b", "and"), ("a | b", "or"),
        ("a ≤ 2", "<="),
    ])
    func `what was probably meant is named`(text: String, nearest: String) {
        let problem = #expect(throws: Problem.self) { try Search.Expression(text) }
        #expect(problem?.nearest == nearest)
    }

    @Test(arguments: [
        ("1 / zero", "division by zero in `1 / zero`"), ("1 % zero", "division by zero"),
        ("1.5 / (lr - 0.01)", "division by zero"), ("sqrt(-1)", "nan as `sqrt(-1)`"),
        ("log(zero)", "-inf as `log(zero)`"), ("exp(1000)", "inf as"), ("(-8) ** 0.5", "nan as"),
        ("opt + 1", "\"sgd\" as `opt`"), ("tied and layers", "8 as `layers`"), ("-opt", "\"sgd\""),
        ("0 ** -1", "inf as"),
    ])
    func `what cannot be computed says why`(text: String, found: String) {
        let problem = #expect(throws: Problem.self) { try Self.value(text) }
        #expect(problem?.found.contains(found) == true, "\(problem!)")
    }

    @Test func `an expression over a missing parameter has no value, whatever else it says`() throws {
        #expect(try Self.value("true or momentum > 1") == nil)
        #expect(try Self.value("1 / zero + momentum") == nil)
        #expect(try Search.Expression("b + a * b").names == ["a", "b"])
    }

    @Test func `too many operators are refused before they can exhaust the stack`() throws {
        for text in [
            String(repeating: "(", count: 100_000), String(repeating: "-", count: 100_000) + "1",
            String(repeating: "1 + ", count: 5000) + "1", String(repeating: "2 ** ", count: 5000) + "1",
            String(repeating: "not ", count: 5000) + "true", String(repeating: "min(", count: 5000),
        ] {
            let problem = #expect(throws: Problem.self) { try Search.Expression(text) }
            #expect(problem?.expected == "at most 200 of them")
        }
        let long = (0..<5000).map(String.init).joined(separator: ", ")
        #expect(try Search.Expression("layers in [\(long)]").value(in: Self.values) == .bool(true))
    }

    @Test func `an expression reads back from its own text, and costs no needless parentheses`() throws {
        let plain = "not (a or b) and -x ** 2 < (a - (b - c)) % 3 ** (-y) and x in [1, \"a\\\"b\", -2.5]"
        #expect(try Search.Expression(plain).description == plain)
        #expect(try Search.Expression("((a))+(b*(c))").description == "a + b * c")
        #expect(try Search.Expression("`x`+`not`+`a b`").description == "x + `not` + `a b`")
        #expect(try Search.Expression("a+b") == Search.Expression("(a) + b"))
        #expect(try Search.Expression("a+b") != Search.Expression("b + a"))
    }

    @Test func `any expression survives printing, and JSON`() throws {
        var g = SeededGenerator(seed: 31)
        for _ in 0..<5000 {
            let text = Self.anything(&g, depth: 4)
            let expression = try Search.Expression(text)
            let again = try Search.Expression(expression.description)
            #expect(again == expression, "\(text) -> \(expression)")
            #expect(again.description == expression.description)
            let json = try JSONEncoder().encode([expression])
            #expect(try JSONDecoder().decode([Search.Expression].self, from: json) == [expression])
        }
    }

    @Test func `no text crashes the reader or the evaluation`() {
        var g = SeededGenerator(seed: 32)
        let strewn = Array("()[]<>=!&|+-*/%'\"`.,1aé\\ \n")
        var (read, computed) = (0, 0)
        for _ in 0..<20_000 {
            var characters = Array(Self.anything(&g, depth: 3))
            for _ in 0..<g.int(0...2) {
                characters[g.int(0...characters.count - 1)] = strewn[g.int(0...strewn.count - 1)]
            }
            guard let expression = try? Search.Expression(String(characters)) else { continue }
            read += 1
            if (try? expression.value(in: Self.values)) != nil { computed += 1 }
        }
        #expect(read > 5000 && computed > 500, "\(read) \(computed)")
    }

    /// Any right expression, with parentheses and spaces strewn over it.
    static func anything(_ g: inout SeededGenerator, depth: Int) -> String {
        let space = g.chance(0.5) ? " " : "\n "
        func inner(_ g: inout SeededGenerator) -> String {
            let text = anything(&g, depth: depth - 1)
            return "(\(text))"
        }
        if depth == 0 || g.chance(0.2) {
            let leaves = [
                "lr", "layers", "width", "zero", "opt", "tied", "1", "0", "2.5", "1e-3", "-4", "'sgd'",
                "\"it's\"",
                "true", "false", "`num-layers`", "_x", "3e300", "9223372036854775808", "'a\\\\b'",
            ]
            return leaves[g.int(0...leaves.count - 1)]
        }
        switch g.int(0...5) {
        case 0: return "-" + space + anything(&g, depth: depth - 1).bracketedUnlessPlain(&g)
        case 1: return "not " + inner(&g)
        case 2: return inner(&g) + (g.chance(0.5) ? " in [" : " not in [") + inner(&g) + ", 3]"
        case 3: return "max(\(anything(&g, depth: depth - 1)),\(anything(&g, depth: depth - 1)))"
        default:
            let operators = [
                "+", "-", "*", "/", "%", "**", "<", ">=", "==", "!=", " and ", " or ", "&&", "||",
            ]
            let infix = operators[g.int(0...operators.count - 1)]
            return inner(&g) + space + infix + space + anything(&g, depth: depth - 1).bracketedUnlessPlain(&g)
        }
    }
}

extension String {
    /// Sums and products may stand without parentheses; what must not chain may not.
    fileprivate func bracketedUnlessPlain(_ g: inout SeededGenerator) -> String {
        let chains = ["<", ">", "=", " in ", "not "].contains { contains($0) }
        return chains || g.chance(0.3) ? "(\(self))" : self
    }
}
