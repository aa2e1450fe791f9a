public import FleetModel

/// Stops a trial at a step when its best loss so far is worse than a percentile, over the other trials that
/// came as far, of their best losses up to that step (Optuna's PercentilePruner). The 50th is median stopping
/// (Golovin et al. 2017, Vizier, section 3.2.2). Vizier takes the others' running averages; bests are
/// compared with bests here, because an average over a falling curve lags behind and lets nearly everything
/// pass.
public struct PercentilePruner: Pruner {
    /// About so many of a hundred trials go on: from 0, as good as the best, to 100, not worse than all.
    public let percentile: Double
    /// How many other trials must have come as far before anything is judged, at least 1.
    public let startup: Int
    /// Reports up to and including this step are never judged.
    public let warmupSteps: Int
    private var curves: [TrialID: Curve] = [:]

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
        guard step > curves[trial]?.lastStep ?? .min else { return .go }
        curves[trial, default: Curve()].add(loss, at: step)
        guard step > warmupSteps, let best = curves[trial]?.best(upTo: step) else { return .go }
        let others = curves.compactMap { $0.key == trial ? nil : $0.value.best(upTo: step) }.sorted()
        guard others.count >= startup, let bound = others.percentile(percentile), best > bound else {
            return .go
        }
        return .stop(
            .worseThanPercentile(
                percentile, step: step, best: best, bound: bound, others: others.count))
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
    /// Of sorted losses, and always one of them, so that no trial is stopped for being worse than a loss
    /// nobody had: where two are equally near it is the worse.
    fileprivate func percentile(_ percentile: Double) -> Loss? {
        isEmpty ? nil : self[Swift.min(Int(Double(count) * percentile / 100), count - 1)]
    }
}
