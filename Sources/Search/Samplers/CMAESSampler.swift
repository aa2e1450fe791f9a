public import FleetModel

/// The covariance matrix adaptation evolution strategy (Hansen 2016, "The CMA evolution strategy: a
/// tutorial", arXiv 1604.00772, with weights below 0), for several hundred trials in numeric parameters that
/// depend on each other. The order of losses counts and not their size.
///
/// - Ended trials make generations in the order in which they end, so any number may run at a time; those
///   that were drawn before the last update, or come from elsewhere, count as far away as such a draw may be.
/// - Whole numbers and steps: with margin (Hamano et al. 2022). Choices: shares that move with the best
///   (after Hamano et al. 2024, arXiv 2405.09962). A parameter that is inactive in a trial is not judged by
///   it. Outside of its range a value is moved to the end.
/// - Pruned trials rank behind complete ones, those that came further first; then those that break the
///   study's constraints, and failed ones last.
/// - A distribution that has collapsed or sees no differences starts again elsewhere, with twice the trials
///   in a generation (Auger and Hansen 2005).
/// - With earlier stages it starts at the best of the latest, half as wide and without startup.
/// - Of several objectives it looks at the first.
public struct CMAESSampler: Sampler {
    /// So many random trials come first; the search starts at the best of them, or with 0 in the middle.
    public let startup: Int
    /// Trials in a generation, at least 4; by default 4 + 3 ln(parameters).
    public let population: Int?
    /// Standard deviation at the start, as a share of each range.
    public let deviation: Double
    private var memo = Memo<CMAESMemory>()

    public init(startup: Int = 5, population: Int? = nil, deviation: Double = 1.0 / 6) {
        precondition(startup >= 0, "a startup has no fewer than 0 trials")
        precondition(population ?? 4 >= 4, "a generation of CMA-ES has at least 4 trials")
        precondition(deviation > 0 && deviation <= 0.5, "a deviation is a share of the range, at most half")
        self.startup = startup
        self.population = population
        self.deviation = deviation
    }

    public mutating func propose(
        from history: History, using generator: inout SeededGenerator
    ) -> Proposal? {
        var memory = memo.value ?? CMAESMemory(history, self)
        memo.value = nil
        memory.absorb(history)
        defer { memo.value = memory }
        guard let distribution = memory.distribution else {
            let failed = history.ended.count { history.trials[$0].result == .failed }
            let tried = history.trials.count - failed
            let reason =
                tried < startup ? ProposalReason.startup(number: tried + 1, of: startup) : .random
            return Proposal(history.space.draw(using: &generator), reason)
        }
        let reason = ProposalReason.generation(
            updates: distribution.generation, population: memory.population)
        return Proposal(memory.draw(in: history, using: &generator), reason)
    }
}

extension CMAESMemory {
    /// Where values can be repeated the patience is limited: a small space may have no other.
    fileprivate func draw(in history: History, using generator: inout SeededGenerator) -> Assignment {
        let isFinite = history.axes.allSatisfy { $0.map { $0.count != nil } ?? true }
        var assignment = history.assignment(at: draw(dimensions: history.dimensions, using: &generator))
        for _ in 0..<8 where isFinite && history.hasPlaces(history.places(of: assignment)) {
            assignment = history.assignment(at: draw(dimensions: history.dimensions, using: &generator))
        }
        return assignment
    }

    /// Places for all parameters.
    private func draw(dimensions: Int, using generator: inout SeededGenerator) -> [Double] {
        var row = [Double](repeating: 0.5, count: dimensions)
        guard let distribution else { return row }
        for (index, column) in choices.columns.enumerated() {
            row[column] = Double(choices.draw(index, using: &generator))
        }
        guard !columns.isEmpty else { return row }
        let step = distribution.draw(using: &generator)
        for (coordinate, column) in columns.enumerated() {
            let reach = distribution.deviation * margins[coordinate].scale
            row[column] = (distribution.mean[coordinate] + reach * step[coordinate]).clamped(to: 0...1)
        }
        return row
    }
}
