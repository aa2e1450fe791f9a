import FleetModel
import Foundation
import Search
import Testing

/// Constraints, fixed and derived parameters.
@Suite struct RulesTests {
    static let parameters = [
        Parameter("lr", .float(low: 1e-5, high: 1e-1, scale: .log)),
        Parameter("layers", .int(low: 1, high: 16)),
        Parameter("width", .int(low: 64, high: 1024, scale: .step(64))),
        Parameter("opt", .categorical(choices: [.string("adam"), .string("sgd")])),
        Parameter("momentum", .float(low: 0, high: 1), when: ["opt": [.string("sgd")]]),
    ]

    static func space(
        _ constraints: String..., derived: [(String, String)] = [], fixed: [String: ParameterValue] = [:]
    ) throws -> Space {
        try Space(
            parameters,
            derived: derived.map { try Derived($0, $1) }
                + fixed.sorted { $0.key < $1.key }.map { Derived($0, fixed: $1) },
            constraints: constraints.map { try Constraint($0) })
    }

    static let adam: Assignment = [
        "lr": .float(0.01), "layers": .int(4), "width": .int(512), "opt": .string("adam"),
    ]

    static func sgd(_ momentum: Double) -> Assignment {
        adam.merging(["opt": .string("sgd"), "momentum": .float(momentum)]) { $1 }
    }

