import FleetModel
import Search
import Testing

@Suite struct CMAESTests {
    static func floats(_ count: Int) throws -> Space {
        try Space((0..<count).map { Parameter("x\($0)", .float(low: -5, high: 5)) })
    }

    /// The best of `trials` complete trials, asked and told one after the other.
    static func best(
        _ trials: Int, in space: Space, seed: UInt64, sampler: SamplerKind = .cmaes(CMAESSampler()),
        of loss: (Assignment) -> Double
    ) -> Double {
        var (history, sampler, g) = (History(space), sampler, SeededGenerator(seed: seed))
        var best = Double.infinity
        for _ in 0..<trials {
            guard let proposal = sampler.propose(from: history, using: &g) else { break }
            let value = loss(proposal.assignment)
            history.add(proposal.assignment, .complete(.of(value)))
            best = min(best, value)
        }
        return best
    }

    static func ellipsoid(_ assignment: Assignment) -> Double {
        let x = (0..<assignment.count).map { (assignment["x\($0)"]?.number ?? 9) - 1.5 }
        // Turned, so that no coordinate is alone.
        let turned = x.indices.map { x[$0] + 0.5 * x[($0 + 1) % x.count] }
        return turned.enumerated().reduce(0) { $0 + Double(1 << (3 * $1.offset)) * $1.element * $1.element }
    }

    @Test(arguments: [1, 2, 5])
    func `it finds the bottom of a narrow valley that is not along the axes`(dimensions: Int) throws {
        let space = try Self.floats(dimensions)
        for seed in 0..<5 {
            let found = Self.best(250 * dimensions, in: space, seed: UInt64(seed), of: Self.ellipsoid)
            #expect(found < 1e-3, "\(found)")
        }
    }

    @Test func `it is far better than random in many dimensions`() throws {
        let space = try Self.floats(20)
        let sphere = { (a: Assignment) in a.values.reduce(0) { $0 + ($1.number ?? 9) * ($1.number ?? 9) } }
        let found = Self.best(1000, in: space, seed: 1, of: sphere)
        let random = Self.best(1000, in: space, seed: 1, sampler: .random(RandomSampler()), of: sphere)
        #expect(found * 100 < random, "\(found) \(random)")
        let wide = try Self.floats(64)
        #expect(Self.best(320, in: wide, seed: 2, of: sphere) < 400)
    }

    @Test func `whole numbers and steps do not freeze: the margin finds the last cell`() throws {
        let space = try Space(
            (0..<4).map { Parameter("n\($0)", .int(low: 0, high: 30)) } + [
                Parameter("s", .float(low: 0, high: 1, scale: .step(0.05))),
                Parameter("l", .int(low: 1, high: 1000, scale: .log)),
                Parameter("x", .float(low: 0, high: 1)),
            ])
        for seed in 0..<5 {
            let found = Self.best(500, in: space, seed: UInt64(seed)) { assignment in
                let n = (0..<4).reduce(0.0) { sum, index in
                    let off = (assignment["n\(index)"]?.number ?? 99) - Double(7 * index + 3)
                    return sum + off * off
                }
                let s = ((assignment["s"]?.number ?? 9) - 0.35) * 20
                let l = (assignment["l"]?.number ?? 99) - 8
                let x = ((assignment["x"]?.number ?? 9) - 0.6) * 10
                return n + s * s + l * l + x * x
            }
            #expect(found < 0.5, "\(found)")
        }
    }

    @Test func `it finds the best choice, and what depends on it`() throws {
        let space = try Space([
            Parameter("c", .categorical(choices: [.string("a"), .string("b"), .string("c")])),
            Parameter("x", .float(low: 0, high: 1), when: ["c": [.string("b"), .string("c")]]),
            Parameter("y", .float(low: 0, high: 1)),
        ])
        for seed in 0..<5 {
            let found = Self.best(250, in: space, seed: UInt64(seed)) { assignment in
                let x = assignment["x"]?.number.map { abs($0 - 0.9) } ?? 0.5
                return (assignment["c"] == .string("b") ? 0 : 1) + x
                    + abs((assignment["y"]?.number ?? 9) - 0.2)
            }
            #expect(found < 0.02, "\(found)")
        }
    }

    @Test func `a flat loss leads to restarts, not to a standstill`() throws {
        let space = try Self.floats(2)
        var (history, sampler, g) = (History(space), CMAESSampler(), SeededGenerator(seed: 3))
        var populations: Set<Int> = []
        for _ in 0..<900 {
            let proposal = try #require(sampler.propose(from: history, using: &g))
            if case .generation(_, let population) = proposal.reason { populations.insert(population) }
            history.add(proposal.assignment, .complete(.of(1)))
        }
        #expect(populations.contains(6) && populations.contains(12))
        let places = history.trials.suffix(200).compactMap { $0.assignment["x0"]?.number }
        #expect(places.contains { $0 < 0 } && places.contains { $0 > 0 })
    }

