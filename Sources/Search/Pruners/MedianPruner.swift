public import FleetModel

/// Median stopping (Golovin et al. 2017, Vizier, section 3.2.2): a trial stops at a step when its best loss
/// so far is worse than the median, over the other trials that came as far, of their best losses up to that
/// step. Vizier takes the others' running averages; bests are compared with bests here, because an average
/// over a falling curve lags behind and lets nearly everything pass.
public struct MedianPruner: Pruner {
    /// How many other trials must have come as far before anything is judged, at least 1.
    public let startup: Int
    /// Reports up to and including this step are never judged.
    public let warmupSteps: Int
    private var curves: [TrialID: Curve] = [:]

    public init(startup: Int = 5, warmupSteps: Int = 0) {
        precondition(startup >= 1, "a median needs at least one other trial")
        self.startup = startup
        self.warmupSteps = warmupSteps
    }

    public mutating func judge(_ trial: TrialID, step: Int, loss: Loss) -> Verdict {
        guard step > curves[trial]?.lastStep ?? .min else { return .go }
        curves[trial, default: Curve()].add(loss, at: step)
        guard step > warmupSteps, let best = curves[trial]?.best(upTo: step) else { return .go }
        let others = curves.compactMap { $0.key == trial ? nil : $0.value.best(upTo: step) }.sorted()
        // The upper of two middles, so that no trial is stopped for being worse than a loss nobody had.
        guard others.count >= startup, let median = others.middle, best > median else { return .go }
        return .stop(.aboveMedian(step: step, best: best, median: median, others: others.count))
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
        return bests.last { $0.step <= step }?.loss
    }
}

extension [Loss] {
    fileprivate var middle: Loss? { isEmpty ? nil : self[count / 2] }
}
