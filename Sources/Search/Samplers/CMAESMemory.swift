import FleetModel

/// What CMA-ES has learned from the trials that ended so far, in the order in which they did: a function of
/// the history and the options.
struct CMAESMemory: Sendable {
    /// Parameters' columns that the distribution spans: numeric, with more than one value.
    let columns: [Int]
    private let startup: Int
    private let firstPopulation: Int
    private let startWidth: Double
    private(set) var distribution: CMAESDistribution?
    private(set) var margins: [CMAESMargin]
    private(set) var choices: CMAESChoices
    /// How many of the ended trials have been looked at.
    private(set) var absorbed = 0
    private(set) var restarts = 0
    /// Trials of the generation so far, or of the startup.
    private var waiting: [Int] = []
    private var ranked = 0
    /// Best losses of the generations since the last start.
    private var bests: [Double] = []

    init(_ history: History, _ options: CMAESSampler) {
        columns = history.axes.indices.filter { column in
            guard let axis = history.axes[column] else { return false }
            return axis.high > axis.low && (axis.count ?? 2) > 1
        }
        startup = options.startup
        choices = CMAESChoices(history.space)
        margins = columns.compactMap { history.axes[$0].map { CMAESMargin($0) } }
        let dimensions = columns.count + choices.columns.count
        firstPopulation = options.population ?? 4 + Int(3 * log(Double(max(1, dimensions))))
        startWidth = options.deviation
        if let place = history.bestOfEarlierStage {
            start(at: columns.map { place[$0].isNaN ? 0.5 : place[$0] }, width: startWidth / 2)
        } else if startup == 0 {
            start(at: columns.map { _ in 0.5 }, width: startWidth)
        }
    }

    var population: Int { firstPopulation << min(restarts, 6) }

    mutating func absorb(_ history: History) {
        while absorbed < history.ended.count {
            let index = history.ended[absorbed]
            absorbed += 1
            waiting.append(index)
            if history.trials[index].result != .failed { ranked += 1 }
            if distribution == nil {
                if ranked >= startup { startAtBest(of: history) }
            } else if waiting.count == population {
                learn(from: history)
            }
        }
    }

    private mutating func startAtBest(of history: History) {
        let best = history.ranking(of: waiting).order[0]
        let row = Array(history.row(best))
        start(at: columns.map { row[$0].isNaN ? 0.5 : row[$0] }, width: startWidth)
        waiting = []
    }

    private mutating func start(at mean: [Double], width: Double) {
        var distribution = CMAESDistribution(mean: mean, deviation: width, population: population)
        margins = margins.map { CMAESMargin($0.axis) }
        correct(&distribution)
        self.distribution = distribution
        bests = []
    }

    private mutating func learn(from history: History) {
        guard var distribution else { return }
        let ranking = history.ranking(of: waiting)
        let weights = ranking.evened(distribution.rates.weights)
        waiting = []
        if !columns.isEmpty {
            let steps = ranking.order.flatMap { step(of: $0, history, distribution) }
            distribution.update(steps, weights: weights)
            distribution.limit(to: 0.5)
            correct(&distribution)
        }
        choices.update(
            ranking.order.map { index in choices.columns.map { history.row(index).element($0) } },
            weights: weights, selected: distribution.rates.selected)
        self.distribution = distribution
        let best = history.trials[ranking.order[0]]
        if best.isFeasible, let loss = best.result.firstLoss { bests.append(loss) }
        if !columns.isEmpty && distribution.isSpent(below: 1e-9) || isFlat { restart(history.space) }
    }

    /// From the mean, one step for each coordinate; where it was inactive as if drawn without selection.
    private func step(
        of index: Int, _ history: History, _ distribution: CMAESDistribution
    ) -> [Double] {
        var dice = SeededGenerator(seed: UInt64(index), stream: 0x434D_4145)
        let row = history.row(index)
        return columns.indices.map { coordinate in
            let place = row.element(columns[coordinate])
            let width = distribution.deviation(of: coordinate)
            guard !place.isNaN else { return width / distribution.deviation * dice.normal() }
            let mean = distribution.mean[coordinate]
            let margin = margins[coordinate]
            let position = margin.place(in: place, mean: mean, deviation: width, using: &dice)
            return (position - mean) / (distribution.deviation * margin.scale)
        }
    }

