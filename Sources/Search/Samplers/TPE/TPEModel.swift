import FleetModel

/// The two densities of TPE, and the search for a row at which they differ most.
struct TPEModel {
    private let columns: PlaceColumns
    let goodCount: Int
    private let good: ParzenMixture
    private let bad: ParzenMixture
    /// nil while no trial ranks, for broad models, beyond `crowd`, and for several objectives, whose order
    /// within a front says nothing.
    private let ranks: RankProcess?
    /// With so many ranked trials the densities know enough.
    private static let crowd = 300
    /// How much the ranks count beside the densities: less and less, as these know more.
    private let trust: Double

    /// 15 % as in Bergstra et al. 2011, at most 50; at least one, unless there is only one.
    static func goodCount(of ranked: Int) -> Int {
        ranked < 2 ? 0 : min(Int((0.15 * Double(ranked)).rounded(.up)), 50)
    }

    init(_ history: History, _ columns: PlaceColumns, _ ranking: Ranking, _ lessons: EarlierLessons) {
        self.columns = columns
        let ranked = ranking.best.count
        let isBroad = ranked >= Temper.broadFrom && history.trials.count % 2 == 0
        let temper = isBroad ? Temper.broad : .keen(ranked: ranked + lessons.count, columns: columns.count)
        var (good, bad) = (Kernels(), Kernels())
        let weights = Self.weights(
            ranking.goodCount, power: ranking.objectives == 1 ? temper.power : 0)
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
            ranking.best.isEmpty || ranking.objectives > 1 || isBroad || ranked > Self.crowd
            ? nil : RankProcess(history, columns, ranked: ranking.best, running: running)
        trust = min(1, 15 / Double(max(ranked, 1)))
        let widths = Widths(
            temper: temper, columns: columns.count, good: goodCount, bad: bad.weights.count)
        let leak = 0.7 / Double(goodCount).squareRoot()
        self.good = ParzenMixture(good, over: columns, prior: temper.prior, leak: leak, width: widths.good)
        self.bad = ParzenMixture(bad, over: columns, prior: 1, leak: 0.05, width: widths.bad)
    }

    /// All that are not good, of more than 2,000 the newest: they lie where the search goes on.
    private static func bad(_ history: History, _ ranking: Ranking) -> [Int] {
        var isGood = [Bool](repeating: false, count: history.trials.count)
        for index in ranking.best.prefix(ranking.goodCount) { isGood[index] = true }
        return Array(history.trials.indices.lazy.filter { !isGood[$0] }.suffix(2000))
    }

    /// Of good trials, the best first; 1 on average. log(k + 1/2) − log(rank), the recombination weights of
    /// CMA-ES (Hansen 2016, equation 49), to a power; all the same for the power 0.
    static func weights(_ count: Int, power: Double) -> [Double] {
        let raw = (0..<count).map { rank in
            exp(power * log(log(Double(count) + 0.5) - log(Double(rank) + 1)))
        }
        let mean = raw.reduce(0, +) / Double(count)
        return raw.map { $0 / mean }
    }

    /// The best of the candidates that the constraints allow and, in a finite space, that are new. Where none
    /// is, as in a space that is nearly used up, a random one that is; then any that is allowed, if there is.
    func propose(
        for history: History, candidates: Int, using generator: inout SeededGenerator
    ) -> Assignment? {
        for attempt in 0..<3 {
            for row in scored(candidates << (2 * attempt), using: &generator) {
                if let assignment = new(row, history) { return assignment }
            }
        }
        for _ in 0..<200 {
            if let assignment = new(columns.draw(using: &generator), history) { return assignment }
        }
        return history.space.draw(using: &generator)
    }

    private func new(_ row: [Double], _ history: History) -> Assignment? {
        if columns.isFinite, isKnown(row, history) { return nil }
        let assignment = history.assignment(at: row)
        return history.space.allows(assignment) ? assignment : nil
    }

    /// Rows drawn from the good density, by falling product of two things: its ratio to the bad one, and the
    /// improvement that the ranks let expect.
    private func scored(_ count: Int, using generator: inout SeededGenerator) -> [[Double]] {
        var found: [(score: Double, row: [Double])] = []
        for _ in 0..<count {
            let row = good.draw(using: &generator)
            let improvement = ranks.map { trust * $0.logImprovement(at: row) } ?? 0
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

/// How a model weighs what it knows. Found by measurement beside Optuna (`Benchmarks/quality`): a keen model
/// finds a good place within fewer trials, and stays there; so from `broadFrom` ranked trials on every second
/// model is broad, which finds the better place where there are many.
private struct Temper {
    /// Of the weights by rank.
    let power: Double
    /// Weight of the uniform density beside the good kernels.
    let prior: Double
    /// Factors of the bandwidths.
    let good: Double
    let bad: Double

    static let broadFrom = 30
    static let broad = Temper(power: 0, prior: 1, good: 2, bad: 1)

    /// Good kernels are wide at first, to reach beyond the few trials there are, and become narrow as the number
    /// of trials grows. Bad kernels are narrow: they keep proposals off what was tried, not off whole regions.
    /// The more columns, the farther from each other trials are.
    static func keen(ranked: Int, columns: Int) -> Temper {
        let ranked = Double(max(ranked, 1))
        return Temper(
            power: 2.5 * min(1, 30 / ranked), prior: 0.4 + min(ranked, 200) / 100,
            good: 1.6 * pow(20 / ranked, 0.25),
            bad: 0.08 * Double(columns) * (ranked / 50).clamped(to: 1...4))
    }
}

/// Bandwidths: one for each column of a mixture, by Scott's rule (Scott 1992): the standard deviation times
/// n^(−1 / (d + 4)), times a factor.
private struct Widths {
    let temper: Temper
    let columns: Int
    let good: Int
    let bad: Int

    func good(_ places: [Double], _ weights: [Double]) -> Double {
        (temper.good * scott(good) * spread(places, weights, prior: 0.4)).clamped(to: 0.02...1)
    }

    func bad(_ places: [Double], _ weights: [Double]) -> Double {
        (temper.bad * scott(bad) * spread(places, weights, prior: 1)).clamped(to: 0.02...1)
    }

    private func scott(_ count: Int) -> Double { pow(Double(max(count, 1)), -1 / Double(columns + 4)) }

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