    @Test func `a constraint forbids what breaks it, and says with which values`() throws {
        let space = try Self.space("layers * width <= 2048", "lr < 0.05 or layers < 3")
        #expect(space.allows(Self.adam))
        #expect(space.problem(with: Self.adam) == nil)
        let deep = Self.adam.merging(["layers": .int(5)]) { $1 }
        #expect(!space.allows(deep))
        #expect(
            space.problem(with: deep) == "found layers = 5, width = 512, expected `layers * width <= 2048`")
    }

    @Test func `a constraint on a parameter that is not active does not apply`() throws {
        let space = try Self.space("momentum < 0.5")
        #expect(space.allows(Self.adam))
        #expect(space.allows(Self.sgd(0.25)))
        #expect(!space.allows(Self.sgd(0.75)))
    }

    @Test func `what cannot be computed is not allowed`() throws {
        let space = try Self.space("1 / (layers - 1) < 10")
        let single = Self.adam.merging(["layers": .int(1)]) { $1 }
        #expect(
            space.problem(with: single)
                == "found division by zero in `1 / (layers - 1)`, expected another divisor, so that "
                + "`1 / (layers - 1) < 10` can be decided")
        let derived = try Self.space(derived: [("depth_scale", "1 / (layers - 1)")])
        #expect(derived.allows(Self.adam))
        #expect(!derived.allows(single))
        #expect(
            derived.problem(with: single)
                == "depth_scale: found division by zero in `1 / (layers - 1)`, expected another divisor")
    }

    @Test func `an assignment is completed by fixed and derived values, in the order of their need`() throws {
        let space = try Self.space(
            "min_lr >= 1e-6",
            derived: [
                ("half", "min_lr / 2"), ("min_lr", "lr / 10"), ("heads", "width / 64"), ("m", "1 - momentum"),
            ],
            fixed: ["weight_decay": .float(0.1), "schedule": .string("cosine"), "tied": .bool(true)])
        #expect(
            space.derived.map(\.name) == ["min_lr", "half", "heads", "m", "schedule", "tied", "weight_decay"])
        let completed = space.completed(Self.adam)
        let added: Assignment = [
            "min_lr": .float(0.001), "half": .float(0.0005), "heads": .int(8), "weight_decay": .float(0.1),
            "schedule": .string("cosine"), "tied": .bool(true),
        ]
        #expect(completed == Self.adam.merging(added) { $1 })
        #expect(space.completed(completed) == completed)
        #expect(space.completed(completed.merging(["half": .int(7)]) { $1 }) == completed)
        #expect(space.searched(completed) == Self.adam)
        #expect(space.completed(Self.sgd(0.25))["m"] == .float(0.75))
        #expect(space.problem(with: completed) == nil)
        #expect(
            space.problem(with: completed.merging(["half": .int(7)]) { $1 })
                == "half: found 7, expected `min_lr / 2`, which is 0.0005 here")
        #expect(!space.allows(Self.adam.merging(["lr": .float(9e-6)]) { $1 }))
        #expect(space.parameters == Self.parameters)
    }

    @Test func `each name that a trainer is given has a kind`() throws {
        let space = try Self.space(
            derived: [
                ("a", "layers * 2 ** 2"), ("b", "lr / 10"), ("c", "round(lr * 10) + layers"), ("d", "opt"),
                ("e", "layers > 3"), ("f", "layers + a - min(width, 3) % 2"),
            ], fixed: ["g": .int(3), "h": .float(0.5), "i": .string("x")])
        let kinds = Dictionary(uniqueKeysWithValues: space.kinds.map { ($0.name, $0.kind) })
        #expect(kinds["lr"] == .float && kinds["layers"] == .int && kinds["opt"] == .categorical)
        #expect(kinds["a"] == .float, "a power may be a fraction")
        #expect(kinds["b"] == .float && kinds["c"] == .int && kinds["d"] == .categorical)
        #expect(kinds["e"] == .categorical && kinds["f"] == .float)
        #expect(kinds["g"] == .int && kinds["h"] == .float && kinds["i"] == .categorical)
    }

    struct Wrong: CustomTestStringConvertible, Sendable {
        var constraints: [String] = []
        var derived: [String: String] = [:]
        let path: [String]
        let says: String
        var testDescription: String { says }
    }

    @Test(arguments: [
        Wrong(
            constraints: ["lr < 1", "layrs * width < 9"], path: ["constraints", "1"],
            says: "found `layrs` at column 1 of \"layrs * width < 9\", expected one of lay"),
        Wrong(constraints: ["lr < 1 and True"], path: ["constraints", "0"], says: "(did you mean true?)"),
        Wrong(
            constraints: ["layers * width"], path: ["constraints", "0"],
            says: "found `layers * width`, which is a whole number, expected a condition"),
        Wrong(
            constraints: ["opt * 2 < 3"], path: ["constraints", "0"],
            says: "found `opt`, which is a text, in `opt * 2`, expected a number"),
        Wrong(
            constraints: ["opt == 3"], path: ["constraints", "0"],
            says: "found `3`, which is a whole number, beside `opt` in `opt == 3`, expected a text"),
        Wrong(
            constraints: ["opt != 'adm'"], path: ["constraints", "0"],
            says: "expected a choice of opt: \"adam\", \"sgd\" (did you mean adam?)"),
        Wrong(
            constraints: ["opt in ['sgd', 'lion']"], path: ["constraints", "0"],
            says: "found \"lion\" in `opt in [\"sgd\", \"lion\"]`, expected a choice of opt"),
        Wrong(
            constraints: ["not lr"], path: ["constraints", "0"],
            says: "found `lr`, which is a number, in `not lr`, expected true or false"),
        Wrong(derived: ["lr": "2"], path: ["lr"], says: "found a second parameter of this name"),
        Wrong(derived: ["": "2"], path: [], says: "without a name"),
        Wrong(derived: ["a": "lrr / 2"], path: ["a"], says: "(did you mean lr?)"),
        Wrong(derived: ["a": "a + 1"], path: ["a"], says: "found `a` at column 1"),
        Wrong(
            derived: ["a": "b + 1", "b": "lr + c", "c": "a"], path: ["a"],
            says: "found `a` uses `b` uses `c` uses `a`, expected values that do not need themselves"),
        Wrong(derived: ["a": "1 / 0"], path: ["a"], says: "division by zero"),
        Wrong(derived: ["a": "-opt"], path: ["a"], says: "which is a text, in `-opt`"),
        Wrong(constraints: ["a > 'x'"], derived: ["a": "opt"], path: ["constraints", "0"], says: "a number"),
    ])
    func `wrong rules are refused at their place`(wrong: Wrong) throws {
        let derived = try wrong.derived.sorted { $0.key < $1.key }.map { try Derived($0.key, $0.value) }
        let constraints = try wrong.constraints.map { try Constraint($0) }
        let problem = #expect(throws: Problem.self) {
            try Space(Self.parameters, derived: derived, constraints: constraints)
        }
        #expect(problem?.path == wrong.path)
        #expect(problem?.description.contains(wrong.says) == true, "\(problem!)")
    }

    @Test func `fixed values are finite, and no condition can stand on them`() throws {
        let infinite = #expect(throws: Problem.self) {
            try Space(Self.parameters, derived: [Derived("x", fixed: .float(.infinity))])
        }
        #expect(infinite?.path == ["x"])
        let child = Parameter("m", .int(low: 0, high: 1), when: ["opt": [.string("sgd")]])
        let onFixed = #expect(throws: Problem.self) {
            try Space([child], derived: [Derived("opt", fixed: .string("sgd"))])
        }
        #expect(onFixed?.path == ["m", "when", "opt"])
        #expect(onFixed?.found == "a condition on `opt`, which is not searched")
    }

    @Test func `a space with rules is written as a mapping and reads back equal, one without as a list`()
        throws
    {
        let space = try Self.space(
            "layers*width <= 4096", derived: [("min_lr", "lr/10")],
            fixed: ["wd": .float(0.1), "x": .string("a")])
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let json = String(decoding: try encoder.encode(space), as: UTF8.self)
        #expect(json.hasPrefix(#"{"constraints":["layers * width <= 4096"],"derived":["#))
        #expect(
            json.contains(
                #"[{"name":"min_lr","value":"lr / 10"},{"name":"wd","value":"0.1"},{"name":"x","value":"\"a\""}]"#
            ))
        #expect(try JSONDecoder().decode(Space.self, from: Data(json.utf8)) == space)
        #expect(String(decoding: try encoder.encode(Self.space()), as: UTF8.self).hasPrefix("["))
        let wrong = json.replacing("lr / 10", with: "lrr / 10")
        #expect(throws: Problem.self) { try JSONDecoder().decode(Space.self, from: Data(wrong.utf8)) }
    }

    @Test func `shrinking keeps the rules, and the best still fulfils them`() throws {
        let space = try Self.space("layers * width <= 4096", derived: [("min_lr", "lr / 10")])
        let shrunk = space.shrunk(around: Self.adam, shares: ["layers": 0.5, "lr": 0.5])
        #expect(shrunk.constraints == space.constraints && shrunk.derived == space.derived)
        #expect(shrunk.problem(with: Self.adam) == nil)
    }
}