    @Test func `what it remembers is what it would learn anew, whenever it was asked`() throws {
        var g = SeededGenerator(seed: 4)
        for round in 0..<60 {
            let space = try Space.anything(&g)
            var (history, sampler) = (History(space, rungs: [2, 4]), CMAESSampler(startup: g.int(0...6)))
            var open: [Int] = []
            for _ in 0..<80 {
                var dice = SeededGenerator(seed: UInt64(round))
                if g.chance(0.6), let proposal = sampler.propose(from: history, using: &dice) {
                    open.append(history.add(proposal.assignment))
                } else if let index = open.popLast() {
                    history.report(.of(g.unit()), step: g.int(1...5), of: index)
                    let results: [Observation.Result] = [
                        .failed, .pruned(step: 5, .of(g.unit())), .complete([.of(g.unit()), .of(2)]),
                    ]
                    history.set(results[g.int(0...2)], of: index)
                }
            }
            var (first, second) = (SeededGenerator(seed: 5), SeededGenerator(seed: 5))
            var fresh = CMAESSampler(startup: sampler.startup)
            let answer = sampler.propose(from: history, using: &first)
            #expect(answer == fresh.propose(from: history, using: &second))
            #expect(answer.map { space.problem(with: $0.assignment) } == .some(nil))
        }
    }

    @Test func `pruned trials rank behind complete ones, by how far they came and then by their loss`() throws
    {
        let space = try Self.floats(1)
        // The further right, the further a trial came: none is complete.
        var history = History(space, rungs: [1, 3, 9])
        var (sampler, g) = (CMAESSampler(startup: 4), SeededGenerator(seed: 6))
        for _ in 0..<120 {
            let proposal = try #require(sampler.propose(from: history, using: &g))
            let x = proposal.assignment["x0"]?.number ?? 0
            let index = history.add(proposal.assignment)
            let step = x < -2 ? 1 : x < 2 ? 3 : 9
            history.report(.of(-x), step: step, of: index)
            history.set(.pruned(step: step, .of(-x)), of: index)
        }
        let late = history.trials.suffix(20).compactMap { $0.assignment["x0"]?.number }
        #expect(late.count { $0 > 3 } >= 15, "\(late)")
    }

    @Test func `it avoids where trials fail`() throws {
        let space = try Self.floats(2)
        var (history, sampler, g) = (History(space), CMAESSampler(), SeededGenerator(seed: 7))
        for _ in 0..<200 {
            let proposal = try #require(sampler.propose(from: history, using: &g))
            let (x, y) = (
                proposal.assignment["x0"]?.number ?? 0, proposal.assignment["x1"]?.number ?? 0
            )
            history.add(proposal.assignment, x > 0.5 ? .failed : .complete(.of(-x + abs(y))))
        }
        let late = history.trials.suffix(50)
        #expect(late.count { $0.result == .failed } < 35)
        #expect(late.contains { abs(($0.assignment["x0"]?.number ?? 0) - 0.5) < 0.1 })
    }

    @Test func `an earlier stage's best is where it starts, without startup`() throws {
        let space = try Self.floats(3)
        let old = (0..<9).map { index in
            Observation(
                ["x0": .float(3), "x1": .float(Double(index) - 4), "x2": .float(-7)],
                .complete(.of(abs(Double(index) - 2))))
        }
        let history = History(space, earlier: [EarlierStage([]), EarlierStage(old)])
        var (sampler, g) = (CMAESSampler(), SeededGenerator(seed: 8))
        let drawn = try (0..<100).map { _ in try #require(sampler.propose(from: history, using: &g)) }
        #expect(drawn[0].reason == .generation(updates: 0, population: 7))
        let mean = { (name: String) in
            drawn.reduce(0) { $0 + ($1.assignment[name]?.number ?? 0) } / Double(drawn.count)
        }
        #expect(abs(mean("x0") - 3) < 0.6 && abs(mean("x1") + 2) < 0.6 && mean("x2") < -4)
    }

    @Test(arguments: [SamplerKind.cmaes(CMAESSampler(startup: 0)), .nsga2(NSGA2Sampler(startup: 2))])
    func `a space with a single point is proposed as it is, over and over`(sampler: SamplerKind) throws {
        let space = try Space([
            Parameter("a", .float(low: 2, high: 2)), Parameter("b", .int(low: 3, high: 3, scale: .log)),
            Parameter("c", .categorical(choices: [.bool(true)])),
        ])
        var (history, sampler, g) = (History(space), sampler, SeededGenerator(seed: 9))
        for _ in 0..<60 {
            let proposal = try #require(sampler.propose(from: history, using: &g))
            #expect(proposal.assignment == ["a": .float(2), "b": .int(3), "c": .bool(true)])
            history.add(proposal.assignment, .complete(.of(1)))
        }
    }

    @Test func `with many trials running none is drawn twice, and none waits for a generation`() throws {
        let space = try Self.floats(3)
        var (history, sampler, g) = (History(space), CMAESSampler(), SeededGenerator(seed: 10))
        var open: [Int] = []
        for _ in 0..<640 {
            while open.count < 64 {
                let proposal = try #require(sampler.propose(from: history, using: &g))
                #expect(!history.trials.contains { $0.assignment == proposal.assignment })
                open.append(history.add(proposal.assignment))
            }
            let index = open.remove(at: g.int(0...63))
            history.set(.complete(.of(Self.ellipsoid(history.trials[index].assignment))), of: index)
        }
        let best = history.ended.compactMap { index -> Double? in
            guard case .complete(let losses) = history.trials[index].result else { return nil }
            return losses[0].value
        }.min()
        #expect(try #require(best) < 0.5)
    }
}
