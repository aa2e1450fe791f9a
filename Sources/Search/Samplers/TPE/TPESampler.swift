public import FleetModel

/// Tree-structured Parzen estimator (Bergstra et al. 2011, section 4): two densities, one of the good trials
/// and one of all others, and proposals where the first is large compared with the second.
///
/// - Multivariate: a kernel is a product over all parameters (see `ParzenMixture`, also for conditional
///   spaces). Keen models have wide good kernels weighted by rank, sharp ones have narrow ones that all weigh the
///   same; they take turns (see `Temper` in TPEModel.swift): chosen by measurement, and far from the univariate
///   original.
/// - Trials rank by their losses; where there are rungs, those that went on from the first by forecasts of their
///   losses at the end (`RungForecasts`), and a Gaussian process over the forecasts of all says where a lower one
///   is to be expected (`EndProcess`). Pruned trials without rungs rank by the loss that they had.
/// - Where there are rungs one proposal in three is random (`RungForecasts.randomShare`).
/// - Running trials without a rung count as bad, which keeps parallel proposals apart (Ginsbourger et al. 2010,
///   constant liar), and so do failed ones: what fails by itself, as by not-a-number or out of memory, had
///   better not be tried nearby.
/// - In a finite space no assignment comes twice before the space is all but used up.
/// - Several objectives rank by fronts (see `Ranking`; Ozaki et al. 2022, MOTPE), and trials that break the
///   study's constraints behind all others.
/// - Trials of stages before stand in for the startup and inform the model (see `EarlierLessons`).
public struct TPESampler: Sampler {
    /// So many random trials come first, at least 1.
    public let startup: Int
    /// Candidates drawn for each proposal, at least 1.
    public let candidates: Int
    /// By which version's rules it proposes: studies go on as they began.
    let rules: Rules
    private var memo = Memo<RungForecasts.Learned>()

    public init(startup: Int = 10, candidates: Int = 64) {
        precondition(startup >= 1, "TPE begins with at least one random trial")
        precondition(candidates >= 1, "TPE needs at least one candidate")
        self.startup = startup
        self.candidates = candidates
        rules = .narrowBesideChoices
    }

    /// What each version added to the rules of the one before: random proposals where there are rungs; ranks by
    /// forecasts there; narrower kernels of sharp models with three parameters and more; narrower ones of keen models
    /// where there are choices.
    enum Rules: Int, Codable, Comparable {
        case first, randomShare, forecasts, narrow, narrowBesideChoices

        static func < (a: Rules, b: Rules) -> Bool { a.rawValue < b.rawValue }
    }

    public mutating func propose(
        from history: History, using generator: inout SeededGenerator
    ) -> Proposal? {
        let lessons = EarlierLessons(history)
        let forecasts = rules >= .forecasts ? RungForecasts(history, &memo.value) : nil
        let ranking =
            forecasts.map { Ranking($0, good: TPEModel.goodCount) }
            ?? Ranking(history.trials, rungs: history.rungs.count, good: TPEModel.goodCount)
        let failed = history.ended.count { history.trials[$0].result == .failed }
        let tried = history.trials.count - failed
        guard tried >= startup || lessons.count >= 2 else {
            let drawn = history.space.draw(using: &generator)
            return drawn.map { Proposal($0, .startup(number: tried + 1, of: startup)) }
        }
        // With all of many parallel trials still running there is nothing to learn from.
        guard ranking.count + lessons.count >= 2 else {
            return history.space.draw(using: &generator).map { Proposal($0, .random) }
        }
        if rules >= .randomShare, forecasts != nil || ranking.isOfFew(history),
            generator.unit() < RungForecasts.randomShare
        {
            return Proposal(history.space.draw(using: &generator), .random)
        }
        let model = TPEModel(
            history, PlaceColumns(history), ranking, lessons, forecasts, rules)
        let reason = ProposalReason.model(observations: history.trials.count, good: model.goodCount)
        let assignment = model.propose(for: history, candidates: candidates, using: &generator)
        return assignment.map { Proposal($0, reason) }
    }
}

extension TPESampler: Codable {
    /// `randomShare` and `forecasts` are what studies hold that were begun before there were `rules`, or nothing.
    private enum Key: String, CodingKey { case startup, candidates, randomShare, forecasts, rules }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        startup = try fields.decode(Int.self, forKey: .startup)
        candidates = try fields.decode(Int.self, forKey: .candidates)
        let older: Rules =
            fields.contains(.forecasts) ? .forecasts : fields.contains(.randomShare) ? .randomShare : .first
        rules = try fields.decodeIfPresent(Rules.self, forKey: .rules) ?? older
    }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Key.self)
        try fields.encode(startup, forKey: .startup)
        try fields.encode(candidates, forKey: .candidates)
        try fields.encode(rules, forKey: .rules)
    }
}

extension Ranking {
    /// Of the trials that came to a rung most do not rank, as they were stopped or wait below.
    fileprivate func isOfFew(_ history: History) -> Bool {
        2 * count < history.trials.count { !$0.rungLosses.isEmpty }
    }
}
