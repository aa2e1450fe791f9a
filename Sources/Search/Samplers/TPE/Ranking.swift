import FleetModel

/// Trials in one order, the best first, from whatever is known of each. Those that break the study's
/// constraints come after all others, by how far they do.
struct Ranking {
    /// Of how many a loss is known.
    let count: Int
    /// Their indices, the best first; by forecasts only those of good ones.
    let best: [Int]
    /// How many of the best are good.
    let goodCount: Int
    /// Of complete trials.
    let objectives: Int

    /// - Parameters:
    ///   - rungs: at most so many losses were noted while a trial ran.
    ///   - good: how many count as good, out of so many that are ranked.
    init(_ trials: [Observation], rungs: Int, good: (Int) -> Int) {
        let known = Known(trials)
        objectives = known.points.first?.losses.count ?? 1
        // With several objectives the one loss of a pruned trial says too little.
        if known.points.isEmpty {
            best =
                rungs == 0
                ? known.final.byLoss() : Self.atHighestLevel(trials, rungs: rungs, final: known.final)
            goodCount = good(best.count)
        } else {
            goodCount = good(known.points.count)
            let feasible = known.points.filter { trials[$0.index].isFeasible }
            let others = known.points.map(\.index).filter { !trials[$0].isFeasible }
            best =
                Self.byFront(feasible, good: goodCount)
                + others.sorted { (trials[$0].violation, $0) < (trials[$1].violation, $1) }
        }
        count = best.count
    }

    /// By forecasts of losses at the end, of those that went on from the first rung they came to, or that ended:
    /// what showed itself at one rung only is not among the good, however it looks.
    init(_ forecasts: RungForecasts, good: (Int) -> Int) {
        let known = forecasts.ends.lazy.filter { $0.levels >= 2 }
        count = known.count
        goodCount = good(count)
        best = known.first(goodCount) {
            ($0.violation, $0.loss, $0.trial) < ($1.violation, $1.loss, $1.trial)
        }.map(\.trial)
        objectives = 1
    }

    private typealias Entry = (violation: Double, loss: Double, index: Int)

    /// Trials by what is known of them.
    private struct Known {
        var final: [Entry] = []
        var points: [(losses: [Loss], index: Int)] = []

        init(_ trials: [Observation]) {
            for (index, trial) in trials.enumerated() {
                switch trial.result {
                case .complete(let losses) where losses.count > 1: points.append((losses, index))
                case .complete(let losses): final.append((trial.violation, losses[0].value, index))
                // Its loss would have fallen on, so it ranks too low rather than too high.
                case .pruned(_, let loss):
                    if trial.rungLosses.isEmpty { final.append((trial.violation, loss.value, index)) }
                case .running, .failed: break
                }
            }
        }
    }

    /// How many losses a level needs before it ranks.
    private static let enough = 8

    /// Trials of one level by their losses there: the highest that `enough` trials reached, otherwise the one
    /// with the most (Falkner et al. 2018, BOHB, section 3.2). Levels are the rungs, and above them the end.
    /// Low rungs deceive: they rank slow starters last and what overfits first. So what showed itself only
    /// there no longer counts as good once a level above has something to say.
    private static func atHighestLevel(_ trials: [Observation], rungs: Int, final: [Entry]) -> [Int] {
        var level = final
        for rung in (0..<rungs).reversed() where level.count < enough {
            let below = reached(rung, in: trials)
            if below.count > level.count { level = below }
        }
        return level.byLoss()
    }

    private static func reached(_ rung: Int, in trials: [Observation]) -> [Entry] {
        trials.indices.compactMap { index in
            let trial = trials[index]
            return rung < trial.rungLosses.count
                ? (trial.violation, trial.rungLosses[rung].value, index) : nil
        }
    }

    /// Front by front; of the front of which only a part is good, first those that together dominate most
    /// (Ozaki et al. 2022, MOTPE, section 4.2).
    private static func byFront(_ points: [(losses: [Loss], index: Int)], good: Int) -> [Int] {
        var order: [Int] = []
        for front in Pareto.fronts(of: points.map(\.losses)) {
            let wanted = good - order.count
            if wanted > 0, wanted < front.count {
                let chosen = Pareto.spanning(wanted, of: front.map { points[$0].losses }).map { front[$0] }
                order += chosen + front.filter { !chosen.contains($0) }
            } else {
                order += front
            }
        }
        return order.map { points[$0].index }
    }
}

extension [(violation: Double, loss: Double, index: Int)] {
    /// The indices, the lowest loss first of those without a violation; the earlier one where all is equal.
    fileprivate func byLoss() -> [Int] {
        sorted { ($0.violation, $0.loss, $0.index) < ($1.violation, $1.loss, $1.index) }.map(\.index)
    }
}

extension Pareto {
    /// Indices of `count` of the `points` that together dominate a large volume: each next one adds most
    /// (Guerreiro et al. 2016, greedy hypervolume subset selection). What a point adds only falls as others
    /// are taken, so it is measured again only while it looks best (Minoux 1978). The reference is 1.1 times
    /// the worst loss, 0.9 times where losses are negative.
    fileprivate static func spanning(_ count: Int, of points: [[Loss]]) -> [Int] {
        let reference = points[0].indices.map { objective -> Loss in
            let worst = points.map { $0[objective].value }.max() ?? 0
            let beyond = worst == 0 ? 1e-12 : max(1.1 * worst, 0.9 * worst)
            return Loss(beyond, .minimize) ?? points[0][objective]
        }
        var (chosen, volume): ([Int], Double) = ([], 0)
        var gains = points.map { hypervolume(of: [$0], below: reference) }
        var isFresh = [Bool](repeating: true, count: points.count)
        while chosen.count < count {
            let next = gains.indices.max { gains[$0] < gains[$1] } ?? 0
            if isFresh[next] {
                chosen.append(next)
                volume += gains[next]
                gains[next] = -.infinity
                isFresh = [Bool](repeating: false, count: points.count)
            } else {
                let union = hypervolume(of: chosen.map { points[$0] } + [points[next]], below: reference)
                gains[next] = union - volume
                isFresh[next] = true
            }
        }
        return chosen
    }
}
