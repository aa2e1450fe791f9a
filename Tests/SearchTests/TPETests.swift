import FleetModel
import Search
import Testing

@Suite struct TPETests {
    static let plane = [
        Parameter("x", .float(low: -5, high: 5)), Parameter("y", .float(low: 1e-5, high: 1, scale: .log)),
        Parameter("kind", .categorical(choices: [.string("good"), .string("bad"), .string("worse")])),
    ]

    /// A bowl with its bottom at x = 2, y about 1e-3, kind good.
    static func bowl(_ point: Assignment) -> Loss {
        let (x, y) = (point["x"]?.number ?? 9, point["y"]?.number ?? 1)
        var decades = 0.0
        var power = y
        while power < 1e-3 { (power, decades) = (power * 1.25, decades + 0.1) }
        while power > 1e-3 { (power, decades) = (power / 1.25, decades + 0.1) }
        let penalty = point["kind"] == .string("good") ? 0.0 : point["kind"] == .string("bad") ? 3 : 6
        return .of((x - 2) * (x - 2) + decades * decades + penalty)
    }

    static func best(of sampler: SamplerKind, seed: UInt64) throws -> Loss {
        let space = try Space(plane)
        var g = SeededGenerator(seed: seed)
        var past: [Observation] = []
        for _ in 0..<60 {
            let proposal = try #require(sampler.propose(in: space, history: past, using: &g))
            past.append(Observation(proposal.assignment, .complete(bowl(proposal.assignment))))
        }
        return try #require(past.map { bowl($0.assignment) }.min())
    }

    @Test func `TPE finds the bottom of a bowl better than chance`() throws {
        let wins = try (0..<40).count { seed in
            try Self.best(of: .tpe(TPESampler()), seed: UInt64(seed))
                < Self.best(of: .random(RandomSampler()), seed: UInt64(seed))
        }
        // A sampler no better than chance reaches 31 of 40 once in 3,000 tries.
        #expect(wins >= 31, "\(wins) of 40")
    }

    @Test func `with many trials running no proposal is made twice`() throws {
        let space = try Space([
            Parameter("x", .float(low: 0, high: 1)), Parameter("n", .int(low: 1, high: 400, scale: .log)),
        ])
        var g = SeededGenerator(seed: 12)
        var past = history(of: 20, in: space, &g)
        let before = past.count
        for _ in 0..<64 {
            let proposal = try #require(TPESampler().propose(in: space, history: past, using: &g))
            past.append(Observation(proposal.assignment, .running))
        }
        #expect(Set(past.map(\.assignment)).count == before + 64)
    }

    @Test func `running trials push the next proposals away`() throws {
        let space = try Space([Parameter("x", .float(low: 0, high: 1))])
        let past = (0..<30).map { index in
            let x = Double(index) / 29
            return Observation(["x": .float(x)], .complete(.of(abs(x - 0.5))))
        }
        let crowd = past + (0..<20).map { Observation(["x": .float(0.45 + Double($0) * 0.005)], .running) }
        func middle(_ history: [Observation]) -> Int {
            (0..<50).count { seed in
                var g = SeededGenerator(seed: UInt64(seed))
                let x = TPESampler().propose(in: space, history: history, using: &g)?.assignment["x"]?.number
                return abs((x ?? 0) - 0.5) < 0.05
            }
        }
        #expect(middle(crowd) * 2 < middle(past))
    }

    @Test func `small spaces are covered before anything is repeated`() throws {
        let space = try Space([Parameter("n", .int(low: 1, high: 12))])
        var g = SeededGenerator(seed: 13)
        var past: [Observation] = []
        for _ in 0..<12 {
            let proposal = try #require(TPESampler(startup: 2).propose(in: space, history: past, using: &g))
            past.append(Observation(proposal.assignment, .complete(.of(Double(past.count)))))
        }
        #expect(Set(past.map(\.assignment)).count >= 9)
    }

    @Test func `pruned trials teach: those that came further rank before, complete ones before all`() throws {
        let space = try Space([Parameter("x", .float(low: 0, high: 1))])
        // Only the ten that came furthest lie at the right, with the highest losses.
        let past = (0..<100).map { index in
            let right = index % 10 == 0
            let x = (right ? 0.8 : 0.1) + Double(index) / 1000
            return Observation(["x": .float(x)], .pruned(step: right ? 200 : 100, .of(right ? 9 : 1)))
        }
        let right = (0..<40).count { seed in
            var g = SeededGenerator(seed: UInt64(seed))
            return (TPESampler().propose(in: space, history: past, using: &g)?.assignment["x"]?.number ?? 0)
                > 0.6
        }
        #expect(right >= 35)
    }

    @Test func `failed trials are avoided`() throws {
        let space = try Space([Parameter("x", .float(low: 0, high: 1))])
        let past = (0..<60).map { index in
            let x = Double(index) / 59
            return Observation(["x": .float(x)], x > 0.5 ? .failed : .complete(.of(1 - x)))
        }
        let failing = (0..<40).count { seed in
            var g = SeededGenerator(seed: UInt64(seed))
            return (TPESampler().propose(in: space, history: past, using: &g)?.assignment["x"]?.number ?? 1)
                > 0.55
        }
        #expect(failing <= 8)
    }

    @Test func `the reason counts the startup, then says what the model saw`() throws {
        let space = try Space([Parameter("x", .float(low: 0, high: 1))])
        var g = SeededGenerator(seed: 14)
        var past: [Observation] = []
        var reasons: [ProposalReason] = []
        for _ in 0..<5 {
            let proposal = try #require(TPESampler(startup: 3).propose(in: space, history: past, using: &g))
            reasons.append(proposal.reason)
            past.append(Observation(proposal.assignment, .complete(.of(1))))
        }
        #expect(
            reasons == [
                .startup(number: 1, of: 3), .startup(number: 2, of: 3), .startup(number: 3, of: 3),
                .model(observations: 3, good: 1), .model(observations: 4, good: 1),
            ])
        #expect(reasons[3].description == "model on 3 observations, 1 of them good")
    }

    @Test func `with nothing ended yet the model is not asked`() throws {
        let space = try Space([Parameter("x", .float(low: 0, high: 1))])
        var g = SeededGenerator(seed: 15)
        let past = (0..<20).map { Observation(["x": .float(Double($0) / 20)], .running) }
        #expect(TPESampler().propose(in: space, history: past, using: &g)?.reason == .random)
    }
}
