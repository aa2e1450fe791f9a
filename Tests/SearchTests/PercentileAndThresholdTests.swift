import FleetModel
import Search
import Testing

private func trial(_ number: Int) -> TrialID { TrialID(stage: 0, number: number) }

@Suite struct PercentileAndThresholdTests {
    /// Ten others have losses 0 to 9; the worst loss that goes on with them.
    @Test(arguments: [(0.0, 0), (9.9, 0), (10, 1), (25, 2), (50, 5), (99, 9), (100, 9)])
    func `a trial goes on while it is not worse than the percentile of the others`(
        percentile: Double, worst: Int
    ) {
        var pruner = PercentilePruner(percentile: percentile, startup: 10)
        for number in 0..<10 { _ = pruner.judge(trial(number), step: 1, loss: .of(Double(number))) }
        for loss in 0...11 {
            var fresh = pruner
            let verdict = fresh.judge(trial(10), step: 1, loss: .of(Double(loss)))
            let stop = Verdict.stop(
                .worseThanPercentile(
                    percentile, step: 1, best: .of(Double(loss)), bound: .of(Double(worst)), others: 10))
            #expect(verdict == (loss <= worst ? .go : stop), "loss \(loss)")
        }
    }

    @Test func `a smaller percentile stops whatever a larger one stops`() {
        var g = SeededGenerator(seed: 26)
        for _ in 0..<300 {
            let (a, b) = (100 * g.unit(), 100 * g.unit())
            var strict = PercentilePruner(percentile: min(a, b), startup: 1)
            var mild = PercentilePruner(percentile: max(a, b), startup: 1)
            for number in 0..<g.int(2...12) {
                let loss = Loss.of(g.unit())
                let verdicts = (
                    strict.judge(trial(number), step: 1, loss: loss),
                    mild.judge(trial(number), step: 1, loss: loss)
                )
                #expect(verdicts.1 == .go || verdicts.0 != .go)
            }
        }
    }

    struct Bounds: Sendable {
        let pruner: ThresholdPruner
        /// The first and the last loss inside, of -4 to 4.
        let inside: ClosedRange<Int>
    }

    @Test(arguments: [
        Bounds(pruner: ThresholdPruner(upper: 2), inside: -4...2),
        Bounds(pruner: ThresholdPruner(lower: -1), inside: -1...4),
        Bounds(pruner: ThresholdPruner(lower: -1, upper: 2), inside: -1...2),
        Bounds(pruner: ThresholdPruner(lower: 1, upper: 1), inside: 1...1),
        Bounds(pruner: ThresholdPruner(lower: -1, upper: 2, direction: .maximize), inside: -2...1),
        Bounds(pruner: ThresholdPruner(lower: 3, direction: .maximize), inside: -4 ... -3),
    ])
    func `a loss outside of the bounds stops, one on them does not`(bounds: Bounds) {
        for value in -4...4 {
            var pruner = bounds.pruner
            let verdict = pruner.judge(trial(0), step: 1, loss: .of(Double(value)))
            let bound = value < bounds.inside.lowerBound ? bounds.inside.lowerBound : bounds.inside.upperBound
            let stop = Verdict.stop(
                .outOfBounds(step: 1, loss: .of(Double(value)), bound: .of(Double(bound))))
            #expect(verdict == (bounds.inside.contains(value) ? .go : stop), "\(value)")
        }
    }

    @Test func `bounds do not hold during the warmup`() {
        var pruner = ThresholdPruner(upper: 2, warmupSteps: 10)
        #expect(pruner.judge(trial(0), step: 10, loss: .of(9)) == .go)
        #expect(
            pruner.judge(trial(0), step: 11, loss: .of(9))
                == .stop(.outOfBounds(step: 11, loss: .of(9), bound: .of(2))))
    }
}
