import FleetModel
import Foundation
import Search
import Testing

/// What every sampler promises, over random spaces and histories. A new sampler is added to `everyKind`.
@Suite struct SamplerContract {
    static let everyKind: [SamplerKind] = [
        .random(RandomSampler()), .grid(GridSampler(points: 3)), .tpe(TPESampler(startup: 4, candidates: 8)),
        .sobol(SobolSampler(seed: 5)), .gp(GPSampler(startup: 4, candidates: 16)),
        .cmaes(CMAESSampler(startup: 4)), .nsga2(NSGA2Sampler(population: 6)), .auto(AutoSampler(startup: 4)),
    ]

    @Test(arguments: everyKind)
    func `proposals lie in the space, and the same question gets the same answer`(sampler: SamplerKind) throws
    {
        var g = SeededGenerator(seed: 1)
        var proposals = 0
        for round in 0..<(sampler.isSlow ? 60 : 1500) {
            let space = try Space.anything(&g)
            let past = history(of: g.int(0...40), in: space, &g)
            var (first, second) = (
                SeededGenerator(seed: UInt64(round)), SeededGenerator(seed: UInt64(round))
            )
            let copy = sampler
            let answer = sampler.propose(in: space, history: past, using: &first)
            #expect(copy.propose(in: space, history: past, using: &second) == answer)
            #expect(first == second)
            guard let answer else { continue }
            proposals += 1
            #expect(space.problem(with: answer.assignment) == nil, "\(space) \(answer)")
            for case .float(let number) in answer.assignment.values { #expect(number.isFinite) }
        }
        #expect(proposals > (sampler.isSlow ? 30 : 700))
    }

    @Test(arguments: everyKind)
    func `space and history after a journey through JSON give the same proposal`(
        sampler: SamplerKind
    ) throws {
        var g = SeededGenerator(seed: 2)
        for round in 0..<(sampler.isSlow ? 15 : 150) {
            let space = try Space.anything(&g)
            let past = history(of: 20, in: space, &g)
            let spaceAgain = try JSONDecoder().decode(Space.self, from: JSONEncoder().encode(space))
            let pastAgain = try JSONDecoder().decode([Observation].self, from: JSONEncoder().encode(past))
            var (first, second) = (
                SeededGenerator(seed: UInt64(round)), SeededGenerator(seed: UInt64(round))
            )
            let fresh = sampler.propose(in: space, history: past, using: &first)
            let again = sampler.propose(in: spaceAgain, history: pastAgain, using: &second)
            #expect(spaceAgain == space && pastAgain == past)
            #expect(fresh == again)
        }
    }

    @Test(arguments: everyKind)
    func `what runs is not proposed again as long as there is anything else`(sampler: SamplerKind) throws {
        let space = try Space(
            [
                Parameter("a", .int(low: 1, high: 3)),
                Parameter("b", .categorical(choices: [.int(1), .int(2)])),
                Parameter("c", .int(low: 0, high: 1), when: ["b": [.int(2)]]),
            ], constraints: [try Constraint("a + b < 5")])
        for seed in 0..<(sampler.isSlow ? 6 : 40) {
            var (sampler, history) = (sampler, History(space))
            var g = SeededGenerator(seed: UInt64(seed))
            for _ in 0..<3 {
                let proposal = try #require(sampler.propose(from: history, using: &g))
                history.set(.complete(.of(g.unit())), of: history.add(proposal.assignment))
            }
            while let proposal = sampler.propose(from: history, using: &g),
                history.trials.count - history.ended.count < 7
            {
                let running = history.trials.filter { $0.result == .running }.map(\.assignment)
                #expect(!running.contains(proposal.assignment), "\(sampler), seed \(seed)")
                history.add(proposal.assignment)
            }
            var old = sampler
            // All seven run, or those that a sampler that never repeats itself has left.
            let again = old.propose(from: history, using: &g)
            #expect(again.map { space.allows($0.assignment) } ?? true)
        }
    }

    @Test func `a study of an older version may propose what runs`() throws {
        let space = try Space([Parameter("a", .int(low: 1, high: 2))])
        var (sampler, g) = (SamplerKind.random(RandomSampler()), SeededGenerator(seed: 1))
        let history = History(space, trials: [Observation(["a": .int(1)], .running)])
        let proposals = (0..<20).map { _ in
            sampler.propose(from: history, repeatsRunning: true, using: &g)?.assignment["a"]
        }
        #expect(proposals.contains(.int(1)) && proposals.contains(.int(2)))
    }

    @Test func `the names for error messages are those of the kinds`() throws {
        let names = try Self.everyKind.map { kind in
            try #require(try JSONSerialization.jsonObject(with: JSONEncoder().encode(kind)) as? [String: Any])
                .keys.first
        }
        #expect(names == SamplerKind.names)
    }
}

extension SamplerKind {
    /// Unoptimised, a Gaussian process is a hundred times slower than in a release.
    fileprivate var isSlow: Bool {
        switch self {
        case .gp, .auto, .tpe, .cmaes: true
        default: false
        }
    }
}
