public import FleetModel

/// What a stage says about noise: trials that were run again with other seeds.
extension Stage {
    /// A trial and its repeats, those that completed.
    public struct Mean: Hashable, Sendable {
        public let loss: Loss
        /// Standard deviation of single losses; nil for one.
        public let deviation: Double?
        /// Of the metric asked for, where all reported it.
        public let cost: Double?
        public let count: Int
    }

    /// The completed ones among a trial and its repeats, in order.
    func group(of number: Int) -> [Trial] {
        trials.filter { ($0.repeats ?? $0.id.number) == number && $0.result != nil }
    }

    /// nil where none completed.
    public func mean(of number: Int, measuring metric: String? = nil) -> Mean? {
        let group = group(of: number)
        let losses = group.map { $0.result!.value }
        guard let mean = Loss(losses.mean, .minimize), !losses.isEmpty else { return nil }
        let costs = group.compactMap { trial in metric.flatMap { trial.progress.measured[$0] } }
        return Mean(
            loss: mean, deviation: losses.deviation,
            cost: costs.count == group.count && !costs.isEmpty ? costs.mean : nil, count: group.count)
    }

    /// Standard deviation of a trial's loss over seeds, from all repeats of the stage together; nil before
    /// two trials of one group have completed.
    public var repeatNoise: Double? {
        let groups = Dictionary(grouping: trials.filter { $0.result != nil }) { $0.repeats ?? $0.id.number }
        var (squares, degrees) = (0.0, 0)
        for number in groups.keys.sorted() {
            let losses = groups[number]!.map { $0.result!.value }
            guard let deviation = losses.deviation else { continue }
            squares += deviation * deviation * Double(losses.count - 1)
            degrees += losses.count - 1
        }
        return degrees > 0 ? (squares / Double(degrees)).squareRoot() : nil
    }

    /// By how much a trial's loss is above that of the best, and what the noise is, where it is so far above
    /// that repeats would not bring it back: three standard deviations of the difference.
    func clearLoss(of number: Int) -> (difference: Double, noise: Double)? {
        guard let noise = repeatNoise, let loss = trials[number].result,
            let best = ranking.first(where: { $0.id.number != number }).map({ $0.repeats ?? $0.id.number }),
            let mean = mean(of: best)
        else { return nil }
        let deviation = noise * (1 + 1 / Double(mean.count)).squareRoot()
        let difference = loss.value - mean.loss.value
        return difference > 3 * deviation ? (difference, noise) : nil
    }
}

extension [Double] {
    fileprivate var mean: Double { reduce(0, +) / Double(count) }

    /// nil for fewer than two.
    fileprivate var deviation: Double? {
        guard count > 1 else { return nil }
        let mean = mean
        return (reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count - 1)).squareRoot()
    }
}
