import FleetModel
import Foundation
import Search
import Testing

@Suite struct SpaceTests {
    struct Wrong: CustomTestStringConvertible, Sendable {
        let says: String
        let path: [String]
        let parameters: [Parameter]
        var testDescription: String { says }

        init(_ says: String, at path: [String], _ parameters: Parameter...) {
            (self.says, self.path, self.parameters) = (says, path, parameters)
        }
    }

    static let adam = Parameter("opt", .categorical(choices: [.string("adam"), .string("sgd")]))

    @Test(arguments: [
        Wrong("low above high", at: ["a", "low"], Parameter("a", .float(low: 2, high: 1))),
        Wrong("log from 0", at: ["a", "low"], Parameter("a", .float(low: 0, high: 1, scale: .log))),
        Wrong("int log from 0", at: ["a", "low"], Parameter("a", .int(low: 0, high: 9, scale: .log))),
        Wrong("step 0", at: ["a", "step"], Parameter("a", .float(low: 0, high: 1, scale: .step(0)))),
        Wrong(
            "step too long", at: ["a", "step"], Parameter("a", .float(low: 0, high: 1, scale: .step(1.5)))),
        Wrong("half a step", at: ["a", "step"], Parameter("a", .int(low: 0, high: 9, scale: .step(1.5)))),
        Wrong("step nan", at: ["a", "step"], Parameter("a", .float(low: 0, high: 1, scale: .step(.nan)))),
        Wrong("step nan", at: ["a", "step"], Parameter("a", .int(low: 0, high: 1, scale: .step(.infinity)))),
        Wrong("nan", at: ["a", "low"], Parameter("a", .float(low: .nan, high: 1))),
        Wrong("too wide", at: ["a", "high"], Parameter("a", .float(low: -1e308, high: 1e308))),
        Wrong("beyond doubles", at: ["a", "low"], Parameter("a", .int(low: .min, high: 0))),
        Wrong("no choices", at: ["a", "choices"], Parameter("a", .categorical(choices: []))),
        Wrong(
            "a choice twice", at: ["a", "choices", "1"],
            Parameter("a", .categorical(choices: [.int(1), .float(1)]))),
        Wrong("a name twice", at: ["opt"], adam, adam),
        Wrong("no name", at: [], Parameter("", .int(low: 0, high: 1))),
        Wrong(
            "an unknown parent", at: ["a", "when", "opd"], adam,
            Parameter("a", .int(low: 0, high: 1), when: ["opd": [.string("sgd")]])),
        Wrong(
            "a later parent", at: ["a", "when", "opt"],
            Parameter("a", .int(low: 0, high: 1), when: ["opt": [.string("sgd")]]), adam),
        Wrong(
            "an unlisted choice", at: ["a", "when", "opt"], adam,
            Parameter("a", .int(low: 0, high: 1), when: ["opt": [.string("lamb")]])),
        Wrong(
            "a numeric parent", at: ["b", "when", "a"], Parameter("a", .int(low: 0, high: 1)),
            Parameter("b", .int(low: 0, high: 1), when: ["a": [.int(1)]])),
    ])
    func `a wrong space is refused at its place`(wrong: Wrong) {
        let problem = #expect(throws: Problem.self) { try Space(wrong.parameters) }
        #expect(problem?.path == wrong.path)
    }

    @Test func `a misspelt parent is answered with the nearest name`() {
        let child = Parameter("a", .int(low: 0, high: 1), when: ["opd": [.string("sgd")]])
        let problem = #expect(throws: Problem.self) { try Space([Self.adam, child]) }
        #expect(problem?.nearest == "opt")
    }

    @Test func `a problem with an assignment names the parameter and what it expects`() throws {
        let momentum = Parameter("m", .float(low: 0, high: 1), when: ["opt": [.string("sgd")]])
        let space = try Space([Self.adam, momentum])
        #expect(space.problem(with: ["opt": .string("adam")]) == nil)
        #expect(space.problem(with: ["opt": .string("sgd"), "m": .int(1)]) == nil)
        #expect(
            space.problem(with: ["opt": .string("sgd")])
                == "m: found nothing, expected a number from 0.0 to 1.0")
        #expect(
            space.problem(with: ["opt": .string("sgd"), "m": .float(2)])
                == "m: found 2.0, expected a number from 0.0 to 1.0")
        #expect(
            space.problem(with: ["opt": .string("adam"), "m": .float(0)])
                == "m: found 0.0, expected nothing, because it is not active here")
        #expect(
            space.problem(with: ["opt": .string("adam"), "lr": .int(1)])
                == "lr: found lr, expected one of opt, m")
    }

    @Test func `a float grid holds its high where it fits, and nothing between`() throws {
        let space = try Space([Parameter("x", .float(low: 0, high: 0.3, scale: .step(0.1)))])
        var g = SeededGenerator(seed: 3)
        let drawn = Set(
            (0..<200).compactMap { _ in
                RandomSampler().propose(in: space, history: [], using: &g)?.assignment["x"]?.number
            })
        #expect(drawn == [0, 0.1, 0.2, 0.3])
    }

    @Test func `random draws of a log range are uniform in the logarithm`() throws {
        let space = try Space([Parameter("x", .float(low: 1e-6, high: 1, scale: .log))])
        var g = SeededGenerator(seed: 4)
        let below = (0..<3000).count { _ in
            (RandomSampler().propose(in: space, history: [], using: &g)?.assignment["x"]?.number ?? 1) < 1e-3
        }
        // Half of 3000 with a standard deviation of 27.
        #expect((1350...1650).contains(below))
    }

    @Test func `every value of a whole range gets its share`() throws {
        let space = try Space([Parameter("x", .int(low: 1, high: 4))])
        var g = SeededGenerator(seed: 5)
        var counts: [ParameterValue: Int] = [:]
        for _ in 0..<4000 {
            let value = RandomSampler().propose(in: space, history: [], using: &g)?.assignment["x"]
            counts[value ?? .int(0), default: 0] += 1
        }
        #expect(Set(counts.keys) == [.int(1), .int(2), .int(3), .int(4)])
        #expect(counts.values.allSatisfy { (800...1200).contains($0) })
    }

    @Test func `JSON gives the same space back, and no wrong one`() throws {
        var g = SeededGenerator(seed: 6)
        for _ in 0..<200 {
            let space = try Space.anything(&g)
            #expect(try JSONDecoder().decode(Space.self, from: JSONEncoder().encode(space)) == space)
        }
        let wrong = #"[{"name":"a","type":"int","low":2,"high":1}]"#
        #expect(throws: Problem.self) { try JSONDecoder().decode(Space.self, from: Data(wrong.utf8)) }
    }
}