    private mutating func correct(_ distribution: inout CMAESDistribution) {
        let margin = 1 / Double(columns.count * population)
        for coordinate in columns.indices {
            margins[coordinate].correct(
                &distribution.mean[coordinate], deviation: distribution.deviation(of: coordinate),
                margin: margin)
        }
    }

    /// Hansen 2016, appendix B.3, TolFun.
    private var isFlat: Bool {
        let count = 10 + 30 * max(1, columns.count) / population
        let recent = bests.suffix(count)
        guard recent.count == count, let low = recent.min(), let high = recent.max() else { return false }
        return high - low <= 1e-12 * max(abs(low), abs(high))
    }

    /// Elsewhere and with twice the population (Auger and Hansen 2005, "A restart CMA evolution strategy with
    /// increasing population size").
    private mutating func restart(_ space: Space) {
        restarts += 1
        choices = CMAESChoices(space)
        var dice = SeededGenerator(seed: UInt64(restarts), stream: 0x4950_4F50)
        start(at: columns.map { _ in dice.unit() }, width: startWidth)
    }
}

/// Trials in the order of what they came to.
struct TrialRanking {
    /// The best first.
    let order: [Int]
    /// Whether each ties with the one before it.
    let ties: [Bool]

    /// `weights` by rank, with the mean of their ranks for those that tie.
    func evened(_ weights: [Double]) -> [Double] {
        var weights = weights
        var start = 0
        for end in 1...weights.count where end == weights.count || !ties[end] {
            let mean = weights[start..<end].reduce(0, +) / Double(end - start)
            for index in start..<end { weights[index] = mean }
            start = end
        }
        return weights
    }
}

extension History {
    /// Complete trials by their first loss, then pruned ones, those that came further first (by rungs, where
    /// the history has any) and then by the loss there, then those that break the study's constraints, by how
    /// far they do, then failed ones.
    func ranking(of indices: [Int]) -> TrialRanking {
        let keys = indices.map { (key: trials[$0].rankKey(byRungs: !rungs.isEmpty), index: $0) }
            .sorted {
                ($0.key.0, $0.key.1, $0.key.2, $0.index) < ($1.key.0, $1.key.1, $1.key.2, $1.index)
            }
        let ties = keys.indices.map { $0 > 0 && keys[$0].key == keys[$0 - 1].key }
        return TrialRanking(order: keys.map(\.index), ties: ties)
    }

    /// The places of the best complete trial of the latest earlier stage that has one.
    var bestOfEarlierStage: [Double]? {
        for stage in earlier {
            let best = stage.observations.filter { $0.result.firstLoss != nil }
                .min { ($0.violation, $0.result.firstLoss ?? 0) < ($1.violation, $1.result.firstLoss ?? 0) }
            if let best { return places(of: best.assignment) }
        }
        return nil
    }
}

extension ArraySlice<Double> {
    /// The `offset`th, from 0.
    fileprivate func element(_ offset: Int) -> Double { self[startIndex + offset] }
}

extension Observation {
    fileprivate func rankKey(byRungs: Bool) -> (Double, Int, Double) {
        switch result {
        case .complete(let losses): (violation, .min, losses[0].value)
        case .pruned(_, let loss) where byRungs:
            (violation, -rungLosses.count, (rungLosses.last ?? loss).value)
        case .pruned(let step, let loss): (violation, -step, loss.value)
        case .failed, .running: (.infinity, .max, 0)
        }
    }
}

extension Observation.Result {
    /// The first loss of a complete trial.
    fileprivate var firstLoss: Double? {
        if case .complete(let losses) = self { losses[0].value } else { nil }
    }
}
