import FleetModel

/// The two densities of TPE, and the search for a row at which they differ most.
struct TPEModel {
    private let columns: PlaceColumns
    let goodCount: Int
    private let good: ParzenMixture
    private let bad: ParzenMixture
    /// nil while no trial ranks, for sharp models, beyond `crowd`, and for several objectives, whose order
    /// within a front says nothing.
    private let ranks: RankProcess?
    /// In the place of ranks, where there are rungs.
    private let ends: EndProcess?
    /// With so many ranked trials the densities know enough.
    private static let crowd = 300
    /// How much the ranks count beside the densities: less and less, as these know more.
    private let trust: Double

    /// 15 % as in Bergstra et al. 2011, at most 50; at least one, unless there is only one.
    static func goodCount(of ranked: Int) -> Int {
        ranked < 2 ? 0 : min(Int((0.15 * Double(ranked)).rounded(.up)), 50)
    }

    /// - Parameter forecasts: what `ranking` is of, where there are rungs.
    init(
        _ history: History, _ columns: PlaceColumns, _ ranking: Ranking, _ lessons: EarlierLessons,
        _ forecasts: RungForecasts?, _ rules: TPESampler.Rules
    ) {
        self.columns = columns
        let ranked = ranking.count
        let temper = Temper(
            ranked: ranked, earlier: lessons.count, columns, turn: history.trials.count, rules)
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
            history.trials[$0].rungLosses.isEmpty && history.trials[$0].result == .running
        }
        ends = forecasts.flatMap { EndProcess(history, columns, $0, running: running) }
        ranks =
            forecasts != nil || ranking.best.isEmpty || ranking.objectives > 1 || temper.isSharp
                || ranked > Self.crowd
            ? nil : RankProcess(history, columns, ranked: ranking.best, running: running)
        trust = min(1, 15 / Double(max(ranked, 1)))
        let leak = 0.7 / Double(goodCount).squareRoot()
        self.good = ParzenMixture(
            good, over: columns, prior: temper.prior, leak: leak, width: temper.widths.good)
        self.bad = ParzenMixture(bad, over: columns, prior: 1, leak: 0.05, width: temper.widths.bad)
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
    /// improvement that the ranks, or the forecasts, let expect.
    private func scored(_ count: Int, using generator: inout SeededGenerator) -> [[Double]] {
        var found: [(score: Double, row: [Double])] = []
        for _ in 0..<count {
            let row = good.draw(using: &generator)
            let improvement =
                ends?.logImprovement(at: row) ?? ranks.map { trust * $0.logImprovement(at: row) } ?? 0
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
/// sees one region of good trials, finds the good place in it within few trials, and stays there; a sharp one
/// sees each good trial by itself, and so finds the better place where there are many. So from `sharpFrom`
/// ranked trials on the two take turns: the fewer parameters, the more of the detail that many regions have
/// do so many trials show, and the more models are sharp, with up to three parameters all.
private struct Temper {
    /// Of the weights by rank.
    let power: Double
    /// Weight of the uniform density beside the good kernels.
    let prior: Double
    /// How wide the kernels are.
    let widths: Widths

    private static let sharpFrom = 30

    var isSharp: Bool { if case .sharp = widths { true } else { false } }

    /// - Parameters:
    ///   - ranked: trials of the open stage.
    ///   - earlier: trials of stages before.
    ///   - turn: counts up from proposal to proposal.
    init(ranked: Int, earlier: Int, _ columns: PlaceColumns, turn: Int, _ rules: TPESampler.Rules) {
        guard ranked < Self.sharpFrom || Self.isKeen(turn, columns: columns.count) else {
            let sharpness = Self.sharpness(columns: columns.count, rules)
            (power, prior, widths) = (0, 1, .sharp(good: sharpness))
            return
        }
        let known = Double(max(ranked + earlier, 1))
        power = 2.5 * min(1, 30 / known)
        prior = 0.4 + min(known, 200) / 100
        widths = .keen(
            good: Self.reach(columns, rules) * pow(20 / known, 0.25),
            bad: 0.08 * Double(columns.count) * (known / 50).clamped(to: 1...4), columns: columns.count)
    }

    /// How far good kernels of keen models reach, with 20 trials. Where there are choices, what is good of the other
    /// parameters depends on them: beyond a trial it holds less far than it does over numbers alone.
    private static func reach(_ columns: PlaceColumns, _ rules: TPESampler.Rules) -> Double {
        rules >= .narrowBesideChoices && columns.columns.contains { $0.choices > 0 } ? 1.2 : 1.6
    }

    /// How wide good kernels of sharp models are beside those with two columns. The way from a trial to what is
    /// drawn near it would keep its length if they fell with the square root of the columns, as they did in older
    /// versions. Measured, with five columns still narrower ones find more; with ten it makes no difference, so
    /// from five on they stay as narrow.
    private static func sharpness(columns: Int, _ rules: TPESampler.Rules) -> Double {
        let narrowing = 2 / Double(max(columns, 2))
        return rules < .narrow ? narrowing.squareRoot() : max(narrowing, 0.4)
    }

    /// Of sixths of the turns none with up to three columns, one with four, two with five, half with six and more.
    private static func isKeen(_ turn: Int, columns: Int) -> Bool {
        let sixths = (columns - 3).clamped(to: 0...3)
        return (turn + 1) * sixths / 6 > turn * sixths / 6
    }
}

/// Bandwidths: one for each column of a mixture.
private enum Widths {
    /// Scott's rule (Scott 1992): the standard deviation times n^(−1 / (d + 4)), times a factor. Good kernels are
    /// wide at first, to reach beyond the few trials there are, and become narrow as the number of trials grows.
    /// Bad kernels are narrow: they keep proposals off what was tried, not off whole regions. The more columns,
    /// the farther from each other trials are.
    case keen(good: Double, bad: Double, columns: Int)
    /// The same whatever the spread, which says nothing about a place where good places are many: the narrowest
    /// that the magic clip of Bergstra et al.'s hyperopt (and of Optuna) allows, for bad kernels 3/4 of it, times
    /// a factor for good ones.
    case sharp(good: Double)

    func good(_ places: [Double], _ weights: [Double]) -> Double {
        switch self {
        case .keen(let factor, _, let columns):
            (factor * Self.scott(places.count, columns) * Self.spread(places, weights, prior: 0.4))
                .clamped(to: 0.02...1)
        case .sharp(let factor): Self.clip(places.count) * factor
        }
    }

    func bad(_ places: [Double], _ weights: [Double]) -> Double {
        switch self {
        case .keen(_, let factor, let columns):
            (factor * Self.scott(places.count, columns) * Self.spread(places, weights, prior: 1))
                .clamped(to: 0.02...1)
        case .sharp: 0.75 * Self.clip(places.count)
        }
    }

    /// Of so many kernels and the uniform density.
    private static func clip(_ count: Int) -> Double { 1 / min(100, Double(count) + 2) }

    private static func scott(_ count: Int, _ columns: Int) -> Double {
        pow(Double(max(count, 1)), -1 / Double(columns + 4))
    }

    /// The standard deviation of a column together with the uniform density, as so many observations.
    private static func spread(_ places: [Double], _ weights: [Double], prior: Double) -> Double {
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
