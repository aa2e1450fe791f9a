public import FleetModel

/// Asynchronous successive halving by several objectives (Schmucker et al. 2021, "Multi-objective asynchronous
/// successive halving", arXiv 2106.12639), stopping type: at each rung a trial goes on if it is among the best
/// 1/`reductionFactor` of those recorded there so far, at least one. Trials rank by their Pareto front; within a
/// front each next one is the farthest from those before it, so that the first few of a front span all of it
/// (the ε-net of Salinas et al. 2021, "A multi-objective perspective on jointly tuning hardware and
/// hyperparameters"). The first of a front is the best in the first objective; of equal trials the earlier one
/// comes first, and the others last.
///
/// With one objective this is `ASHAPruner` with one bracket.
public struct ParetoASHA: Pruner {
    /// Steps of the first rung, at least 1.
    public let minStep: Int
    /// η: each rung lies that many times further, at least 2.
    public let reductionFactor: Int
    /// Rungs lie below this step, where a trial ends anyway: from there on nothing is compared.
    public let maxStep: Int
    public let rungs: [Int]
    /// By rung: what trials had there, in the order in which they came.
    private var points: [[[Loss]]]
    /// At how many rungs a trial was recorded.
    private var passed: [TrialID: Int] = [:]

    public init(minStep: Int, reductionFactor: Int = 3, maxStep: Int) {
        self.minStep = minStep
        self.reductionFactor = reductionFactor
        self.maxStep = maxStep
        rungs = Brackets(1, minStep: minStep, reductionFactor: reductionFactor, maxStep: maxStep).rungs
        points = Array(repeating: [], count: rungs.count)
    }

    public mutating func judge(_ trial: TrialID, step: Int, loss: Loss) -> Verdict {
        judge(trial, step: step, losses: [loss])
    }

    /// Decides every rung that the trial reached and that it was not recorded at, the lowest first, with the
    /// losses at hand: trainers need not report exactly at the rungs.
    public mutating func judge(_ trial: TrialID, step: Int, losses: [Loss]) -> Verdict {
        var (verdict, next) = (Verdict.go, passed[trial] ?? 0)
        guard step < maxStep, next < rungs.count, rungs[next] <= step else { return verdict }
        repeat {
            points[next].append(losses)
            let standing = standing(ofLastAt: next)
            next += 1
            verdict = standing.position <= standing.kept ? .pass(standing) : .stop(.outranked(standing))
            if standing.position > standing.kept { break }
        } while next < rungs.count && rungs[next] <= step
        passed[trial] = next
        return verdict
    }

    public func nextDecision(of trial: TrialID) -> Int? {
        let next = passed[trial] ?? 0
        return next < rungs.count ? rungs[next] : maxStep
    }

    private func standing(ofLastAt rung: Int) -> Standing {
        let points = points[rung]
        var (before, number) = (0, 1)
        var home: [Int] = []
        for front in Pareto.fronts(of: points) {
            // Fronts list their members rising, and the last to come has the greatest index.
            if front.last == points.count - 1 {
                home = front
                break
            }
            before += front.count
            number += 1
        }
        let place = Pareto.placeInNet(ofLastOf: home.map { points[$0] })
        return Standing(
            rung: rungs[rung], position: before + place, of: points.count,
            kept: max(1, points.count / reductionFactor), front: number)
    }
}

extension Pareto {
    /// The place, from 1, of the last of `front` when its points are taken in turn, the best in the first
    /// objective before all, then each time the one that is farthest from all that were taken. Distances are
    /// Euclidean, in shares of the front's extent in each objective.
    package static func placeInNet(ofLastOf front: [[Loss]]) -> Int {
        let shares = sharesOfExtent(front)
        let last = front.count - 1
        var next = front.indices.min { front[$0].lexicographicallyPrecedes(front[$1]) } ?? last
        var distances = [Double](repeating: .infinity, count: front.count)
        var place = 1
        while next != last {
            distances[next] = -1
            for index in distances.indices where distances[index] >= 0 {
                let square = zip(shares[index], shares[next]).reduce(0) { sum, pair in
                    sum + (pair.0 - pair.1) * (pair.0 - pair.1)
                }
                distances[index] = min(distances[index], square)
            }
            // The first of equals: `max` would answer the last.
            next = distances.indices.reduce(0) { distances[$1] > distances[$0] ? $1 : $0 }
            place += 1
        }
        return place
    }

    /// From 0 at the least of each objective to 1 at its greatest; 0 where all are equal.
    private static func sharesOfExtent(_ front: [[Loss]]) -> [[Double]] {
        let objectives = front.first?.count ?? 0
        // Halves, since the extent of losses that are as large as numbers get would be infinite.
        let lowest = (0..<objectives).map { index in front.map { $0[index].value / 2 }.min() ?? 0 }
        let highest = (0..<objectives).map { index in front.map { $0[index].value / 2 }.max() ?? 0 }
        return front.map { point in
            point.indices.map { index in
                let extent = highest[index] - lowest[index]
                return extent > 0 ? (point[index].value / 2 - lowest[index]) / extent : 0
            }
        }
    }
}
