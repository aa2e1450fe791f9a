import FleetModel
import Search
import Testing

private func trial(_ number: Int) -> TrialID { TrialID(stage: 0, number: number) }

@Suite struct PopulationTests {
    @Test func `the worst fifth takes over from one of the best fifth`() throws {
        var pruner = PopulationPruner(interval: 5)
        for number in 0..<9 {
            #expect(pruner.judge(trial(number), step: 5, loss: .of(-Double(number))) == .go)
        }
        var sources: Set<Int> = []
        for number in 9..<60 {
            let verdict = pruner.judge(trial(number), step: 5, loss: .of(100 + Double(number)))
            guard case .exploit(let exploit) = verdict else { return #expect(verdict != .go) }
            #expect(exploit.position == exploit.of && exploit.step == 5)
            #expect(exploit.loss == .of(-Double(exploit.from.number)))
            sources.insert(exploit.from.number)
        }
        #expect(sources == [7, 8], "a fifth of ten is two")
        let text = Exploit(from: trial(4), step: 9, loss: .of(-0.5), position: 9, of: 9, replaced: 2)
            .text(.maximize)
        #expect(
            text == "place 9 of 9, the last 2 take over from the best 2: from trial 0.4 at step 9 with 0.5")
    }

    @Test(arguments: [1, 2, 3, 1_000_000_000]) func `steps as large as numbers get are judged`(interval: Int)
    {
        var pruner = PopulationPruner(interval: interval)
        for step in [Int.max - 2, .max - 1, .max] {
            #expect(pruner.judge(trial(0), step: step, loss: .of(1)) == .go)
        }
        #expect(pruner.nextDecision(of: trial(0)) ?? 0 > .max - interval)
    }

    @Test func `decisions lie an interval apart, and none falls at the end`() {
        var pruner = PopulationPruner(interval: 10, maxStep: 30)
        for number in [4, 3, 2] { #expect(pruner.judge(trial(number), step: 10, loss: .of(1)) == .go) }
        #expect(pruner.nextDecision(of: trial(1)) == 10)
        #expect(pruner.judge(trial(1), step: 9, loss: .of(9)) == .go)
        #expect(pruner.judge(trial(1), step: 13, loss: .of(9)) != .go)
        #expect(pruner.nextDecision(of: trial(1)) == 20)
        #expect(pruner.judge(trial(1), step: 19, loss: .of(9)) == .go)
        #expect(pruner.judge(trial(1), step: 20, loss: .of(9)) != .go)
        #expect(pruner.nextDecision(of: trial(1)) == 30)
        #expect(pruner.judge(trial(1), step: 30, loss: .of(9)) == .go)
    }

    @Test func `fewer than four do not copy each other, and who ended is not counted`() {
        var pruner = PopulationPruner(interval: 1)
        for step in 1...9 {
            for number in 0..<3 {
                #expect(pruner.judge(trial(number), step: step, loss: .of(Double(number))) == .go)
            }
        }
        pruner.ended(trial(0))
        #expect(pruner.judge(trial(3), step: 1, loss: .of(9)) == .go)
        #expect(pruner.judge(trial(4), step: 1, loss: .of(10)) != .go)
    }

    /// It has just lost its own state, and has none to give.
    @Test func `one that took over is not taken over from before it reports again`() {
        var pruner = PopulationPruner(interval: 1, share: 0.5)
        for number in 0..<3 { _ = pruner.judge(trial(number), step: 1, loss: .of(-Double(number))) }
        #expect(pruner.judge(trial(3), step: 1, loss: .of(9)) != .go)
        #expect(pruner.judge(trial(2), step: 2, loss: .of(9)) == .go, "three have a state")
        guard case .exploit(let exploit) = pruner.judge(trial(3), step: 2, loss: .of(10)) else {
            return #expect(Bool(false), "four have one again")
        }
        #expect([0, 1].contains(exploit.from.number))
    }

    @Test func `what is explored lies in the space, near its origin three times in four`() throws {
        var g = SeededGenerator(seed: 43)
        for _ in 0..<1000 {
            let space = try Space.anything(&g)
            guard let origin = draw(from: space, &g) else { continue }
            let point = space.explored(from: origin, using: &g)
            #expect(space.problem(with: point) == nil, "\(space) \(point)")
        }
        let space = try Space([Parameter("lr", .float(low: 1e-6, high: 1, scale: .log))])
        let near = (0..<2000).count { _ in
            let lr = space.explored(from: ["lr": .float(1e-3)], using: &g)["lr"]?.number ?? 0
            return abs(lr / 1e-3 - 1.2) < 1e-9 || abs(lr * 1.2 / 1e-3 - 1) < 1e-9
        }
        #expect((1400...1600).contains(near))
    }

    @Test func `what is explored keeps to the constraints, and stays where there is no other point`() throws {
        let range = Domain.float(low: 0, high: 1)
        let rule = try Constraint("a + b <= 1")
        let space = try Space([Parameter("a", range), Parameter("b", range)], constraints: [rule])
        var g = SeededGenerator(seed: 46)
        var point: Assignment = ["a": .float(0.5), "b": .float(0.5)]
        for _ in 0..<500 {
            point = space.explored(from: point, using: &g)
            #expect(space.problem(with: point) == nil)
        }
        let tight = try Space(
            [Parameter("a", range)], constraints: [Constraint("a == 0.125")])
        let only: Assignment = ["a": .float(0.125)]
        #expect(tight.explored(from: only, using: &g) == only)
    }

    /// Where the parameter goes when it is not drawn anew.
    @Test(arguments: [
        (Domain.float(low: -1, high: 1), 0.5, [0.4, 0.6]), (.float(low: -1, high: 1), 0, [-0.4, 0.4]),
        (.float(low: -1, high: 1), -1, [-1, -0.8]), (.int(low: 1, high: 9), 2, [1, 3]),
        (.int(low: 1, high: 9), 9, [7, 9]), (.int(low: 8, high: 512, scale: .log), 100, [83, 120]),
        (.float(low: 0, high: 0.5, scale: .step(0.1)), 0.2, [0.1, 0.3]),
        (.int(low: 0, high: 100, scale: .step(10)), 80, [60, 100]),
    ])
    func `numbers move by a fifth or a place`(domain: Domain, from: Double, ends: [Double]) throws {
        let space = try Space([Parameter("x", domain)])
        var (counts, g) = ([Int: Int](), SeededGenerator(seed: 45))
        let origin: ParameterValue = if case .int = domain { .int(Int(from)) } else { .float(from) }
        for _ in 0..<4000 {
            let x = space.explored(from: ["x": origin], using: &g)["x"]?.number ?? .nan
            for (index, end) in ends.enumerated() where abs(x - end) < 1e-9 { counts[index, default: 0] += 1 }
        }
        #expect(counts[0, default: 0] > 1300 && counts[1, default: 0] > 1300, "\(counts)")
    }

    private func draw(from space: Space, _ g: inout SeededGenerator) -> Assignment? {
        var sampler = SamplerKind.random(RandomSampler())
        return sampler.propose(from: History(space), using: &g)?.assignment
    }
}
