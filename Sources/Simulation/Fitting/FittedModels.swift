import FleetModel
public import Search

/// Why a model cannot be fitted to a study.
public enum UnfitStudy: Error, Hashable, Sendable, CustomStringConvertible {
    /// So many trials have a loss curve.
    case tooFewTrials(Int)
    case nothingShared(parameters: [String])

    public var description: String {
        switch self {
        case .tooFewTrials(let count):
            "\(count) of its trials reported losses, expected at least \(LossModel.leastTrials)"
        case .nothingShared(let parameters):
            "it has none of the parameters of this study: \(parameters.joined(separator: ", "))"
        }
    }
}

extension LossModel {
    static let leastTrials = 4

    /// Curves and landscape as a past study shows them, for trials of `space`, which may be another one:
    /// parameters are known by name and by value. From its later stages only the losses count.
    public init(like past: PastStudy, in space: Space) throws(UnfitStudy) {
        guard past.curves.count >= Self.leastTrials else {
            throw .tooFewTrials(past.curves.count)
        }
        let names = space.parameters.map(\.name)
        guard past.curves.contains(where: { curve in names.contains { curve.assignment[$0] != nil } }) else {
            throw .nothingShared(parameters: names)
        }
        self.init()
        let shape = CurveShape(past.curves)
        amplitude = shape.amplitude
        let reach = 3.0.squareRoot() * shape.exponentSpread
        exponents = (shape.exponent - reach)...(shape.exponent + reach)
        noise = shape.noise
        let heights = Self.tamed(past.curves.map { ($0.assignment, shape.floor(of: $0)) })
        var landscape = Landscape(heights, over: space)
        // What trials tend to is a guess for those that were stopped early: the level, and how much trials
        // differ, are those of the trials that came far.
        let oldest = past.curves.map(\.last.age).max() ?? 1
        let misses = zip(past.curves, heights).filter { $0.0.last.age >= oldest / 3 }
            .map { $0.1.height - landscape.height(of: $0.1.assignment, in: space) }
        landscape.raise(by: misses.median ?? 0)
        trialNoise = misses.robustSpread ?? 0
        self.landscape = landscape
        floor = landscape.level
        fitDivergence(past, space)
    }

    /// Trials that went badly wrong are bad, however bad: beyond three times the distance from the best to the
    /// upper quartile, heights count as that.
    private static func tamed(
        _ heights: [(assignment: Assignment, height: Double)]
    ) -> [(assignment: Assignment, height: Double)] {
        let values = heights.map(\.height)
        guard let best = values.min(), let upper = values.quantile(0.75) else { return heights }
        return heights.map { ($0.assignment, min($0.height, best + 3 * (upper - best))) }
    }

    /// Trials fail from the lowest place of the first parameter on at which one did.
    private mutating func fitDivergence(_ past: PastStudy, _ space: Space) {
        guard let first = space.parameters.first else { return }
        func places(_ assignments: [Assignment]) -> [Double] {
            assignments.compactMap { $0[first.name].map(first.domain.place) }
        }
        let failed = places(past.diverged)
        guard let lowest = failed.min() else {
            divergence = 0
            return
        }
        divergesFrom = lowest
        let others = places(past.curves.map(\.assignment)).count { $0 >= lowest }
        divergence = Double(failed.count) / Double(max(others, failed.count))
    }
}

extension TrainerModel {
    /// Speed and failures as a past study shows them; what it does not show stays as it is.
    public mutating func follow(_ past: PastStudy) {
        let speeds = past.paces.map(\.secondsPerStep).filter { $0 > 0 }
        if let speed = speeds.median {
            stepSeconds = speed
            stepSpread = speeds.map { log($0) }.robustSpread ?? 0
        }
        if let seconds = past.paces.map(\.startupSeconds).median { startupSeconds = seconds }
        if let steps = past.stepsPerReport { stepsPerReport = steps }
        let count = Double(max(1, past.endings.count))
        crashShare = Double(past.endings.crashed) / count
        outOfMemoryShare = Double(past.endings.outOfMemory) / count
        vanishShare = Double(past.endings.vanished) / count
    }
}
