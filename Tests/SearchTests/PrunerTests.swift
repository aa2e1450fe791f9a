import FleetModel
import Foundation
import Search
import Testing

private func trial(_ number: Int) -> TrialID { TrialID(stage: 0, number: number) }

@Suite struct ASHATests {
    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        /// Losses at the rungs of steps 1, 3 and 9, before and after trial 9 reports.
        let before: [[Double]]
        let step: Int
        let loss: Double
        let verdict: Verdict
        let after: [[Double]]
    }

    static func standing(_ rung: Int, _ position: Int, of count: Int, kept: Int) -> Standing {
        Standing(rung: rung, position: position, of: count, kept: kept)
    }

    static let cases = [
        Case(
            testDescription: "the first at a rung goes on", before: [[], [], []], step: 1, loss: 5,
            verdict: .pass(standing(1, 1, of: 1, kept: 1)), after: [[5], [], []]),
        Case(
            testDescription: "below eta entries only the best goes on", before: [[4], [], []], step: 1,
            loss: 5,
            verdict: .stop(.outranked(standing(1, 2, of: 2, kept: 1))), after: [[4, 5], [], []]),
        Case(
            testDescription: "a better one goes on", before: [[4, 6], [], []], step: 1, loss: 3,
            verdict: .pass(standing(1, 1, of: 3, kept: 1)), after: [[3, 4, 6], [], []]),
        Case(
            testDescription: "ties keep the earlier", before: [[4], [], []], step: 1, loss: 4,
            verdict: .stop(.outranked(standing(1, 2, of: 2, kept: 1))), after: [[4, 4], [], []]),
        Case(
            testDescription: "of six two go on", before: [[1, 3, 4, 5, 6], [], []], step: 1, loss: 2,
            verdict: .pass(standing(1, 2, of: 6, kept: 2)), after: [[1, 2, 3, 4, 5, 6], [], []]),
        Case(
            testDescription: "a late first report decides every rung it passed", before: [[4], [2], []],
            step: 5, loss: 3, verdict: .stop(.outranked(standing(3, 2, of: 2, kept: 1))),
            after: [[3, 4], [2, 3], []]),
        Case(
            testDescription: "stopped at the first rung it is not recorded at the next",
            before: [[1], [9], []], step: 4, loss: 3,
            verdict: .stop(.outranked(standing(1, 2, of: 2, kept: 1))), after: [[1, 3], [9], []]),
    ]

    @Test(arguments: cases)
    func `a report moves the rungs`(table: Case) {
        var pruner = ASHAPruner(minStep: 1, reductionFactor: 3, maxStep: 27)
        for (rung, losses) in table.before.enumerated() {
            for loss in losses { pruner = pruner.recording(.of(loss), rung: rung) }
        }
        #expect(pruner.judge(trial(9), step: table.step, loss: .of(table.loss)) == table.verdict)
        #expect(pruner.recorded(in: 0).map { $0.map(\.value) } == table.after)
    }

    @Test func `rungs lie a factor apart and below the end`() {
        #expect(
            ASHAPruner(minStep: 100, reductionFactor: 3, maxStep: 2700).rungs == [100, 300, 900])
        #expect(ASHAPruner(minStep: 100, reductionFactor: 3, maxStep: 100).rungs.isEmpty)
        #expect(ASHAPruner(minStep: 1 << 61, reductionFactor: 4, maxStep: .max).rungs.count == 1)
    }

    @Test func `a rung is decided once for each trial, at its first report there`() {
        var pruner = ASHAPruner(minStep: 10, reductionFactor: 2, maxStep: 100)
        #expect(pruner.judge(trial(0), step: 9, loss: .of(1)) == .go)
        #expect(
            pruner.judge(trial(0), step: 12, loss: .of(2)) == .pass(Self.standing(10, 1, of: 1, kept: 1)))
        #expect(pruner.judge(trial(0), step: 13, loss: .of(1)) == .go)
        #expect(pruner.judge(trial(0), step: 12, loss: .of(1)) == .go)
        #expect(pruner.recorded(in: 0)[0] == [.of(2)])
    }

    @Test func `from the last step on nothing is compared`() {
        var pruner = ASHAPruner(minStep: 1, maxStep: 9)
        #expect(pruner.judge(trial(0), step: 1, loss: .of(1)) == .pass(Self.standing(1, 1, of: 1, kept: 1)))
        let before = pruner
        for step in [9, 10] { #expect(pruner.judge(trial(1), step: step, loss: .of(99)) == .go) }
        #expect(pruner == before)
    }

    @Test func `what is decided next is the trial's next rung, and after the last its end`() {
        var pruner = ASHAPruner(minStep: 2, maxStep: 20)
        for (step, next) in [(1, 2), (2, 6), (3, 6), (7, 18), (18, 20), (20, 20)] {
            _ = pruner.judge(trial(0), step: step, loss: .of(1))
            #expect(pruner.nextDecision(of: trial(0)) == next)
        }
        #expect(pruner.nextDecision(of: trial(1)) == 2)
    }

    @Test func `each bracket begins a rung later, and most trials are in the first`() {
        let pruner = ASHAPruner(minStep: 1, maxStep: 81, brackets: 3)
        var counts = [0, 0, 0]
        for number in 0..<900 {
            let bracket = pruner.bracket(of: number)
            counts[bracket] += 1
            #expect(pruner.nextDecision(of: trial(number)) == [1, 3, 9][bracket])
        }
        #expect(counts[0] > counts[1] && counts[1] > counts[2] && counts[2] > 0)
        #expect(ASHAPruner(minStep: 1, maxStep: 81, brackets: 99).bracketCount == 5)
        #expect((0..<99).allSatisfy { ASHAPruner(minStep: 1, maxStep: 81).bracket(of: $0) == 0 })
    }

    @Test func `with a hundred trials about a third passes each rung`() {
        var pruner = PrunerKind.asha(ASHAPruner(minStep: 1, reductionFactor: 3, maxStep: 9))
        var g = SeededGenerator(seed: 16)
        let losses = (0..<100).map { _ in Loss.of(g.unit()) }
        var running = Array(losses.indices)
        var counts: [Int] = []
        for step in [1, 3] {
            running = running.filter {
                if case .pass = pruner.judge(trial($0), step: step, loss: losses[$0]) { true } else { false }
            }
            counts.append(running.count)
        }
        #expect((25...50).contains(counts[0]))
        #expect(counts[1] < counts[0])
        #expect(running.contains(losses.indices.min { losses[$0] < losses[$1] } ?? -1))
    }
}