/// Drawing, filling and taking in assignments under rules.
@Suite struct DrawingTests {
    @Test func `what is drawn is allowed, and all that is allowed is drawn alike`() throws {
        let space = try Space(
            [Parameter("a", .int(low: 1, high: 4)), Parameter("b", .int(low: 1, high: 4))],
            constraints: [Constraint("a + b == 5 or a == b")])
        var (g, counts) = (SeededGenerator(seed: 41), [Assignment: Int]())
        for _ in 0..<8000 { counts[try #require(space.draw(using: &g)), default: 0] += 1 }
        // 1000 each with a standard deviation of 30.
        #expect(counts.count == 8 && counts.values.allSatisfy { (850...1150).contains($0) }, "\(counts)")
    }

    @Test func `a space that its constraints empty says so, names the culprit, and gives nothing to try`()
        throws
    {
        let parameters = [Parameter("a", .float(low: 0, high: 1)), Parameter("b", .float(low: 0, high: 1))]
        let none = try Space(
            parameters, constraints: [Constraint("a < b"), Constraint("a + b > 3"), Constraint("a > b")])
        #expect(
            none.emptiness
                == Problem(
                    at: ["constraints", "1"], found: "`a + b > 3`",
                    expected: "a constraint that some combination fulfils: none of 10000 random ones does"))
        let clash = try Space(parameters, constraints: [Constraint("a < b"), Constraint("a > b")])
        #expect(clash.emptiness?.path == ["constraints"])
        #expect(try Space(parameters, constraints: [Constraint("a < b")]).emptiness == nil)
        #expect(try Space(parameters).emptiness == nil)
        var g = SeededGenerator(seed: 42)
        for kind in SamplerContract.everyKind {
            #expect(kind.propose(in: none, history: [], using: &g) == nil, "\(kind)")
        }
    }

    @Test(arguments: SamplerContract.everyKind)
    func `no sampler proposes what is forbidden, and the same question gets the same answer`(
        sampler: SamplerKind
    ) throws {
        var (g, proposals) = (SeededGenerator(seed: 43), 0)
        for _ in 0..<80 {
            let space = try Space.ruled(&g)
            guard space.draw(using: &g) != nil else { continue }
            let past = history(of: g.int(0...25), in: space, &g)
            var again = g
            let answer = sampler.propose(in: space, history: past, using: &g)
            #expect(sampler.propose(in: space, history: past, using: &again) == answer)
            guard let answer else { continue }
            proposals += 1
            #expect(space.problem(with: answer.assignment) == nil, "\(space.constraints)")
        }
        #expect(proposals > 40)
    }

    @Test func `drawn, filled and normalised assignments of any space with rules lie in it`() throws {
        var (g, filled) = (SeededGenerator(seed: 44), 0)
        for _ in 0..<600 {
            let space = try Space.ruled(&g)
            guard let drawn = space.draw(using: &g) else { continue }
            #expect(space.problem(with: drawn) == nil)
            #expect(try space.normalised(drawn) == drawn)
            #expect(try space.normalised(space.completed(drawn)) == drawn)
            let kept = drawn.filter { _ in g.chance(0.4) }
            let whole = try #require(try space.fill(kept, using: &g))
            filled += 1
            #expect(space.problem(with: whole) == nil)
            #expect(whole.filter { kept[$0.key] != nil } == kept)
        }
        #expect(filled > 400)
    }

    static let tree = [
        Parameter("opt", .categorical(choices: [.string("adam"), .string("sgd"), .string("rms")])),
        Parameter(
            "kind", .categorical(choices: [.int(1), .int(2)]),
            when: ["opt": [.string("sgd"), .string("rms")]]),
        Parameter("momentum", .float(low: 0, high: 1), when: ["opt": [.string("sgd")], "kind": [.int(2)]]),
        Parameter("beta", .float(low: 0, high: 1), when: ["opt": [.string("adam")]]),
        Parameter("decay", .float(low: 0, high: 1), when: ["opt": [.string("rms")]]),
    ]

    @Test func `a given child implies its parents, over several levels`() throws {
        let space = try Space(Self.tree, constraints: [Constraint("momentum > 0.5")])
        var g = SeededGenerator(seed: 45)
        for _ in 0..<50 {
            let filled = try #require(try space.fill(["momentum": .float(0.75)], using: &g))
            #expect(filled == ["opt": .string("sgd"), "kind": .int(2), "momentum": .float(0.75)])
            let kind = try #require(try space.fill(["kind": .float(1)], using: &g))
            #expect(kind["kind"] == .int(1) && kind["opt"] != .string("adam"))
        }
    }

    @Test(
        arguments: [
            (["x": .int(1)], "x: found x, expected one of opt, kind, momentum, beta, decay"),
            (["betta": .int(1)], "(did you mean beta?)"),
            (["beta": .int(2)], "beta: found 2, expected a number from 0.0 to 1.0"),
            (["opt": .string("lion")], "opt: found \"lion\", expected one of adam, sgd, rms"),
            (
                ["opt": .string("sgd"), "beta": .int(1)],
                "beta: found 1.0, expected nothing, as opt is \"sgd\""
            ),
            (["kind": .int(1), "momentum": .int(1)], "momentum: found 1.0, expected nothing, as kind is 1"),
            (
                ["momentum": .int(1), "beta": .int(1)],
                "expected nothing, as no choice of opt suits all that is given"
            ),
            (["momentum": .float(0.25)], "found momentum = 0.25, expected `momentum > 0.5`"),
            (
                ["lr": .float(0.25)],
                "lr: found 0.25, expected `beta / 2`, which cannot be told from the values given"
            ),
            (["wd": .float(0.25)], "wd: found 0.25, expected `0.1`"),
            (
                ["beta": .float(0.5), "lr": .float(0.2)],
                "lr: found 0.2, expected `beta / 2`, which is 0.25 here"
            ),
        ] as [(Assignment, String)])
    func `what cannot be filled says why`(partial: Assignment, says: String) throws {
        let space = try Space(
            Self.tree, derived: [Derived("lr", "beta / 2"), Derived("wd", fixed: .float(0.1))],
            constraints: [Constraint("momentum > 0.5")])
        var g = SeededGenerator(seed: 46)
        let problem = #expect(throws: Problem.self) { try space.fill(partial, using: &g) }
        #expect(problem?.description.contains(says) == true, "\(problem!)")
    }

    @Test func `what no draw can complete is nil, and derived values that agree are welcome`() throws {
        let space = try Space(
            [Parameter("a", .int(low: 0, high: 9)), Parameter("b", .int(low: 0, high: 9))],
            derived: [Derived("c", "a * 2")], constraints: [Constraint("b > a")])
        var g = SeededGenerator(seed: 47)
        #expect(try space.fill(["a": .int(9)], using: &g) == nil)
        #expect(try space.fill(["a": .int(8), "c": .float(16)], using: &g) == ["a": .int(8), "b": .int(9)])
    }

    @Test func `values from elsewhere take the form of the space`() throws {
        let space = try Space([
            Parameter("i", .int(low: 0, high: 9)), Parameter("f", .float(low: 0, high: 9)),
            Parameter("s", .float(low: 0, high: 1, scale: .step(0.1))),
            Parameter("c", .categorical(choices: [.int(1), .float(2.5), .float(3)])),
        ])
        let normal = try space.normalised(["i": .float(3), "f": .int(4), "s": .float(0.3), "c": .int(3)])
        let written = normal.mapValues { "\($0)" }
        #expect(written == ["i": "3", "f": "4.0", "s": "0.30000000000000004", "c": "3.0"])
        for (name, value) in [
            ("i", ParameterValue.float(3.5)), ("i", .int(10)), ("f", .string("4")), ("s", .float(0.35)),
            ("c", .int(2)), ("f", .float(.nan)), ("i", .float(1e300)), ("i", .bool(true)),
        ] {
            let wrong = normal.merging([name: value]) { $1 }
            let problem = #expect(throws: Problem.self) { try space.normalised(wrong) }
            #expect(problem?.path == [name])
        }
        let missing = #expect(throws: Problem.self) { try space.normalised(["i": .int(1)]) }
        #expect(missing?.description == "f: found nothing, expected a number from 0.0 to 9.0")
    }
}

/// Spaces at the edge of what there is.
@Suite struct CornerTests {
    static let largest = 9_007_199_254_740_992

