public import FleetModel

/// Asynchronous successive halving, stopping type (Li et al. 2020, algorithm 2, in the form in which
/// Syne Tune and Optuna decide at once): at each rung a trial goes on if its loss is among the best
/// 1/`reductionFactor` of those recorded there so far, at least one; ties keep the earlier trial.
public struct ASHAPruner: Pruner {
    /// Steps of the first rung, at least 1.
    public let minStep: Int
    /// η: each rung lies that many times further, at least 2.
    public let reductionFactor: Int
    /// Rungs lie below this step, where a trial ends anyway.
    public let maxStep: Int
    /// By rising step; decided so far.
    package private(set) var rungs: [Rung]
    /// At how many rungs, counted from the lowest, a trial was recorded.
    private var passed: [TrialID: Int] = [:]

    /// A step at which trials are compared.
    package struct Rung: Hashable, Codable, Sendable {
        package let step: Int
        /// Best first, equals in order of arrival.
        package fileprivate(set) var entries: [Entry] = []
    }

    package struct Entry: Hashable, Codable, Sendable {
        package let trial: TrialID
        package let loss: Loss
    }

    public init(minStep: Int, reductionFactor: Int = 3, maxStep: Int) {
        precondition(minStep >= 1, "the first rung is at step 1 or later")
        precondition(reductionFactor >= 2, "a reduction factor is at least 2")
        self.minStep = minStep
        self.reductionFactor = reductionFactor
        self.maxStep = maxStep
        rungs = []
        var (step, overflow) = (minStep, false)
        while !overflow, step < maxStep {
            rungs.append(Rung(step: step))
            (step, overflow) = step.multipliedReportingOverflow(by: reductionFactor)
        }
    }

    /// Decides every rung that the trial reached and that it was not recorded at, the lowest first, with the
    /// loss at hand: trainers need not report exactly at the rungs.
    public mutating func judge(_ trial: TrialID, step: Int, loss: Loss) -> Verdict {
        var verdict = Verdict.go
        var next = passed[trial] ?? 0
        while next < rungs.count, rungs[next].step <= step {
            let standing = rungs[next].record(Entry(trial: trial, loss: loss), reductionFactor)
            next += 1
            passed[trial] = next
            guard standing.position <= standing.kept else { return .stop(.outranked(standing)) }
            verdict = .pass(standing)
        }
        return verdict
    }
}

extension ASHAPruner.Rung {
    fileprivate mutating func record(_ entry: ASHAPruner.Entry, _ reductionFactor: Int) -> Standing {
        let place = entries.firstIndex { entry.loss < $0.loss } ?? entries.count
        entries.insert(entry, at: place)
        return Standing(
            rung: step, position: place + 1, of: entries.count, kept: max(1, entries.count / reductionFactor))
    }
}
