/// What a Gaussian process learns from.
struct TrainingSet: Hashable {
    var points: ModelPoints
    /// Losses, warped, with a mean near 0 and a deviation near 1.
    var targets: [Double] = []
    /// How uncertain each target is beyond the noise that complete trials have.
    var variances: [Double] = []
    /// 0 is the stage that is open, 1 the one before it, and so on: each has a level of its own.
    var stages: [Int] = []
    /// Index in the history, -1 for trials of earlier stages.
    var trials: [Int] = []
    /// How the losses of the open stage were warped; nil before its first loss.
    var openWarp: Warp?

    /// How far apart the levels of stages may lie, as a variance of targets.
    private static let levels = 1.0

    var count: Int { targets.count }

    init(_ kinds: [ModelPoints.Kind], capacity: Int) {
        points = ModelPoints(kinds, capacity: capacity)
    }

    /// - Parameter row: places as in a history.
    mutating func append(
        _ row: some Sequence<Double>, target: Double, variance: Double, stage: Int, trial: Int
    ) {
        points.append(row)
        targets.append(target)
        variances.append(variance)
        stages.append(stage)
        trials.append(trial)
    }

    /// Adds to the packed lower triangle of the function's covariance what else the targets vary by.
    func covariance(_ function: [Double], noise: Double) -> [Double] {
        var values = function
        for index in 0..<count {
            values[Cholesky.start(of: index + 1) - 1] += noise + variances[index]
            guard stages[index] > 0 else { continue }
            for other in 0...index where stages[other] == stages[index] {
                values[Cholesky.start(of: index) + other] += Self.levels
            }
        }
        return values
    }

    /// Indices of the targets of the open stage, the lowest first; of all where it has none.
    func lowestFirst(by targets: [Double]) -> [Int] {
        let open = stages.indices.filter { stages[$0] == 0 }
        return (open.isEmpty ? Array(stages.indices) : open).sorted {
            (targets[$0], $0) < (targets[$1], $1)
        }
    }

    /// At most `limit` of the targets: half of them the lowest, the others the latest.
    func limited(to limit: Int) -> TrainingSet {
        guard count > limit else { return self }
        let ranked = targets.indices.sorted { (targets[$0], $0) < (targets[$1], $1) }
        var isKept = [Bool](repeating: false, count: count)
        for index in ranked.prefix(limit / 2) { isKept[index] = true }
        var free = limit - limit / 2
        for index in targets.indices.reversed() where free > 0 && !isKept[index] {
            isKept[index] = true
            free -= 1
        }
        var smaller = TrainingSet(points.kinds, capacity: limit)
        smaller.openWarp = openWarp
        for index in targets.indices where isKept[index] {
            smaller.append(
                points.point(index), target: targets[index], variance: variances[index],
                stage: stages[index], trial: trials[index])
        }
        return smaller
    }
}
