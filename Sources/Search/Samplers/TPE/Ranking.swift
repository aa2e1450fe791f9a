import FleetModel

/// Trials in one order, the best first, from whatever is known of each.
struct Ranking {
    /// Indices of those of which a loss is known, the best first.
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
            best = rungs == 0 ? known.final.byLoss() : Self.climbing(trials, rungs: rungs, final: known.final)
            goodCount = good(best.count)
        } else {
            goodCount = good(known.points.count)
            best = Self.byFront(known.points, good: goodCount)
        }
    }

    private typealias Entry = (loss: Double, index: Int)

    /// Trials by what is known of them.
    private struct Known {
        var final: [(loss: Double, index: Int)] = []
        var points: [(losses: [Loss], index: Int)] = []

        init(_ trials: [Observation]) {
            for (index, trial) in trials.enumerated() {
                switch trial.result {
                case .complete(let losses) where losses.count > 1: points.append((losses, index))
                case .complete(let losses): final.append((losses[0].value, index))
                // Its loss would have fallen on, so it ranks too low rather than too high.
                case .pruned(_, let loss): if trial.rungLosses.isEmpty { final.append((loss.value, index)) }
                case .running, .failed: break
                }
            }
        }
    }

    /// Orders trials by their losses at the lowest rung, then reorders at each higher rung those that reached
    /// it among the positions which they hold, and at last those with a final loss. So trials compare at the
    /// highest rung that they share, and one that was promoted early among few does not gain by it: it
    /// can only exchange places with others that came as far.
    private static func climbing(_ trials: [Observation], rungs: Int, final: [Entry]) -> [Int] {
        var position = [Double](repeating: .nan, count: trials.count)
        for rung in 0...rungs {
            let sorted = rung == rungs ? final.byLoss() : Self.reached(rung, in: trials).byLoss()
            var held = sorted.map { position[$0] }.filter { !$0.isNaN }.sorted()[...]
            var last = (held.first ?? 0) - 1
            for index in sorted {
                // Newcomers, whose earlier losses are not known, follow the one before them closely.
                last = position[index].isNaN ? last + 1e-6 : held.removeFirst()
                position[index] = last
            }
            if rung == 0 { for (place, index) in sorted.enumerated() { position[index] = Double(place) } }
        }
        return trials.indices.filter { !position[$0].isNaN }.map { (position[$0], $0) }.byLoss()
    }

    private static func reached(_ rung: Int, in trials: [Observation]) -> [Entry] {
        trials.indices.compactMap { index in
            rung < trials[index].rungLosses.count ? (trials[index].rungLosses[rung].value, index) : nil
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

extension [(loss: Double, index: Int)] {
    /// The indices, the lowest loss first; the earlier one where losses are equal.
    fileprivate func byLoss() -> [Int] {
        sorted { ($0.loss, $0.index) < ($1.loss, $1.index) }.map(\.index)
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
