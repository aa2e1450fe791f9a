import FleetModel
import Search
import Testing

@Suite struct SobolTests {
    /// A space of `count` floats from 0 to 1.
    static func cube(_ count: Int) throws -> Space {
        try Space((0..<count).map { Parameter("p\($0)", .float(low: 0, high: 1)) })
    }

    /// The first `count` points that `sampler` proposes, one row a point.
    static func points(_ count: Int, of sampler: SamplerKind, in space: Space) throws -> [[Double]] {
        var (g, past, points) = (SeededGenerator(seed: 23), [Observation](), [[Double]]())
        for _ in 0..<count {
            let proposal = try #require(sampler.propose(in: space, history: past, using: &g))
            past.append(Observation(proposal.assignment, .running))
            points.append(space.parameters.map { proposal.assignment[$0.name]?.number ?? -1 })
        }
        return points
    }

    /// How many elementary intervals of `points.count` in all, 2^i by 2^j, hold no point.
    static func empty(_ points: [[Double]], columns: Int) -> Int {
        let rows = points.count / columns
        return points.count
            - Set(points.map { Int($0[0] * Double(columns)) * rows + Int($0[1] * Double(rows)) }).count
    }

    /// By scipy 1.17.1, `qmc.Sobol(64, scramble=False, bits=32)`, whose Gray code order puts point 1000 at
    /// place 688.
    @Test(arguments: [
        (0, 398458880), (1, 692060160), (2, 1933574144), (9, 524288000), (17, 1858076672), (31, 2126512128),
        (48, 2503999488), (63, 4290772992),
    ])
    func `the sequence is the one of Joe and Kuo`(dimension: Int, coordinate: UInt32) {
        #expect(SobolSequence.coordinate(of: 1000, dimension: dimension) == coordinate)
    }

    @Test(arguments: [UInt64(0), 1, 77, .max])
    func `in two dimensions every elementary interval holds its one point, which chance does not do`(
        seed: UInt64
    ) throws {
        let space = try Self.cube(2)
        let sobol = try Self.points(256, of: .sobol(SobolSampler(seed: seed)), in: space)
        let random = try Self.points(256, of: .random(RandomSampler()), in: space)
        for columns in [1, 2, 4, 8, 16, 32, 64, 128, 256] {
            #expect(Self.empty(sobol, columns: columns) == 0, "\(columns) columns")
            #expect(Self.empty(random, columns: columns) > 50)
        }
    }

    @Test func `in each of 64 dimensions the first 2^k points lie in different intervals`() throws {
        let points = try Self.points(128, of: .sobol(SobolSampler(seed: 6)), in: Self.cube(64))
        for dimension in 0..<64 {
            for count in [2, 8, 32, 128] {
                let cells = Set(points.prefix(count).map { Int($0[dimension] * Double(count)) })
                #expect(cells.count == count, "dimension \(dimension), \(count) points")
            }
        }
    }

    @Test func `a proposal depends on the seed and on its number alone`() throws {
        let (space, sampler) = (try Self.cube(3), SobolSampler(seed: 7))
        var g = SeededGenerator(seed: 24)
        let untouched = g
        let past = history(of: 12, in: space, &g)
        let first = sampler.propose(in: space, history: past, using: &g)
        var other = untouched
        let elsewhere = history(of: 12, in: space, &other, sampler: .grid(GridSampler()))
        #expect(sampler.propose(in: space, history: elsewhere, using: &other) == first)
        #expect(first?.reason == .sobol(point: 13, dimensions: 3))
        #expect("\(ProposalReason.sobol(point: 13, dimensions: 3))" == "Sobol point 13 in 3 dimensions")
        #expect(SobolSampler(seed: 8).propose(in: space, history: past, using: &g) != first)
        #expect(sampler.propose(in: space, history: past + past, using: &g) != first)
    }

    @Test func `scrambling makes a single point uniform over the seeds`() throws {
        let space = try Self.cube(2)
        var (g, counts) = (SeededGenerator(seed: 25), [Int](repeating: 0, count: 16))
        for seed in 0..<8000 {
            let proposal = SobolSampler(seed: UInt64(seed)).propose(in: space, history: [], using: &g)
            let point = try ["p0", "p1"].map { try #require(proposal?.assignment[$0]?.number) }
            counts[Int(point[0] * 4) * 4 + Int(point[1] * 4)] += 1
        }
        // 500 each with a standard deviation of 22.
        #expect(counts.allSatisfy { (400...600).contains($0) }, "\(counts)")
    }

    @Test func `a parameter that is not active keeps its dimension, so the others stay spread`() throws {
        let space = try Space([
            Parameter("opt", .categorical(choices: [.string("adam"), .string("sgd")])),
            Parameter("momentum", .float(low: 0, high: 1), when: ["opt": [.string("sgd")]]),
            Parameter("lr", .float(low: 0, high: 1)),
        ])
        let points = try Self.points(64, of: .sobol(SobolSampler(seed: 9)), in: space)
        #expect(points.count { $0[1] < 0 } == 32, "half of the trials have no momentum")
        #expect(Set(points.map { Int($0[2] * 64) }).count == 64)
    }

    @Test func `under constraints the n-th proposal is the n-th point that is allowed, whatever came before`()
        throws
    {
        let free = try Self.cube(2)
        let ruled = try Space(free.parameters, constraints: [Constraint("p0 + p1 < 0.5")])
        let all = try Self.points(512, of: .sobol(SobolSampler(seed: 11)), in: free)
        let allowed = all.filter { $0[0] + $0[1] < 0.5 }
        // An eighth of the square.
        #expect((60...68).contains(allowed.count))
        let fresh = try Self.points(60, of: .sobol(SobolSampler(seed: 11)), in: ruled)
        #expect(fresh == Array(allowed.prefix(60)))
        var (sampler, g) = (SamplerKind.sobol(SobolSampler(seed: 11)), SeededGenerator(seed: 26))
        for count in [40, 41, 7, 7, 8, 59] {
            let past = History(ruled, trials: history(of: count, in: ruled, &g))
            let answer = try #require(sampler.propose(from: past, using: &g)?.assignment)
            #expect([answer["p0"]?.number, answer["p1"]?.number] == allowed[count])
        }
    }

    @Test func `beyond its 64 dimensions points are drawn, each its own and again the same`() throws {
        let (space, sampler) = (try Self.cube(70), SamplerKind.sobol(SobolSampler(seed: 10)))
        let points = try Self.points(200, of: sampler, in: space)
        for dimension in 64..<70 {
            let column = points.map { $0[dimension] }
            #expect(Set(column).count == 200)
            // One half with a standard deviation of 0.02.
            #expect(abs(column.reduce(0, +) / 200 - 0.5) < 0.1)
        }
        #expect(try Self.points(200, of: sampler, in: space) == points)
    }
}
