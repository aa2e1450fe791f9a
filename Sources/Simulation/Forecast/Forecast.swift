import FleetModel
import StudyCore

/// What a study would come to on a fleet, over many simulations: each number with the interval in which nine
/// of ten lie.
public struct Forecast: Hashable, Sendable, Encodable {
    /// 5th, 50th and 95th percentile over the seeds.
    public struct Interval: Hashable, Sendable, Encodable {
        public let low: Double
        public let median: Double
        public let high: Double
        public let mean: Double

        /// nil where there is nothing to count.
        init?(_ values: [Double]) {
            guard let low = values.quantile(0.05), let median = values.quantile(0.5),
                let high = values.quantile(0.95)
            else { return nil }
            (self.low, self.median, self.high) = (low, median, high)
            mean = values.reduce(0, +) / Double(values.count)
        }
    }

    public let simulations: Int
    /// Of which so many ended without a result.
    public let failures: Int
    public let wallHours: Interval?
    /// Hours × slots leased.
    public let gpuHours: Interval?
    /// Share of the slots that were leased, until the last trial was proposed: afterwards the queue drains.
    public let utilisation: Interval?
    public let completed: Interval?
    public let pruned: Interval?
    public let failed: Interval?
    /// The metric without noise of the best trial at its end, by the curve model.
    public let bestLoss: Interval?
    public let decisions: Interval?

    /// - Parameter outcomes: at least one.
    public init(_ outcomes: [Outcome]) {
        simulations = outcomes.count
        failures = outcomes.count { $0.hasFailed }
        wallHours = Interval(outcomes.map { $0.seconds / 3600 })
        gpuHours = Interval(outcomes.map(\.slotHours))
        utilisation = Interval(outcomes.compactMap(\.utilisation))
        completed = Interval(outcomes.map { Double($0.completed) })
        pruned = Interval(outcomes.map { Double($0.pruned) })
        failed = Interval(outcomes.map { Double($0.failed) })
        bestLoss = Interval(outcomes.compactMap(\.bestLoss))
        decisions = Interval(outcomes.map { Double($0.decisions) })
    }
}

extension Scenario {
    /// The `number`th of a forecast: fleet, trainers and sampler draw other numbers.
    public func seeded(_ number: Int) -> Scenario {
        var copy = self
        copy.seed &+= UInt64(number)
        copy.losses.seed &+= UInt64(number)
        copy.plan = plan.changed(seed: plan.seed &+ UInt64(number))
        return copy
    }
}

/// What one simulation came to.
public struct Outcome: Hashable, Sendable {
    public let seconds: Double
    public let slotHours: Double
    /// nil where nothing was proposed after the beginning.
    public let utilisation: Double?
    public let completed: Int
    public let pruned: Int
    public let failed: Int
    /// In the metric's own direction.
    public let bestLoss: Double?
    public let decisions: Int
    public let hasFailed: Bool

    /// Plays a scenario to its end.
    public init(simulating scenario: Scenario) {
        var study = SimulatedStudy(scenario)
        study.run()
        self.init(of: study)
    }

    public init(of study: SimulatedStudy) {
        let (statistics, engine) = (study.statistics, study.engine)
        seconds = statistics.seconds
        slotHours = engine.slotHours
        let slots = study.scenario.nodes.reduce(0) { $0 + $1.slots.count }
        let offered = Double(slots) * statistics.lastProposal
        utilisation = statistics.lastProposal > 1 ? statistics.slotSecondsAtLastProposal / offered : nil
        var counts = (completed: 0, pruned: 0, failed: 0)
        for trial in engine.stages.lazy.flatMap(\.trials) {
            if trial.result != nil { counts.completed += 1 }
            if trial.wasPruned { counts.pruned += 1 }
            if trial.hasFailed { counts.failed += 1 }
        }
        (completed, pruned, failed) = counts
        bestLoss = study.bestExpectedLoss?.metric(engine.plan.objective.direction)
        decisions = statistics.decisions
        if case .ended(.failed) = engine.phase {
            hasFailed = true
        } else {
            hasFailed = study.violation != nil
        }
    }
}