    @Test(
        arguments: [
            (.float(low: 2, high: 2), 1), (.float(low: 2, high: 2, scale: .log), 1),
            (.float(low: 2, high: 2, scale: .step(1)), 1), (.int(low: 3, high: 3), 1),
            (.int(low: 3, high: 3, scale: .log), 1), (.int(low: 1, high: 1, scale: .step(1)), 1),
            (.categorical(choices: [.bool(true)]), 1), (.float(low: 0, high: 1, scale: .step(0.3)), 4),
            (.int(low: 0, high: 10, scale: .step(4)), 3), (.int(low: 1, high: 3, scale: .log), 3),
            (.float(low: -0.0, high: 0), 1),
        ] as [(Domain, Int)])
    func `a domain of few values gives them all and no other`(domain: Domain, count: Int) throws {
        let space = try Space([Parameter("x", domain)])
        var g = SeededGenerator(seed: 51)
        let drawn = Set((0..<200).compactMap { _ in space.draw(using: &g)?["x"] })
        #expect(drawn.count == count)
        #expect(drawn.allSatisfy(domain.contains))
        let shrunk = space.shrunk(around: ["x": drawn.first!], shares: ["x": 0.5])
        #expect(shrunk.problem(with: ["x": drawn.first!]) == nil)
        for kind in SamplerContract.everyKind {
            let proposal = kind.propose(in: space, history: history(of: 12, in: space, &g), using: &g)
            #expect(proposal.map { space.problem(with: $0.assignment) == nil } ?? true, "\(kind)")
        }
    }

