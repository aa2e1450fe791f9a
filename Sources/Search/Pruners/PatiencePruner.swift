public import FleetModel

/// Stops a trial that stopped improving, looking at no other trial.
public struct PatiencePruner: Pruner {
    /// So many reports in a row may pass without an improvement, at least 1; the last of them stops it.
    public let patience: Int
    /// A loss improves when it is below the best by more than this; not negative.
    public let minDelta: Double
    private var bests: [TrialID: Best] = [:]

    private struct Best: Hashable, Codable, Sendable {
        var loss: Loss
        var step: Int
        var lastStep: Int
        var reportsSince = 0
    }

    public init(patience: Int, minDelta: Double = 0) {
        precondition(patience >= 1, "patience is at least one report")
        precondition(minDelta >= 0, "an improvement is not negative")
        self.patience = patience
        self.minDelta = minDelta
    }

    public mutating func judge(_ trial: TrialID, step: Int, loss: Loss) -> Verdict {
        guard var best = bests[trial] else {
            bests[trial] = Best(loss: loss, step: step, lastStep: step)
            return .go
        }
        guard step > best.lastStep else { return .go }
        defer { bests[trial] = best }
        best.lastStep = step
        if loss.value < best.loss.value - minDelta {
            (best.loss, best.step, best.reportsSince) = (loss, step, 0)
            return .go
        }
        best.reportsSince += 1
        guard best.reportsSince >= patience else { return .go }
        return .stop(
            .noImprovement(
                reports: best.reportsSince, best: best.loss, bestStep: best.step, minDelta: minDelta))
    }
}
