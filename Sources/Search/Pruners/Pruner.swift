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

    public init(rung: Int, position: Int, of: Int, kept: Int) {
        self.rung = rung
        self.position = position
        self.of = of
        self.kept = kept
    }

    public var description: String { "rung \(rung): place \(position) of \(of), best \(kept) go on" }
}

/// Why a trial was stopped.
public enum PruneReason: Hashable, Codable, Sendable, CustomStringConvertible {
    /// Not among the best at a rung.
    case outranked(Standing)
    /// Its best loss up to `step` is above the median of the best losses of `others` trials up to there.
    case aboveMedian(step: Int, best: Loss, median: Loss, others: Int)
    /// `reports` in a row did not improve on `best`, found at `bestStep`, by `minDelta`.
    case noImprovement(reports: Int, best: Loss, bestStep: Int, minDelta: Double)

    public var description: String { text(.minimize) }

    /// In the user's numbers, for a metric of this direction.
    public func text(_ direction: Direction) -> String {
        switch self {
        case .outranked(let standing): return "\(standing)"
        case .aboveMedian(let step, let best, let median, let others):
            let (best, median) = (short(best.metric(direction)), short(median.metric(direction)))
            return "step \(step): its best, \(best), is worse than the median \(median) of \(others) others"
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
    case median(MedianPruner)
    case patience(PatiencePruner)
    case asha(ASHAPruner)

    /// The `kind`s of a study file, for error messages.
    public static let names = ["none", "median", "patience", "asha"]

    public mutating func judge(_ trial: TrialID, step: Int, loss: Loss) -> Verdict {
        switch self {
        case .off: return .go
        case .median(let pruner):
            return judge(with: pruner, as: Self.median, trial, step, loss)
        case .patience(let pruner):
            return judge(with: pruner, as: Self.patience, trial, step, loss)
        case .asha(let pruner):
            return judge(with: pruner, as: Self.asha, trial, step, loss)
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