    @Test(
        arguments: [
            .float(low: -8e307, high: 8e307), .float(low: .leastNonzeroMagnitude, high: 1.7e308, scale: .log),
            .float(low: 1e-300, high: 1e300, scale: .log), .float(low: 0, high: .leastNonzeroMagnitude),
            .int(low: -largest, high: largest), .int(low: 1, high: largest, scale: .log),
            .int(low: -largest, high: largest, scale: .step(3)), .int(low: largest - 1, high: largest),
            .float(low: 0, high: 1, scale: .step(0x1p-53)), .float(low: -1e15, high: 1e15, scale: .step(0.5)),
        ] as [Domain])
    func `a domain at the edge of what numbers can say is drawn from, proposed in and shrunk`(
        domain: Domain
    ) throws {
        let space = try Space([Parameter("x", domain)])
        var g = SeededGenerator(seed: 52)
        for _ in 0..<200 {
            let drawn = try #require(space.draw(using: &g))
            #expect(space.problem(with: drawn) == nil)
            #expect(try space.normalised(drawn) == drawn)
            let shrunk = space.shrunk(around: drawn, shares: ["x": 0.1 + g.unit()])
            #expect(shrunk.problem(with: drawn) == nil, "\(shrunk)")
            _ = try Space(shrunk.parameters)
        }
        for kind in SamplerContract.everyKind {
            let proposal = kind.propose(in: space, history: history(of: 12, in: space, &g), using: &g)
            #expect(proposal.map { space.problem(with: $0.assignment) == nil } ?? true, "\(kind)")
        }
    }

