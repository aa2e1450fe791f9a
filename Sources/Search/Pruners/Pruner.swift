public import FleetModel

/// Judges running trials by their losses. All it knows is what it was asked before, so it belongs to one
/// group of trials that may be compared, such as a stage.
public protocol Pruner: Hashable, Codable, Sendable {
    /// Takes note of the loss that `trial` has at `step` and says whether it goes on. Steps of one trial
    /// rise; a step that was judged before, as after a resume, changes nothing and goes on.
    mutating func judge(_ trial: TrialID, step: Int, loss: Loss) -> Verdict
}

public enum Verdict: Hashable, Codable, Sendable {
    case go
    /// Goes on, after a rung: worth a line in the decision log.
    case pass(Standing)
    case stop(PruneReason)
}

/// Where a trial stands among those that reached a rung so far, itself included.
public struct Standing: Hashable, Codable, Sendable, CustomStringConvertible {
    /// The rung's step.
    public let rung: Int
    /// From 1, the best.
    public let position: Int
    public let of: Int
    /// How many of them may go on.
    public let kept: Int
    /// From 0, for pruners that compare within brackets only.
    public let bracket: Int?

    public init(rung: Int, position: Int, of: Int, kept: Int, bracket: Int? = nil) {
        self.rung = rung
        self.position = position
        self.of = of
        self.kept = kept
        self.bracket = bracket
    }

    public var description: String {
        let place = bracket.map { "bracket \($0), " } ?? ""
        return place + "rung \(rung): place \(position) of \(of), best \(kept) go on"
    }
}

/// Why a trial was stopped.
public enum PruneReason: Hashable, Codable, Sendable, CustomStringConvertible {
    /// Not among the best at a rung.
    case outranked(Standing)
    /// Its best loss up to `step` is above `bound`, that percentile of the best losses of `others` trials up
    /// to there.
    case worseThanPercentile(Double, step: Int, best: Loss, bound: Loss, others: Int)
    /// Its loss lies beyond a bound that the study gives.
    case outOfBounds(step: Int, loss: Loss, bound: Loss)
    /// `reports` in a row did not improve on `best`, found at `bestStep`, by `minDelta`.
    case noImprovement(reports: Int, best: Loss, bestStep: Int, minDelta: Double)

    public var description: String { text(.minimize) }

    /// In the user's numbers, for a metric of this direction.
    public func text(_ direction: Direction) -> String {
        switch self {
        case .outranked(let standing): return "\(standing)"
        case .worseThanPercentile(let percentile, let step, let best, let bound, let others):
            let (best, bound) = (short(best.metric(direction)), short(bound.metric(direction)))
            let name = percentile == 50 ? "the median \(bound)" : "\(bound), percentile \(short(percentile))"
            return "step \(step): its best, \(best), is worse than \(name) of \(others) others"
        case .outOfBounds(let step, let loss, let bound):
            let (value, limit) = (loss.metric(direction), bound.metric(direction))
            let side = value > limit ? "above the upper" : "below the lower"
            return "step \(step): \(short(value)) is \(side) bound \(short(limit))"
        case .noImprovement(let reports, let best, let bestStep, let minDelta):
            let margin = minDelta > 0 ? " by \(short(minDelta))" : ""
            return "\(reports) reports without improving\(margin) on \(short(best.metric(direction)))"
                + " of step \(bestStep)"
        }
    }
}

/// Every pruner there is. A new one touches its own file and this one.
public enum PrunerKind: Pruner {
    /// `none` in study files: every trial runs to its end.
    case off
    /// `median` in study files is the 50th.
    case percentile(PercentilePruner)
    case threshold(ThresholdPruner)
    case patience(PatiencePruner)
    case asha(ASHAPruner)
    case hyperband(HyperbandPruner)

    /// The `kind`s of a study file, for error messages.
    public static let names = [
        "none", "median", "percentile", "threshold", "patience", "asha", "hyperband",
    ]

    public mutating func judge(_ trial: TrialID, step: Int, loss: Loss) -> Verdict {
        switch self {
        case .off: return .go
        case .percentile(let pruner):
            return judge(with: pruner, as: Self.percentile, trial, step, loss)
        case .threshold(let pruner):
            return judge(with: pruner, as: Self.threshold, trial, step, loss)
        case .patience(let pruner):
            return judge(with: pruner, as: Self.patience, trial, step, loss)
        case .asha(let pruner):
            return judge(with: pruner, as: Self.asha, trial, step, loss)
        case .hyperband(let pruner):
            return judge(with: pruner, as: Self.hyperband, trial, step, loss)
        }
    }

    /// Empties `self` for the time of the call: two owners would have the pruner's tables copied each time.
    private mutating func judge<P: Pruner>(
        with pruner: consuming P, as kind: (P) -> Self, _ trial: TrialID, _ step: Int, _ loss: Loss
    ) -> Verdict {
        self = .off
        let verdict = pruner.judge(trial, step: step, loss: loss)
        self = kind(pruner)
        return verdict
    }
}
