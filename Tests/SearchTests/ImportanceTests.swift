import FleetModel
import Search
import Testing

@Suite struct ImportanceTests {
    /// `count` random trials with this loss.
    static func history(
        _ parameters: [Parameter], _ count: Int, seed: UInt64 = 50, loss: (Assignment) -> Double
    ) throws -> History {
        var g = SeededGenerator(seed: seed)
        var (history, sampler) = (History(try Space(parameters)), RandomSampler())
        for _ in 0..<count {
            guard let proposal = sampler.propose(from: history, using: &g) else { continue }
            history.add(proposal.assignment, .complete(.of(loss(proposal.assignment))))
        }
        return history
    }

    static func number(_ name: String, _ assignment: Assignment) -> Double {
        assignment[name]?.number ?? 0
    }

    @Test func `what the loss depends on most comes first, what it ignores last`() throws {
        let kinds: [Domain] = [
            .float(low: -1, high: 1), .int(low: 0, high: 100), .float(low: 1e-4, high: 1, scale: .log),
            .categorical(choices: [.int(0), .int(1), .int(2)]), .int(low: 1, high: 6, scale: .log),
        ]
        for domain in kinds {
            let parameters = (0..<4).map { Parameter("p\($0)", $0 == 1 ? domain : kinds[0]) }
            for seed in 0..<5 {
                let past = try Self.history(parameters, 200, seed: UInt64(seed)) { assignment in
                    let value = Self.number("p1", assignment)
                    return value * value - 0.1 * value
                }
                let ranking = try #require(ParameterImportance.ranking(of: past))
                #expect(ranking[0].name == "p1" && ranking[0].share > 0.5, "\(domain) \(ranking)")
                #expect(abs(ranking.reduce(0) { $0 + $1.share } - 1) < 1e-12)
                #expect(ranking.allSatisfy { (0...1).contains($0.share) && $0.trials == 200 })
            }
        }
    }

    @Test func `a choice that decides is its own importance, not that of the parameters under it`() throws {
        let space = [
            Parameter("c", .categorical(choices: [.string("a"), .string("b")])),
            Parameter("x", .float(low: 0, high: 1), when: ["c": [.string("a")]]),
            Parameter("y", .float(low: 0, high: 1), when: ["c": [.string("b")]]),
        ]
        let past = try Self.history(space, 400) { assignment in
            assignment["c"] == .string("a") ? Self.number("x", assignment) / 1000 : 5
        }
        // At 0.4 the best are nearly all of `a`, so x matters little once the choice is made.
        let ranking = try #require(ParameterImportance.ranking(of: past, top: 0.4))
        #expect(ranking.map(\.name) == ["c", "x", "y"])
        #expect(ranking[0].share > 0.7)
        // Among those, what x does is all that is left.
        let local = try #require(ParameterImportance.ranking(of: past, top: 0.1, among: 0.4))
        #expect(local[0].name == "x" && local[0].share > 0.9)
        #expect(local.last?.name == "y" && local.last?.share == 0)
    }

    @Test func `it looks at the objective it is asked for, and at complete trials only`() throws {
        let space = try Space([
            Parameter("x", .float(low: 0, high: 1)), Parameter("y", .float(low: 0, high: 1)),
        ])
        var g = SeededGenerator(seed: 51)
        var history = History(space)
        for index in 0..<300 {
            let (x, y) = (g.unit(), g.unit())
            let result: Observation.Result =
                switch index % 3 {
                case 0: .failed
                case 1: .pruned(step: 3, .of(-y))
                default: .complete([.of(x), .of(y)])
                }
            history.add(["x": .float(x), "y": .float(y)], result)
        }
        for (objective, name) in ["x", "y"].enumerated() {
            let ranking = try #require(ParameterImportance.ranking(of: history, objective: objective))
            #expect(ranking[0].name == name && ranking[0].trials == 100)
        }
        #expect(ParameterImportance.ranking(of: history, objective: 2) == nil)
    }

    @Test func `where nothing can be told nothing is said`() throws {
        let x = [Parameter("x", .float(low: 0, high: 1)), Parameter("y", .float(low: 3, high: 3))]
        #expect(ParameterImportance.ranking(of: try Self.history(x, 0) { _ in 0 }) == nil)
        #expect(ParameterImportance.ranking(of: try Self.history(x, 3) { Self.number("x", $0) }) == nil)
        #expect(ParameterImportance.ranking(of: try Self.history(x, 50) { _ in 4 }) == nil)
        let ranking = try #require(
            ParameterImportance.ranking(of: try Self.history(x, 50) { Self.number("x", $0) }))
        #expect(ranking.map(\.share) == [1, 0])
    }

    @Test func `random spaces give shares that add up to 1, the same each time`() throws {
        var g = SeededGenerator(seed: 52)
        for round in 0..<200 {
            let space = try Space.anything(&g)
            let past = try Self.history(space.parameters, 30, seed: UInt64(round)) { _ in g.unit() }
            let ranking = try #require(ParameterImportance.ranking(of: past))
            #expect(ranking == ParameterImportance.ranking(of: past))
            let total = ranking.reduce(0) { $0 + $1.share }
            #expect(abs(total - 1) < 1e-9 || ranking.allSatisfy { $0.share == 0 })
            #expect(Set(ranking.map(\.name)) == Set(space.parameters.map(\.name)))
        }
    }
}
