public import FleetModel

public enum Verdict: Hashable, Codable, Sendable {
    case go
    /// Goes on, after a rung: worth a line in the decision log.
    case pass(Standing)
    case stop(PruneReason)
    /// Keeps its checkpoint and frees its place, until `Pruner.resume` names it or it is given up.
    case pause(Standing)
    /// Goes on from another trial's checkpoint, with parameters near that trial's.
    case exploit(Exploit)
}

/// A paused trial that goes on.
public struct Resumption: Hashable, Codable, Sendable {
    public let trial: TrialID
    /// The step at which it was paused: it goes on from this checkpoint.
    public let step: Int
    /// Where it stands now; others may have come to the rung since it was paused.
    public let standing: Standing

    public init(trial: TrialID, step: Int, standing: Standing) {
        self.trial = trial
        self.step = step
        self.standing = standing
    }
}

/// A trial takes over the state of a better one.
public struct Exploit: Hashable, Codable, Sendable, CustomStringConvertible {
    /// Whose checkpoint is loaded, and whose parameters `Space.explored` moves.
    public let from: TrialID
    /// The step of that checkpoint: its latest report, which `loss` belongs to.
    public let step: Int
    public let loss: Loss
    /// The rank of the trial that takes over, from 1, the best, among the latest losses of `of` trials; the
    /// worst `replaced` of them take over from as many of the best.
    public let position: Int
    public let of: Int
    public let replaced: Int

    public init(from: TrialID, step: Int, loss: Loss, position: Int, of: Int, replaced: Int) {
        self.from = from
        self.step = step
        self.loss = loss
        self.position = position
        self.of = of
        self.replaced = replaced
    }

    public var description: String { text(.minimize) }

    /// In the user's numbers, for a metric of this direction.
    public func text(_ direction: Direction) -> String {
        "place \(position) of \(of), the last \(replaced) take over from the best \(replaced): "
            + "from trial \(from) at step \(step) with \(short(loss.metric(direction)))"
    }
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
    /// The Pareto front that it belongs to, from 1, for pruners that look at several objectives; `position`
    /// then counts front by front.
    public let front: Int?
    /// It goes on whatever its place, to learn how much places at this rung say. nil: no.
    public let isProbe: Bool?
    /// What `position` goes by; nil where losses at the rung decide.
    public let forecast: Forecast?

    /// Where a trial is believed to end.
    public struct Forecast: Hashable, Codable, Sendable {
        /// At the rung.
        public let loss: Loss
        public let end: Loss

        public init(loss: Loss, end: Loss) {
            self.loss = loss
            self.end = end
        }

        /// With as many digits as tell close ones apart.
        fileprivate func text(_ direction: Direction) -> String {
            let (now, later) = (loss.metric(direction), end.metric(direction))
            return "\(short(now, digits: 5)), forecast to end at \(short(later, digits: 5))"
        }
    }

    public init(
        rung: Int, position: Int, of: Int, kept: Int, bracket: Int? = nil, front: Int? = nil,
        isProbe: Bool? = nil, forecast: Forecast? = nil
    ) {
        self.rung = rung
        self.position = position
        self.of = of
        self.kept = kept
        self.bracket = bracket
        self.front = front
        self.isProbe = isProbe
        self.forecast = forecast
    }

    public var description: String { text(.minimize) }

    /// In the user's numbers, for a metric of this direction.
    public func text(_ direction: Direction) -> String {
        let place = bracket.map { "bracket \($0), " } ?? ""
        let front = front.map { "front \($0), " } ?? ""
        let probe = isProbe == true ? ", and this one as a probe" : ""
        let course = forecast.map { "\($0.text(direction)): " } ?? ""
        let order = forecast == nil ? "" : " by forecast"
        return place + "rung \(rung): \(course)\(front)place \(position) of \(of)\(order), best \(kept) go on"
            + probe
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
        case .outranked(let standing): return standing.text(direction)
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
