import FleetModel
import Search
import Testing

@Suite struct GridTests {
    @Test func `a grid visits each point once, counts them, and is exhausted then`() throws {
        var g = SeededGenerator(seed: 8)
        let grid = GridSampler(points: 2)
        for _ in 0..<100 {
            let space = try Space.anything(&g)
            guard grid.count(in: space) <= 300 else { continue }
            var past: [Observation] = []
            while let proposal = grid.propose(in: space, history: past, using: &g) {
                #expect(proposal.reason == .grid(point: past.count + 1, of: grid.count(in: space)))
                past.append(Observation(proposal.assignment, .running))
            }
            #expect(past.count == grid.count(in: space))
            #expect(Set(past.map(\.assignment)).count == past.count)
        }
    }

    @Test func `any number of small families is counted at once`() throws {
        let parameters = (0..<40).flatMap { number in
            [
                Parameter("p\(number)", .categorical(choices: [.string("a"), .string("b")])),
                Parameter("q\(number)", .int(low: 0, high: 1), when: ["p\(number)": [.string("a")]]),
            ]
        }
        #expect(GridSampler().count(in: try Space(Array(parameters.prefix(20)))) == 59049)
        #expect(GridSampler().count(in: try Space(parameters)) == .max, "3^40 are more than numbers say")
        var g = SeededGenerator(seed: 13)
        let first = GridSampler().propose(in: try Space(parameters), history: [], using: &g)
        #expect(first?.assignment.count == 80)
    }

    @Test func `one walk passes the same points as one that begins again each time`() throws {
        var g = SeededGenerator(seed: 14)
        for _ in 0..<50 {
            let space = try Space.anything(&g)
            guard GridSampler(points: 2).count(in: space) <= 100 else { continue }
            var (walking, history) = (GridSampler(points: 2), History(space))
            while let proposal = walking.propose(from: history, using: &g) {
                var anew = GridSampler(points: 2)
                #expect(anew.propose(from: history, using: &g) == proposal)
                history.add(proposal.assignment)
            }
        }
    }

    @Test func `a grid spreads its points along the scale, both ends included`() throws {
        let space = try Space([Parameter("lr", .float(low: 1e-4, high: 1e-2, scale: .log))])
        var g = SeededGenerator(seed: 9)
        let values = try points(of: GridSampler(points: 3), in: space, &g).map {
            try #require($0["lr"]?.number)
        }
        #expect(values[0] == 1e-4)
        #expect(abs(values[1] - 1e-3) < 1e-12)
        #expect(values[2] == 1e-2)
    }

    @Test func `steps and short whole ranges are taken whole, points already tried are passed over`() throws {
        let space = try Space([
            Parameter("a", .int(low: 1, high: 3)),
            Parameter("b", .float(low: 0, high: 1, scale: .step(0.125))),
        ])
        var g = SeededGenerator(seed: 10)
        let grid = GridSampler(points: 4, pointsOf: ["a": 3])
        #expect(grid.count(in: space) == 27)
        let tried = Observation(["a": .int(1), "b": .int(0)], .failed)
        let next = grid.propose(in: space, history: [tried], using: &g)
        #expect(next == Proposal(["a": .int(1), "b": .float(0.125)], .grid(point: 2, of: 27)))
    }

    @Test func `a grid too large to count says so and begins`() throws {
        let space = try Space((0..<80).map { Parameter("p\($0)", .float(low: 0, high: 1)) })
        var g = SeededGenerator(seed: 11)
        let first = GridSampler().propose(in: space, history: [], using: &g)
        #expect(first?.reason == .grid(point: 1, of: .max))
    }

    @Test func `a grid under constraints visits what is allowed of the whole grid, under the same numbers`()
        throws
    {
        var (g, visited) = (SeededGenerator(seed: 12), 0)
        for _ in 0..<60 {
            let ruled = try Space.ruled(&g)
            let free = try Space(ruled.parameters)
            var sampler = SamplerKind.grid(GridSampler(points: 2))
            guard GridSampler(points: 2).count(in: free) <= 200 else { continue }
            var (all, allowed) = (History(free), History(ruled))
            while let proposal = sampler.propose(from: all, using: &g) { all.add(proposal.assignment) }
            for (index, trial) in all.trials.enumerated() where ruled.allows(trial.assignment) {
                let proposal = try #require(sampler.propose(from: allowed, using: &g))
                #expect(proposal.assignment == trial.assignment)
                #expect(proposal.reason == .grid(point: index + 1, of: all.trials.count))
                allowed.add(proposal.assignment)
                visited += 1
            }
            #expect(sampler.propose(from: allowed, using: &g) == nil)
        }
        #expect(visited > 100)
    }

    @Test func `a grid passes over all that a forbidden beginning leads to at once`() throws {
        let space = try Space(
            (0..<12).map { Parameter("p\($0)", .int(low: 1, high: 10)) },
            constraints: [Constraint("p0 == 10 and p1 > 9")])
        var g = SeededGenerator(seed: 13)
        let first = GridSampler(points: 10).propose(in: space, history: [], using: &g)
        #expect(first?.reason == .grid(point: 990_000_000_001, of: 1_000_000_000_000))
        let none = try Space(space.parameters, constraints: [Constraint("p11 > 10")])
        #expect(GridSampler(points: 10).propose(in: none, history: [], using: &g) == nil)
    }

    private func points(of grid: GridSampler, in space: Space, _ g: inout SeededGenerator) -> [Assignment] {
        var past: [Observation] = []
        while let proposal = grid.propose(in: space, history: past, using: &g) {
            past.append(Observation(proposal.assignment, .running))
        }
        return past.map(\.assignment)
    }
}