@Suite struct ShrinkingTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let from: Domain
        let at: ParameterValue
        let share: Double
        let to: Domain
        var testDescription: String { "\(from) around \(at) by \(share)" }

        init(_ from: Domain, _ at: ParameterValue, _ share: Double, _ to: Domain) {
            (self.from, self.at, self.share, self.to) = (from, at, share, to)
        }
    }

    @Test(arguments: [
        Case(.float(low: 1, high: 100, scale: .log), .float(10), 1, .float(low: 5, high: 20, scale: .log)),
        Case(.float(low: 8, high: 12, scale: .log), .float(10), 1, .float(low: 8, high: 12, scale: .log)),
        Case(.float(low: 0, high: 100), .float(10), 0.5, .float(low: 5, high: 15)),
        Case(.float(low: -100, high: 0), .float(-10), 0.5, .float(low: -15, high: -5)),
        Case(.float(low: -10, high: 10), .float(0), 0.1, .float(low: -2, high: 2)),
        Case(.float(low: 0, high: 10), .int(10), 0.5, .float(low: 5, high: 10)),
        Case(.int(low: 1, high: 1000), .int(10), 0.25, .int(low: 7, high: 13)),
        Case(.int(low: 1, high: 1000), .int(10), 0.001, .int(low: 9, high: 11)),
        Case(.int(low: 1, high: 1000), .int(1000), 0.001, .int(low: 999, high: 1000)),
        Case(.int(low: 64, high: 1024, scale: .log), .int(256), 0.5, .int(low: 170, high: 384, scale: .log)),
        Case(
            .int(low: 0, high: 64, scale: .step(8)), .int(32), 0.3, .int(low: 16, high: 48, scale: .step(8))),
        Case(
            .float(low: 0, high: 1, scale: .step(0.25)), .float(0.5), 0.5,
            .float(low: 0.25, high: 0.75, scale: .step(0.25))),
        Case(
            .categorical(choices: [.int(1), .int(2)]), .int(1), 0.5,
            .categorical(choices: [.int(1), .int(2)])),
    ])
    func `a range shrinks around a value`(shrinking: Case) throws {
        let space = try Space([Parameter("x", shrinking.from)])
        let shrunk = space.shrunk(around: ["x": shrinking.at], shares: ["x": shrinking.share])
        #expect(shrunk.parameters == [Parameter("x", shrinking.to)])
    }

    @Test func `any shrunk space is valid, holds the value and lies in the space it came from`() throws {
        var g = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            let space = try Space.anything(&g)
            let best = history(of: 1, in: space, &g)[0].assignment
            let share = g.unit() * g.unit() + 1e-9
            let shares = Dictionary(uniqueKeysWithValues: space.parameters.map { ($0.name, share) })
            let shrunk = space.shrunk(around: best, shares: shares)
            _ = try Space(shrunk.parameters)
            #expect(shrunk.problem(with: best) == nil, "\(space) \(shrunk) \(best)")
            for observation in history(of: 5, in: shrunk, &g) {
                #expect(space.problem(with: observation.assignment) == nil, "\(space) \(shrunk)")
            }
        }
    }
}

@Suite struct SpaceJSONTests {
    @Test func `a space is written in the form of study files and reads back equal`() throws {
        let space = try Space([
            Parameter("lr", .float(low: 1e-5, high: 0.5, scale: .log)),
            Parameter("drop", .float(low: 0, high: 0.5, scale: .step(0.25))),
            Parameter("layers", .int(low: 2, high: 24)),
            Parameter("opt", .categorical(choices: [.string("adam"), .string("sgd")])),
            Parameter("mom", .float(low: 0, high: 0.9), when: ["opt": [.string("sgd")]]),
        ])
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let json = try encoder.encode(space)
        #expect(
            String(decoding: json, as: UTF8.self) == """
                [{"high":0.5,"log":true,"low":1e-05,"name":"lr","type":"float"},\
                {"high":0.5,"low":0,"name":"drop","step":0.25,"type":"float"},\
                {"high":24,"low":2,"name":"layers","type":"int"},\
                {"choices":["adam","sgd"],"name":"opt","type":"categorical"},\
                {"high":0.9,"low":0,"name":"mom","type":"float","when":{"opt":["sgd"]}}]
                """)
        #expect(try JSONDecoder().decode(Space.self, from: json) == space)
    }
}
