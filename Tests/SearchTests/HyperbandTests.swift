import FleetModel
import Search
import Testing

private func trial(_ number: Int) -> TrialID { TrialID(stage: 0, number: number) }

@Suite struct HyperbandTests {
    @Test func `each bracket has a rung less than the one before, the last has none`() {
        let asha = HyperbandPruner(minStep: 1, maxStep: 81).asha
        #expect(asha.rungs == [1, 3, 9, 27])
        #expect((0..<asha.bracketCount).map { asha.recorded(in: $0).count } == [4, 3, 2, 1, 0])
        #expect(HyperbandPruner(minStep: 50, maxStep: 50).asha.bracketCount == 1)
        #expect(HyperbandPruner(minStep: 1, reductionFactor: 2, maxStep: .max).asha.bracketCount == 64)
    }

    /// The paper's table for R = 81 and η = 3: so many of its 143 trials in each bracket.
    @Test func `at every time each bracket has its share of the trials`() {
        let pruner = HyperbandPruner(minStep: 1, maxStep: 81).asha
        let shares = [81, 34, 15, 8, 5].map { Double($0) / 143 }
        var counts = [Int](repeating: 0, count: 5)
        for number in 0..<5000 {
            counts[pruner.bracket(of: number)] += 1
            for (count, share) in zip(counts, shares) {
                #expect(abs(Double(count) - share * Double(number + 1)) < 4, "\(counts)")
            }
        }
    }

    @Test func `trials are compared inside of their bracket only, and the reason names it`() throws {
        var pruner = HyperbandPruner(minStep: 1, maxStep: 81)
        let numbers = (0..<5).map { bracket in (0..<200).filter { pruner.asha.bracket(of: $0) == bracket } }
        for (bracket, members) in numbers.enumerated() where bracket < 4 {
            // The further the bracket, the worse its first trial: it goes on all the same.
            let rung = pruner.rungs[bracket]
            let loss = Loss.of(Double(bracket))
            #expect(
                pruner.judge(trial(members[0]), step: rung, loss: loss)
                    == .pass(Standing(rung: rung, position: 1, of: 1, kept: 1, bracket: bracket)))
            let second = Standing(rung: rung, position: 2, of: 2, kept: 1, bracket: bracket)
            #expect(pruner.judge(trial(members[1]), step: rung, loss: loss) == .stop(.outranked(second)))
            #expect("\(second)" == "bracket \(bracket), rung \(rung): place 2 of 2, best 1 go on")
        }
    }

    @Test func `in the last bracket every trial runs to its end`() {
        var pruner = HyperbandPruner(minStep: 1, maxStep: 81)
        let last = (0..<500).filter { pruner.asha.bracket(of: $0) == 4 }
        #expect(last.count > 10)
        for (place, number) in last.enumerated() {
            for step in 1...81 {
                #expect(pruner.judge(trial(number), step: step, loss: .of(Double(place))) == .go)
            }
        }
    }

    @Test func `its first bracket decides as ASHA does`() {
        var (pruner, g) = (HyperbandPruner(minStep: 2, maxStep: 60), SeededGenerator(seed: 27))
        var asha = ASHAPruner(minStep: 2, maxStep: 60)
        for number in (0..<200).filter({ pruner.asha.bracket(of: $0) == 0 }) {
            for step in stride(from: 1, through: 60, by: g.int(1...5)) {
                let loss = Loss.of(g.unit())
                let verdict = asha.judge(trial(number), step: step, loss: loss)
                _ = pruner.judge(trial(number), step: step, loss: loss)
                if case .stop = verdict { break }
            }
        }
        #expect(pruner.asha.recorded(in: 0) == asha.recorded(in: 0))
        #expect(asha.recorded(in: 0)[0].count > 50)
    }
}
