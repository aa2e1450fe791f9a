import FleetModel
import Foundation
import Testing

@testable import Search

/// The Gaussian process where trials are compared at rungs.
@Suite struct GPRungTests {
    private static let line = [Parameter("x", .float(low: 0, high: 1))]

    /// Trials from left to right. The further to the right, the worse one begins, and the more it falls.
    private static func crossing(_ count: Int = 60) -> [Observation] {
        (0..<count).map { index in
            let (x, isDone) = (Double(index) / Double(count - 1), index % 3 == 0)
            let course = TPETests.course(x, from: 1 + x, speed: 2, rungs: isDone ? 3 : 1)
            return Observation(
                ["x": .float(x)], isDone ? .complete(course[2]) : .pruned(step: 1, course[0]),
                rungLosses: Array(course.prefix(2)))
        }
    }

    /// What each of 60 seeds proposes.
    private static func proposals(
        _ sampler: GPSampler = GPSampler(candidates: 64), after past: [Observation]
    ) throws -> [Proposal] {
        let history = History(try Space(line), rungs: [1, 3], trials: past)
        return try (0..<60).map { seed in
            var (sampler, g) = (sampler, SeededGenerator(seed: UInt64(seed)))
            return try #require(sampler.propose(from: history, using: &g))
        }
    }

    private static func places(_ proposals: [Proposal]) -> [Double] {
        proposals.filter { $0.reason != .random }.compactMap { $0.assignment["x"]?.number }
    }

    @Test func `one proposal in three is random, the others lie where losses are forecast to end lowest`()
        throws
    {
        let proposals = try Self.proposals(after: Self.crossing())
        #expect((12...28).contains(proposals.count { $0.reason == .random }))
        for x in Self.places(proposals) { #expect(x > 0.9) }
    }

    @Test func `where trials failed or broke a constraint it does not go on searching`() throws {
        var past = Self.crossing()
        let places = stride(from: 0.8, through: 1, by: 0.02)
        past += places.map { Observation(["x": .float($0)], .failed) }
        past += places.map {
            Observation(["x": .float($0 - 0.01)], .complete(.of(-9)), violation: 2, rungLosses: [.of(-8)])
        }
        let right = Self.places(try Self.proposals(after: past)).count { $0 > 0.82 }
        #expect(right == 0)
    }

    @Test func `a study of an older version goes on by its rules: no proposal is random`() throws {
        let old = try JSONDecoder().decode(
            GPSampler.self, from: Data(#"{"startup":10,"candidates":64}"#.utf8))
        #expect(try JSONDecoder().decode(GPSampler.self, from: JSONEncoder().encode(old)) == old)
        #expect(try Self.proposals(old, after: Self.crossing()).count { $0.reason == .random } == 0)
    }

    @Test func `a sampler that remembers answers as a fresh one while trials run, pass rungs and end`() throws
    {
        let space = try Space(
            Self.line + [Parameter("kind", .categorical(choices: [.bool(true), .bool(false)]))])
        var (history, g) = (History(space, rungs: [1, 3]), SeededGenerator(seed: 51))
        var sampler = GPSampler(startup: 4, candidates: 16)
        for number in 0..<40 {
            let seed = UInt64(number)
            var (first, second) = (SeededGenerator(seed: seed), SeededGenerator(seed: seed))
            var fresh = GPSampler(startup: 4, candidates: 16)
            let proposal = try #require(sampler.propose(from: history, using: &first))
            #expect(fresh.propose(from: history, using: &second) == proposal)
            let index = history.add(proposal.assignment)
            history.report(.of(g.unit()), step: 1, of: index)
            for waiting in history.trials.indices where history.trials[waiting].result == .running {
                guard g.chance(0.3) else { continue }
                if g.chance(0.5) { history.report(.of(g.unit()), step: 3, of: waiting) }
                if g.chance(0.5) {
                    history.set(g.chance(0.2) ? .failed : .complete(.of(g.unit())), of: waiting)
                }
            }
        }
    }

    @Test func `earlier stages count beside the rungs of the open one`() throws {
        func loss(_ x: Double, from level: Double) -> Loss { .of(level + (x - 0.3) * (x - 0.3)) }
        let before = (0..<200).map { index in
            let x = Double(index) / 199
            return Observation(["x": .float(x)], .complete(loss(x, from: 5)))
        }
        let open = [0.1, 0.5, 0.9, 0.95].map { x in
            Observation(["x": .float(x)], .running, rungLosses: [loss(x, from: 1)])
        }
        let history = History(
            try Space(Self.line), rungs: [1, 3], earlier: [EarlierStage(before)], trials: open)
        let proposals = (0..<60).compactMap { seed -> Proposal? in
            var (sampler, g) = (GPSampler(startup: 4, candidates: 64), SeededGenerator(seed: UInt64(seed)))
            return sampler.propose(from: history, using: &g)
        }
        for x in Self.places(proposals) { #expect((0.15...0.45).contains(x)) }
    }
}
