public import FleetModel

/// Stops a trial at a step when its best loss so far is worse than a percentile, over the other trials that
/// came as far, of their best losses up to that step (Optuna's PercentilePruner). The 50th is median stopping
/// (Golovin et al. 2017, Vizier, section 3.2.2). Vizier takes the others' running averages; bests are
/// compared with bests here, because an average over a falling curve lags behind and lets nearly everything
/// pass.
///
/// The first `markLimit` different steps that anyone reports become marks, at which bests are kept sorted;
/// after that a trial is compared at the last mark it passed. So a report costs a search in a sorted list,
/// and one insertion for every mark since the trial's last report.
public struct PercentilePruner: Pruner {
    /// About so many of a hundred trials go on: from 0, as good as the best, to 100, not worse than all.
    public let percentile: Double
    /// The first so many trials are never stopped, and so many others must have come as far before anything
    /// is judged; at least 1.
    public let startup: Int
    /// Reports up to and including this step are never judged.
    public let warmupSteps: Int
    private var curves: [TrialID: Curve] = [:]
    /// By rising step.
    private var marks: [Mark] = []

    /// The best losses up to a step of all trials that came as far.
    private struct Mark: Hashable, Codable, Sendable {
        let step: Int
        var bests: SortedList<Loss>
    }

    /// Enough for a mark at each report of any study whose trials report at the same steps.
    private static let markLimit = 1000

    public init(percentile: Double, startup: Int = 5, warmupSteps: Int = 0) {
        precondition((0...100).contains(percentile), "a percentile is from 0 to 100")
        precondition(startup >= 1, "a percentile needs at least one other trial")
        self.percentile = percentile
        self.startup = startup
        self.warmupSteps = warmupSteps
    }

    public static func median(startup: Int = 5, warmupSteps: Int = 0) -> PercentilePruner {
        PercentilePruner(percentile: 50, startup: startup, warmupSteps: warmupSteps)
    }

    public mutating func judge(_ trial: TrialID, step: Int, loss: Loss) -> Verdict {
        let last = curves[trial]?.lastStep ?? .min
        guard step > last else { return .go }
        mark(step)
        curves[trial, default: Curve()].add(loss, at: step)
        guard let curve = curves[trial] else { return .go }
        let passed = marks.cut { $0.step > last }..<marks.cut { $0.step > step }
        var verdict = Verdict.go
        for index in passed {
            // It may have begun after the mark.
            guard let best = curve.best(upTo: marks[index].step) else { continue }
            if index == passed.upperBound - 1 { verdict = judged(trial, curve, at: step, marks[index]) }
            marks[index].bests.insert(best)
        }
        return verdict
    }

    /// Compares the trial, which is not yet at the mark, with all that are.
    private func judged(_ trial: TrialID, _ curve: Curve, at step: Int, _ mark: Mark) -> Verdict {
        guard step > warmupSteps, trial.number >= startup, mark.bests.count >= startup,
            let best = curve.best(upTo: step), let bound = mark.bests.percentile(percentile), best > bound
        else { return .go }
        return .stop(
            .worseThanPercentile(
                percentile, step: step, best: best, bound: bound, others: mark.bests.count))
    }

    /// Makes a mark at a step where there was none, with the bests of those that came as far before.
    private mutating func mark(_ step: Int) {
        let place = marks.cut { $0.step > step }
        guard marks.count < Self.markLimit, place == 0 || marks[place - 1].step < step else { return }
        let bests = curves.values.compactMap { $0.best(upTo: step) }.sorted()
        marks.insert(Mark(step: step, bests: SortedList(sorted: bests)), at: place)
    }
}

/// The best loss of one trial over its steps: only the steps at which it improved are kept.
private struct Curve: Hashable, Codable, Sendable {
    struct Point: Hashable, Codable, Sendable {
        let step: Int
        let loss: Loss
    }

    private var bests: [Point] = []
    private(set) var lastStep = Int.min

    mutating func add(_ loss: Loss, at step: Int) {
        lastStep = step
        if bests.last.map({ loss < $0.loss }) ?? true { bests.append(Point(step: step, loss: loss)) }
    }

    /// nil when the trial has not come as far, or began later.
    func best(upTo step: Int) -> Loss? {
        guard step <= lastStep else { return nil }
        let next = bests.cut { $0.step > step }
        return next > 0 ? bests[next - 1].loss : nil
    }
}

extension SortedList<Loss> {
    /// Always one of them, so that no trial is stopped for being worse than a loss nobody had: where two are
    /// equally near it is the worse.
    fileprivate func percentile(_ percentile: Double) -> Loss? {
        count == 0 ? nil : self[Swift.min(Int(Double(count) * percentile / 100), count - 1)]
    }
}
