import FleetModel

/// How much of what makes trials good a parameter explains by itself.
public struct ParameterImportance: Hashable, Codable, Sendable {
    public let name: String
    /// From 0 to 1; over all parameters they add up to 1, or all are 0 where nothing differs.
    public let share: Double
    /// Complete trials that had a value for it.
    public let trials: Int

    /// PED-ANOVA (Watanabe et al. 2023, arXiv 2304.10255, equation 11): the variance, over the trials that
    /// were run, of the probability to be among the best share `top`, given this parameter's value alone,
    /// from one density of the best trials and one of all. It sees no interaction that leaves each
    /// parameter by itself without effect, and tells where to look rather than by how much: with fewer than
    /// five best trials chance shows.
    ///
    /// A conditional parameter explains what its value does where it is active; what comes from its being
    /// active is its parents' (Baba et al. 2026, arXiv 2601.20800, theorem 4.2).
    ///
    /// - Parameters:
    ///   - objective: from 0, whose loss makes a trial good.
    ///   - top: above 0; so many of the complete trials are the best, at least two, and all that tie.
    ///   - among: above `top`, at most 1: looks only at this best share of the trials, to ask what matters
    ///     once things are good.
    /// - Returns: the most important first, then as in the space; nil with fewer than four complete trials
    ///   or when the best cannot be told from the others.
    public static func ranking(
        of history: History, objective: Int = 0, top: Double = 0.1, among: Double = 1
    ) -> [ParameterImportance]? {
        precondition(0 < top && top < among && among <= 1, "0 < top < among ≤ 1")
        let ranked = history.ranked(by: objective)
        let region = ranked.best(among)
        let best = ranked.best(top)
        guard region.count >= 4, best.count < region.count else { return nil }
        let gains = history.space.parameters.indices.map { column in
            gain(
                DensityGrid(history.space.parameters[column].domain, history.axes[column]),
                best: history.places(in: column, of: best), region: history.places(in: column, of: region))
        }
        let total = gains.reduce(0, +)
        let shares = zip(history.space.parameters, gains).enumerated().map { column, entry in
            ParameterImportance(
                name: entry.0.name, share: total > 0 ? entry.1 / total : 0,
                trials: history.places(in: column, of: ranked.map(\.index)).count)
        }
        return shares.enumerated().sorted { ($1.element.share, $0.offset) < ($0.element.share, $1.offset) }
            .map(\.element)
    }

    /// The variance that the places of one parameter explain, up to a factor that all parameters share.
    private static func gain(_ grid: DensityGrid, best: [Double], region: [Double]) -> Double {
        guard !best.isEmpty else { return 0 }
        // Among the trials where the parameter is active.
        let probability = Double(best.count) / Double(region.count)
        return Double(region.count) * probability * probability * grid.divergence(of: best, from: region)
    }
}

extension History {
    /// Complete trials and their losses in one objective, the best first.
    fileprivate func ranked(by objective: Int) -> [(index: Int, loss: Double)] {
        trials.indices.compactMap { index in
            guard case .complete(let losses) = trials[index].result, objective < losses.count else {
                return nil
            }
            return (index, losses[objective].value)
        }.sorted { ($0.loss, $0.index) < ($1.loss, $1.index) }
    }

    /// Where a parameter is active, its places in `trials`.
    fileprivate func places(in column: Int, of trials: [Int]) -> [Double] {
        trials.compactMap { trial in
            let place = row(trial)[row(trial).startIndex + column]
            return place.isNaN ? nil : place
        }
    }
}

extension [(index: Int, loss: Double)] {
    /// The best share of them, at least two, and all that tie with the last.
    fileprivate func best(_ share: Double) -> [Int] {
        let wanted = Swift.min(Swift.max(2, Int((share * Double(count)).rounded(.up))), count)
        guard wanted > 0 else { return [] }
        let last = self[wanted - 1].loss
        return prefix { $0.loss <= last }.map(\.index)
    }
}
