import FleetModel
import Testing

@testable import Search

@Suite struct GPSamplerTests {
    /// The trials of a study that asks one at a time.
    static func study(
        _ count: Int, of space: Space, seed: UInt64, rungs: [Int] = [], earlier: [EarlierStage] = [],
        loss: (Assignment) -> Observation.Result
    ) -> History {
        var (sampler, g) = (GPSampler(candidates: 100), SeededGenerator(seed: seed))
        var history = History(space, rungs: rungs, earlier: earlier)
        for _ in 0..<count {
            guard let proposal = sampler.propose(from: history, using: &g) else { break }
            history.add(proposal.assignment, loss(proposal.assignment))
        }
        return history
    }

    static func best(_ history: History) -> Double {
        history.trials.compactMap {
            if case .complete(let losses) = $0.result { losses[0].value } else { nil }
        }.min() ?? .infinity
    }

    @Test func `it finds the bottom of a bowl to within a thousandth`() throws {
        let space = try Space(TPETests.plane)
        for seed in 0..<3 {
            let history = Self.study(35, of: space, seed: UInt64(seed)) { .complete(TPETests.bowl($0)) }
            // A tenth of a decade off in y, which the bowl resolves no finer, costs 0.01.
            #expect(Self.best(history) < 0.011, "seed \(seed)")
        }
    }

    @Test func `a sampler that remembers its last fit answers as a fresh one`() throws {
        var g = SeededGenerator(seed: 40)
        for _ in 0..<6 {
            let space = try Space.anything(&g)
            var (sampler, past) = (GPSampler(startup: 3, candidates: 16), History(space))
            for number in 0..<30 {
                var (first, second) = (
                    SeededGenerator(seed: UInt64(number)), SeededGenerator(seed: UInt64(number))
                )
                var fresh = GPSampler(startup: 3, candidates: 16)
                let proposal = sampler.propose(from: past, using: &first)
                #expect(fresh.propose(from: past, using: &second) == proposal)
                guard let proposal else { break }
                past.add(proposal.assignment, number % 7 == 3 ? .failed : .complete(.of(g.unit())))
            }
        }
    }

    @Test func `a small space is covered once, without repeating, and then there is nothing left`() throws {
        let space = try Space([
            Parameter("n", .int(low: 1, high: 6)),
            Parameter("kind", .categorical(choices: [.string("a"), .string("b")])),
            Parameter("of b", .float(low: 0, high: 1, scale: .step(0.25)), when: ["kind": [.string("b")]]),
        ])
        let history = Self.study(100, of: space, seed: 41) { .complete(.of($0["n"]?.number ?? 0)) }
        #expect(history.trials.count == 6 + 6 * 5)
        #expect(Set(history.trials.map(\.assignment)).count == 36)
    }

    @Test func `with many trials running no proposal is made twice, and they keep apart`() throws {
        let space = try Space([
            Parameter("x", .float(low: 0, high: 1)), Parameter("y", .float(low: 0, high: 1)),
        ])
        var history = Self.study(20, of: space, seed: 42) {
            .complete(.of(abs(($0["x"]?.number ?? 0) - 0.3) + abs(($0["y"]?.number ?? 0) - 0.6)))
        }
        var (sampler, g) = (GPSampler(candidates: 100), SeededGenerator(seed: 43))
        for _ in 0..<16 {
            let proposal = try #require(sampler.propose(from: history, using: &g))
            history.add(proposal.assignment)
        }
        let places = (20..<36).map { Array(history.row($0)) }
        for (index, a) in places.enumerated() {
            for b in places[..<index] {
                #expect(abs(a[0] - b[0]) + abs(a[1] - b[1]) > 1e-4)
            }
        }
    }

    @Test func `failed trials are avoided`() throws {
        let space = try Space([Parameter("x", .float(low: 0, high: 1))])
        let past = (0..<24).map { index in
            let x = Double(index) / 23
            return Observation(["x": .float(x)], x > 0.5 ? .failed : .complete(.of(1 - x)))
        }
        for seed in 0..<5 {
            var g = SeededGenerator(seed: UInt64(seed))
            let x = GPSampler(candidates: 100).propose(in: space, history: past, using: &g)?.assignment["x"]?
                .number
            #expect((0.4...0.53).contains(x ?? 1))
        }
    }

