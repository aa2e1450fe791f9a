import FleetModel

/// How much further the loss of a trial is expected to fall after each rung, so that trials stopped there can be
/// compared with complete ones: medians over the trials that went on, added up from rung to rung.
struct RungOffsets {
    /// By rung: what to add to the loss there to estimate the loss at the end.
    private let toEnd: [Double]

    /// - Parameter trials: those that may be learned from.
    init(_ trials: [Observation], rungs: Int) {
        var toEnd = [Double](repeating: 0, count: rungs)
        for rung in stride(from: rungs - 1, through: 0, by: -1) {
            let ends = trials.compactMap { $0.change(from: rung) }
            if let median = ends.median {
                toEnd[rung] = median
            } else if rung + 1 < rungs {
                let steps = trials.filter { $0.rungLosses.count > rung + 1 }
                    .map { $0.rungLosses[rung + 1].value - $0.rungLosses[rung].value }
                toEnd[rung] = toEnd[rung + 1] + (steps.median ?? 0)
            }
        }
        self.toEnd = toEnd
    }

    /// The loss at the end of a trial that reached so many rungs and had `loss` when last seen.
    func end(of loss: Double, rungs: Int) -> Double {
        rungs > 0 && rungs <= toEnd.count ? loss + toEnd[rungs - 1] : loss
    }
}

extension Observation {
    /// From the loss at a rung to that at the end; nil unless it is complete and passed the rung.
    fileprivate func change(from rung: Int) -> Double? {
        guard case .complete(let losses) = result, rungLosses.count > rung else { return nil }
        return losses[0].value - rungLosses[rung].value
    }
}