@Suite struct OtherPrunerTests {
    @Test func `median stopping stops the worse half, once enough came as far`() {
        var pruner = PercentilePruner.median(startup: 3)
        for number in 0..<3 {
            for step in [10, 20] {
                #expect(pruner.judge(trial(number), step: step, loss: .of(Double(number))) == .go)
            }
        }
        #expect(pruner.judge(trial(3), step: 15, loss: .of(1)) == .go)
        #expect(
            pruner.judge(trial(4), step: 15, loss: .of(2))
                == .stop(.worseThanPercentile(50, step: 15, best: .of(2), bound: .of(1), others: 4)))
        #expect(pruner.judge(trial(5), step: 21, loss: .of(9)) == .go, "nobody came as far")
    }

    @Test func `median stopping compares bests: one bad report after a good one does no harm`() {
        var pruner = PercentilePruner.median(startup: 1)
        _ = pruner.judge(trial(0), step: 1, loss: .of(5))
        _ = pruner.judge(trial(0), step: 2, loss: .of(4))
        #expect(pruner.judge(trial(1), step: 1, loss: .of(1)) == .go)
        #expect(pruner.judge(trial(1), step: 2, loss: .of(50)) == .go)
    }

    @Test func `nothing is judged during the warmup`() {
        var pruner = PercentilePruner.median(startup: 1, warmupSteps: 10)
        for step in [10, 11] { _ = pruner.judge(trial(0), step: step, loss: .of(1)) }
        #expect(pruner.judge(trial(1), step: 10, loss: .of(9)) == .go)
        #expect(pruner.judge(trial(1), step: 11, loss: .of(9)) != .go)
    }

    @Test func `patience ends after so many reports in a row without an improvement`() {
        var pruner = PatiencePruner(patience: 2, minDelta: 0.5)
        let verdicts = [5.0, 4.9, 4, 3.9, 3.5].enumerated().map { index, loss in
            pruner.judge(trial(0), step: index + 1, loss: .of(loss))
        }
        #expect(verdicts[..<4] == [.go, .go, .go, .go])
        #expect(
            verdicts[4]
                == .stop(.noImprovement(reports: 2, best: .of(4), bestStep: 3, minDelta: 0.5)))
        #expect(pruner.judge(trial(1), step: 5, loss: .of(9)) == .go, "another trial has its own patience")
    }

    @Test func `a reason is told in the user's numbers`() {
        let median = PruneReason.worseThanPercentile(
            50, step: 7, best: .of(-0.25), bound: .of(-0.5), others: 4)
        #expect(median.text(.maximize) == "step 7: its best, 0.25, is worse than the median 0.5 of 4 others")
        let quarter = PruneReason.worseThanPercentile(
            25, step: 7, best: .of(3), bound: .of(2), others: 9)
        #expect("\(quarter)" == "step 7: its best, 3, is worse than 2, percentile 25 of 9 others")
        let outside = PruneReason.outOfBounds(step: 7, loss: .of(-0.25), bound: .of(-0.5))
        #expect(outside.text(.maximize) == "step 7: 0.25 is below the lower bound 0.5")
        #expect(outside.text(.minimize) == "step 7: -0.25 is above the upper bound -0.5")
    }
}