    @Test func `whole numbers beyond 2^53 are not rounded into a range`() throws {
        let space = try Space([Parameter("i", .int(low: 0, high: 1 << 53))])
        #expect(try space.normalised(["i": .int(1 << 53)]) == ["i": .int(1 << 53)])
        #expect(try space.normalised(["i": .float(3)]) == ["i": .int(3)])
        for wrong in [ParameterValue.int(1 << 53 + 1), .float(0.5), .float(.infinity)] {
            #expect(throws: Problem.self) { try space.normalised(["i": wrong]) }
        }
    }

    @Test(arguments: ["lr / 0", "log(lr - 1)"])
    func `of an empty space the derived value is named that none gives`(formula: String) throws {
        let space = try Space(
            [Parameter("lr", .float(low: 0, high: 1))],
            derived: [Derived("fine", "lr / 2"), Derived("bad", formula)],
            constraints: [try Constraint("lr < 2")])
        let problem = try #require(space.emptiness)
        #expect(problem.path == ["bad"])
        #expect(problem.expected.hasSuffix("none of 10000 random combinations gives a value"))
    }

    @Test func `a whole range on a log scale favours small values from 1 on`() throws {
        let space = try Space([Parameter("x", .int(low: 1, high: 1000, scale: .log))])
        var g = SeededGenerator(seed: 53)
        let ones = (0..<4000).count { _ in space.draw(using: &g)?["x"] == .int(1) }
        // ln 3 / ln 2001 = 0.1445 of 4000, with a standard deviation of 22.
        #expect((480...680).contains(ones))
    }

    @Test func `a space without parameters has the one empty assignment`() throws {
        let space = try Space([], derived: [Derived("wd", fixed: .float(0.1))])
        var g = SeededGenerator(seed: 54)
        #expect(space.draw(using: &g) == [:])
        #expect(space.completed([:]) == ["wd": .float(0.1)])
        #expect(GridSampler().propose(in: space, history: [], using: &g)?.assignment == [:])
    }
}
