public import FleetModel

/// Stops a trial whose metric leaves given bounds (Optuna's ThresholdPruner): one that diverges, or one that
/// is too good to be true. Looks at no other trial.
public struct ThresholdPruner: Pruner {
    /// A loss below is outside; nil where there is no bound.
    public let lowest: Loss?
    /// A loss above is outside; nil where there is no bound.
    public let highest: Loss?
    /// Reports up to and including this step are never judged.
    public let warmupSteps: Int
    private var lastSteps: [TrialID: Int] = [:]

    /// Bounds in the user's numbers, both still inside: for a metric to be maximised the lower one becomes
    /// the highest loss. At least one is given, finite, and the lower is not above the upper.
    public init(
        lower: Double? = nil, upper: Double? = nil, direction: Direction = .minimize, warmupSteps: Int = 0
    ) {
        let (low, high) = (lower.flatMap { Loss($0, direction) }, upper.flatMap { Loss($0, direction) })
        precondition(low != nil || high != nil, "a threshold has at least one finite bound")
        if let lower, let upper { precondition(lower <= upper, "the lower bound is not above the upper") }
        (lowest, highest) = direction == .minimize ? (low, high) : (high, low)
        self.warmupSteps = warmupSteps
    }

    public mutating func judge(_ trial: TrialID, step: Int, loss: Loss) -> Verdict {
        guard step > lastSteps[trial] ?? .min else { return .go }
        lastSteps[trial] = step
        guard step > warmupSteps else { return .go }
        if let highest, loss > highest {
            return .stop(.outOfBounds(step: step, loss: loss, bound: highest))
        }
        if let lowest, loss < lowest {
            return .stop(.outOfBounds(step: step, loss: loss, bound: lowest))
        }
        return .go
    }
}
