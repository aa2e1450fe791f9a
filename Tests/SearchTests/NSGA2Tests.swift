import FleetModel
import Search
import Testing

@Suite struct NSGA2Tests {
    static func floats(_ count: Int) throws -> Space {
        try Space((0..<count).map { Parameter("x\($0)", .float(low: 0, high: 1)) })
    }

    /// ZDT1 (Zitzler, Deb and Thiele 2000): the front is 1 - √x0, where all other x are 0.
    static func zdt1(_ assignment: Assignment) -> [Loss] {
        let x = (0..<assignment.count).map { assignment["x\($0)"]?.number ?? 9 }
        let g = 1 + 9 * x.dropFirst().reduce(0, +) / Double(x.count - 1)
        return [.of(x[0]), .of(g * (1 - (x[0] / g).squareRoot()))]
    }

    static func losses(
        _ trials: Int, in space: Space, seed: UInt64, _ sampler: SamplerKind,
        of losses: (Assignment) -> [Loss]
    ) -> [[Loss]] {
        var (history, sampler, g) = (History(space), sampler, SeededGenerator(seed: seed))
        for _ in 0..<trials {
            guard let proposal = sampler.propose(from: history, using: &g) else { break }
            history.add(proposal.assignment, .complete(losses(proposal.assignment)))
        }
        return history.trials.compactMap { if case .complete(let losses) = $0.result { losses } else { nil } }
    }

    @Test func `the front comes near to the true one, all along it`() throws {
        let space = try Self.floats(6)
        for seed in 0..<3 {
            let points = Self.losses(
                600, in: space, seed: UInt64(seed), .nsga2(NSGA2Sampler()), of: Self.zdt1)
            let volume = Pareto.hypervolume(of: points, below: [.of(1), .of(1)])
            // 2/3 for the true front; random points come to less than 0.05.
            #expect(volume > 0.5, "\(volume)")
            let front = Pareto.fronts(of: points)[0].map { points[$0][0].value }
            for cut in 0..<5 { #expect(front.contains { abs($0 - 0.2 * Double(cut) - 0.1) <= 0.1 }) }
        }
    }

    @Test func `with one objective it is a genetic algorithm that improves`() throws {
        let space = try Space(
            (0..<6).map { Parameter("n\($0)", .int(low: 0, high: 50)) } + [
                Parameter("c", .categorical(choices: (0..<5).map { .int($0) }))
            ])
        let loss = { (assignment: Assignment) -> [Loss] in
            let n = (0..<6).reduce(0.0) { $0 + abs((assignment["n\($1)"]?.number ?? 99) - Double(8 * $1)) }
            return [.of(n + 10 * abs((assignment["c"]?.number ?? 9) - 3))]
        }
        let found = Self.losses(500, in: space, seed: 1, .nsga2(NSGA2Sampler()), of: loss)
        let random = Self.losses(500, in: space, seed: 1, .random(RandomSampler()), of: loss)
        let best = try #require(found.map { $0[0] }.min())
        #expect(best.value * 4 < random.map { $0[0].value }.min() ?? 0, "\(best)")
    }

    @Test func `children are new: a small space is covered before anything is repeated`() throws {
        let space = try Space([
            Parameter("n", .int(low: 1, high: 5)), Parameter("c", .categorical(choices: [.int(1), .int(2)])),
        ])
        var (history, sampler) = (History(space), NSGA2Sampler(population: 4, startup: 2))
        var g = SeededGenerator(seed: 2)
        for number in 0..<10 {
            let proposal = try #require(sampler.propose(from: history, using: &g))
            history.add(proposal.assignment, .complete([.of(Double(number % 3)), .of(Double(number % 4))]))
        }
        #expect(Set(history.trials.map(\.assignment)).count >= 9)
    }

    @Test func `what a choice makes active is drawn anew, what it makes inactive is left out`() throws {
        let space = try Space([
            Parameter("c", .categorical(choices: [.string("a"), .string("b")])),
            Parameter("x", .float(low: 0, high: 1), when: ["c": [.string("a")]]),
            Parameter("y", .float(low: 0, high: 1), when: ["c": [.string("b")]]),
        ])
        // All parents have the choice `a`.
        var history = History(space)
        for index in 0..<40 {
            history.add(["c": .string("a"), "x": .float(0.5 + Double(index) / 1000)], .complete(.of(1)))
        }
        var (sampler, g) = (NSGA2Sampler(population: 40, mutation: 0.5), SeededGenerator(seed: 3))
        var ys: [Double] = []
        for _ in 0..<300 {
            let proposal = try #require(sampler.propose(from: history, using: &g))
            #expect(space.problem(with: proposal.assignment) == nil)
            if let y = proposal.assignment["y"]?.number { ys.append(y) }
        }
        #expect(ys.count > 80 && ys.contains { $0 < 0.2 } && ys.contains { $0 > 0.8 })
    }

    @Test func `parents are the best: complete ones, then pruned ones, never failed ones`() throws {
        let space = try Self.floats(1)
        // Without crossover and mutation a child lies where a parent does, which here is taken already, so
        // mutation is the least there is.
        func children(of history: History) throws -> [Double] {
            var (sampler, g) = (NSGA2Sampler(population: 10, mutation: 1), SeededGenerator(seed: 4))
            return try (0..<60).map { _ in
                let proposal = try #require(sampler.propose(from: history, using: &g))
                #expect(proposal.reason == .offspring(parents: 10))
                return proposal.assignment["x0"]?.number ?? -1
            }
        }
        var history = History(space)
        for index in 0..<10 { history.add(["x0": .float(0.9 + Double(index) / 1000)], .failed) }
        for index in 0..<40 {
            let place = ["x0": ParameterValue.float(0.4 + Double(index) / 1000)]
            history.add(place, .pruned(step: index < 30 ? 1 : 2, .of(0)))
        }
        // Those of step 2 lie at 0.43 to 0.44.
        #expect(try children(of: history).allSatisfy { $0 < 0.8 })
        for index in 0..<10 {
            history.add(["x0": .float(0.1 + Double(index) / 1000)], .complete([.of(1), .of(1)]))
        }
        #expect(try children(of: history).count { $0 < 0.3 } > 50)
        #expect(ProposalReason.offspring(parents: 10).description == "child of two of the best 10")
    }

    @Test func `what it remembers is what it would learn anew, whenever it was asked`() throws {
        var g = SeededGenerator(seed: 5)
        for round in 0..<60 {
            let space = try Space.anything(&g)
            var (history, sampler) = (History(space), NSGA2Sampler(population: 8, startup: 3))
            for _ in 0..<60 {
                var dice = SeededGenerator(seed: UInt64(round))
                _ = g.chance(0.3) ? sampler.propose(from: history, using: &dice) : nil
                let random = RandomSampler()
                guard let proposal = random.propose(from: history, using: &g) else { continue }
                let losses = [Loss.of(Double(g.int(0...5))), .of(Double(g.int(0...5)))]
                let results: [Observation.Result] = [
                    .failed, .running, .pruned(step: 2, losses[0]), .complete(losses), .complete(losses),
                ]
                history.add(proposal.assignment, results[g.int(0...4)])
            }
            var (first, second) = (SeededGenerator(seed: 6), SeededGenerator(seed: 6))
            var fresh = NSGA2Sampler(population: 8, startup: 3)
            #expect(
                sampler.propose(from: history, using: &first) == fresh.propose(from: history, using: &second))
        }
    }
}