    @Test func `a trial stopped at a rung counts as what it would have come to`() {
        func trial(_ rungs: [Double], _ end: Double?) -> Observation {
            Observation(
                ["x": .float(0)], end.map { .complete(.of($0)) } ?? .pruned(step: 9, .of(rungs.last ?? 0)),
                rungLosses: rungs.map(Loss.of))
        }
        let offsets = RungOffsets(
            [trial([5, 4, 2], 1), trial([6, 4, 2.5], 1), trial([9, 5], nil), trial([9], nil)], rungs: 4)
        #expect(offsets.end(of: 9, rungs: 1) == 9 - 4.5)
        #expect(offsets.end(of: 5, rungs: 2) == 2)
        #expect(offsets.end(of: 2, rungs: 3) == 2 - 1.25)
        // Nobody passed the last rung or ended after it.
        #expect(offsets.end(of: 2, rungs: 4) == 2)
        #expect(offsets.end(of: 7, rungs: 0) == 7)
        // With nothing complete, what is lost between rungs adds up.
        let early = RungOffsets([trial([5, 4], nil), trial([7, 4, 3], nil)], rungs: 3)
        #expect(early.end(of: 8, rungs: 1) == 8 - 2 - 1)
    }

    @Test func `pruned trials teach: the side on which they were better is searched`() throws {
        let space = try Space([Parameter("x", .float(low: 0, high: 1))])
        let past = (0..<20).map { index in
            let x = (Double(index) + 0.5) / 20
            return Observation(
                ["x": .float(x)], .pruned(step: 1, .of((x - 0.8) * (x - 0.8))),
                rungLosses: [.of((x - 0.8) * (x - 0.8))])
        }
        var (g, sampler) = (SeededGenerator(seed: 44), GPSampler())
        let history = History(space, rungs: [1, 3], trials: past)
        let x = try #require(sampler.propose(from: history, using: &g)?.assignment["x"]?.number)
        #expect((0.7...0.9).contains(x))
    }

    @Test func `trials of an earlier stage on another level lead the first proposals`() throws {
        let space = try Space([
            Parameter("x", .float(low: 0, high: 1)), Parameter("y", .float(low: 0, high: 1)),
        ])
        func loss(_ point: Assignment, _ x: Double) -> Double {
            let (dx, dy) = ((point["x"]?.number ?? 9) - x, (point["y"]?.number ?? 9) - 0.3)
            return dx * dx + dy * dy
        }
        let before = Self.study(40, of: space, seed: 45) { .complete(.of(7 + 3 * loss($0, 0.6))) }
        func early(_ earlier: [EarlierStage]) -> Double {
            (0..<5).reduce(0) { sum, seed in
                let history = Self.study(8, of: space, seed: 46 + UInt64(seed), earlier: earlier) {
                    .complete(.of(2 + loss($0, 0.65)))
                }
                return sum + Self.best(history) - 2
            }
        }
        let (warm, cold) = (early([EarlierStage(before.trials)]), early([]))
        #expect(warm < 0.5 * cold, "\(warm), \(cold)")
    }

    @Test func `several objectives are weighed anew each time, and the front is found between its ends`()
        throws
    {
        let space = try Space([
            Parameter("x", .float(low: 0, high: 1)), Parameter("y", .float(low: 0, high: 1)),
        ])
        // The front is y = 0, x from 0.2 to 0.8.
        let history = Self.study(40, of: space, seed: 47) { point in
            let (x, y) = (point["x"]?.number ?? 9, point["y"]?.number ?? 9)
            return .complete([.of((x - 0.2) * (x - 0.2) + y), .of((x - 0.8) * (x - 0.8) + y)])
        }
        let front = history.trials.suffix(25).filter { ($0.assignment["y"]?.number ?? 1) < 0.05 }
        let thirds = Set(front.compactMap { $0.assignment["x"]?.number.map { Int(($0 - 0.2) / 0.2) } })
        #expect(front.count > 15 && thirds.isSuperset(of: [0, 1, 2]))
    }

    @Test func `fits come at a sixteenth more trials each`() {
        let counts = Set((1...1000).map(GPSampler.scheduled)).sorted()
        #expect(counts.prefix(32) == Array(1...32)[...])
        #expect(counts.contains(96) && !counts.contains(97) && counts.count < 120)
        #expect(
            (1...1000).allSatisfy {
                GPSampler.scheduled($0) <= $0 && GPSampler.scheduled($0) * 17 > $0 * 16 - 16
            })
    }
}
