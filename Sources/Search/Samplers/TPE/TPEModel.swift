import FleetModel

/// The two densities of TPE, and the search for a row at which they differ most.
struct TPEModel {
    private let columns: PlaceColumns
    let goodCount: Int
    private let good: ParzenMixture
    private let bad: ParzenMixture
    /// nil while no trial ranks.
    private let ranks: RankProcess?

    /// 15 % as in Bergstra et al. 2011, at most 50; at least one, unless there is only one.
    static func goodCount(of ranked: Int) -> Int {
        ranked < 2 ? 0 : min(Int((0.15 * Double(ranked)).rounded(.up)), 50)
    }

    init(_ history: History, _ columns: PlaceColumns, _ ranking: Ranking, _ lessons: EarlierLessons) {
        self.columns = columns
        let ranked = ranking.best.count
        var (good, bad) = (Kernels(), Kernels())
        let weights = Self.weights(ranking.goodCount, objectives: ranking.objectives)
        for (index, weight) in zip(ranking.best, weights) { good.add(history.row(index), weight: weight) }
        for index in Self.bad(history, ranking) { bad.add(history.row(index), weight: 1) }
        let share = EarlierLessons.share(beside: ranked)
        good.add(lessons.good, share: share)
        bad.add(lessons.bad, share: share)
        goodCount = good.weights.count
        let running = history.trials.indices.filter {
            history.trials[$0].result == .running && history.trials[$0].rungLosses.isEmpty
        }
        ranks =
            ranking.best.isEmpty
            ? nil : RankProcess(history, columns, ranked: ranking.best, running: running)
        let widths = Widths(
            columns: columns.count, ranked: ranked + lessons.count, good: goodCount, bad: bad.weights.count)
        let leak = 0.7 / Double(goodCount).squareRoot()
        self.good = ParzenMixture(good, over: columns, prior: 0.4, leak: leak, width: widths.good)
        self.bad = ParzenMixture(bad, over: columns, prior: 1, leak: 0.05, width: widths.bad)
    }

    /// All that are not good, of more than 2,000 the newest: they lie where the search goes on.
    private static func bad(_ history: History, _ ranking: Ranking) -> [Int] {
        var isGood = [Bool](repeating: false, count: history.trials.count)
        for index in ranking.best.prefix(ranking.goodCount) { isGood[index] = true }
        return Array(history.trials.indices.lazy.filter { !isGood[$0] }.suffix(2000))
    }

    /// Of good trials, the best first; 1 on average. log(k + 1/2) − log(rank), the recombination weights of
    /// CMA-ES (Hansen 2016, equation 49), to the power 2.5. Trials of several objectives weigh the same.
    static func weights(_ count: Int, objectives: Int) -> [Double] {
        guard objectives == 1 else { return [Double](repeating: 1, count: count) }
        let raw = (0..<count).map { rank in
            exp(2.5 * log(log(Double(count) + 0.5) - log(Double(rank) + 1)))
        }
        let mean = raw.reduce(0, +) / Double(count)
        return raw.map { $0 / mean }
    }

    /// The best of the candidates that are not known yet. Where all are, as in a space that is nearly used up,
    /// one drawn uniformly; a known one when those are known, too.
    func propose(
        _ history: History, candidates: Int, using generator: inout SeededGenerator
    ) -> [Double] {
        var first: [Double]?
        for attempt in 0..<3 {
            let ranked = scored(candidates << (2 * attempt), using: &generator)
            if !columns.isFinite { return ranked[0] }
            if let new = ranked.first(where: { !isKnown($0, history) }) { return new }
            first = first ?? ranked[0]
        }
        for _ in 0..<200 {
            let row = columns.draw(using: &generator)
            if !isKnown(row, history) { return row }
        }
        return first ?? columns.draw(using: &generator)
    }

    /// Rows drawn from the good density, by falling product of two things: its ratio to the bad one, and the
    /// improvement that the ranks let expect.
    private func scored(_ count: Int, using generator: inout SeededGenerator) -> [[Double]] {
        var found: [(score: Double, row: [Double])] = []
        for _ in 0..<count {
            let row = good.draw(using: &generator)
            let improvement = ranks?.logImprovement(at: row) ?? 0
            found.append((good.logDensity(at: row) - bad.logDensity(at: row) + improvement, row))
        }
        return found.sorted { $0.score > $1.score }.map(\.row)
    }

    private func isKnown(_ row: [Double], _ history: History) -> Bool {
        let places = history.places
        return history.trials.indices.contains { trial in
            let start = trial * row.count
            return row.indices.allSatisfy { column in
                let (a, b) = (row[column], places[start + column])
                return a.isNaN ? b.isNaN : abs(a - b) < 1e-9
            }
        }
    }
}

/// Bandwidths: one for each column of a mixture, by Scott's rule (Scott 1992): the standard deviation times
/// n^(−1 / (d + 4)), times a factor.
private struct Widths {
    let columns: Int
    /// Trials that the model ranked.
    let ranked: Int
    let good: Int
    let bad: Int

    /// Good kernels are wide at first, to reach beyond the few trials there are, and become narrow as
    /// the number of trials grows.
    func good(_ places: [Double], _ weights: [Double]) -> Double {
        let factor = 1.6 * power(20 / Double(max(ranked, 1)), 0.25)
        return (factor * scott(good) * spread(places, weights, prior: 0.4)).clamped(to: 0.02...1)
    }

    /// Bad kernels are narrow: they keep proposals off what was tried, not off whole regions. The more columns,
    /// the farther from each other trials are.
    func bad(_ places: [Double], _ weights: [Double]) -> Double {
        let factor = 0.08 * Double(columns)
        return (factor * scott(bad) * spread(places, weights, prior: 1)).clamped(to: 0.02...1)
    }

    private func scott(_ count: Int) -> Double { power(Double(max(count, 1)), -1 / Double(columns + 4)) }

    private func power(_ base: Double, _ exponent: Double) -> Double { exp(exponent * log(base)) }

    /// The standard deviation of a column together with the uniform density, as so many observations.
    private func spread(_ places: [Double], _ weights: [Double], prior: Double) -> Double {
        var (sum, first) = (prior, prior / 2)
        for (place, weight) in zip(places, weights) where !place.isNaN {
            sum += weight
            first += weight * place
        }
        let mean = first / sum
        var second = prior * (1 / 12 + (0.5 - mean) * (0.5 - mean))
        for (place, weight) in zip(places, weights) where !place.isNaN {
            second += weight * (place - mean) * (place - mean)
        }
        return (second / sum).squareRoot()
    }
}
