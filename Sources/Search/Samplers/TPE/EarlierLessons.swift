import FleetModel

/// What stages before teach the next one: their trials, good and bad by rank within their own stage, since
/// the levels of their losses do not compare. They weigh half as much for each stage that they are older, and
/// less and less as the open stage has trials of its own.
struct EarlierLessons {
    private(set) var good = Kernels()
    private(set) var bad = Kernels()
    /// How many trials there are.
    private(set) var count = 0

    init(_ history: History) {
        var weight = 0.5
        for stage in history.earlier {
            let trials = stage.observations
            let rungs = trials.map(\.rungLosses.count).max() ?? 0
            let ranking = Ranking(trials, rungs: rungs, good: TPEModel.goodCount)
            let weights = TPEModel.weights(ranking.goodCount, objectives: ranking.objectives)
            for (rank, index) in ranking.best.enumerated() {
                // What lies outside of a space that was shrunk teaches about its edge.
                let row = history.places(of: trials[index].assignment).enumerated().map { column, place in
                    history.axes[column] == nil ? place : place.clamped(to: 0...1)
                }
                if rank < ranking.goodCount {
                    good.add(row, weight: weight * weights[rank])
                } else {
                    bad.add(row, weight: weight)
                }
            }
            count += ranking.best.count
            weight /= 2
        }
    }

    /// What is left of their weight beside so many ranked trials of the open stage.
    static func share(beside own: Int) -> Double { 10 / (10 + Double(own)) }
}
