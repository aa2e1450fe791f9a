public import FleetModel

/// Bayesian optimisation with a Gaussian process: Matérn 5/2 with a length scale for each parameter, fitted by
/// marginal likelihood, and the logarithm of the expected improvement (Jones et al. 1998; Ament et al. 2023).
///
/// Losses are warped (`Warp`), so that terrible ones do not drown differences among good ones. Failed trials
/// count as the worst, running ones as what the model predicts for them. Where there are rungs, all trials that came
/// to one count by forecasts of their losses at the end (`EndMeasurements`), and one proposal in three is random
/// (`RungForecasts.randomShare`). Trials of earlier stages count with a level of their own. Several objectives are
/// weighed at random, anew for each proposal (`Tchebycheff`). Trials that break the study's constraints count as
/// worse than the best that keeps them, by how far they do. An assignment is not proposed twice; where there is no
/// other left, nothing is.
///
/// An ask costs about n² operations a candidate and n³ for a fit, where n is bounded by `conditioned` and
/// `fitted`; fits are made at a sixteenth more trials than the last. Where there are rungs what is known of any trial
/// changes with each report, so a fit is made for each proposal, to fewer trials.
public struct GPSampler: Sampler {
    /// So many spread trials come first, at least 1.
    public let startup: Int
    /// Points scored for each proposal before the best of them are improved, at least 1; fewer where the model
    /// is so large that they would take too long.
    public let candidates: Int
    /// By which version's rules it proposes: studies go on as they began. nil by those of the first, with
    /// `KernelPrior.optuna`, trials cut short as what they would have come to (`RungOffsets`), and no random ones.
    private let rules: Rules?
    private var memo = Memo<Fitted>()
    private var learned = Memo<RungForecasts.Learned>()

    private enum Rules: String, Codable {
        /// With `KernelPrior.search`, and forecasts where there are rungs.
        case forecasts
    }

    private struct Fitted: Sendable {
        let training: TrainingSet
        let kernel: MaternKernel
        /// nil until it is asked for.
        var foresight: Double?
    }

    /// At most so many trials are conditioned on, and so many fitted to.
    private static let conditioned = 500
    private static let fitted = 160
    /// Good trials whose surroundings are looked at.
    private static let good = 5

    public init(startup: Int = 10, candidates: Int = 1536) {
        precondition(startup >= 1, "a model needs at least one trial")
        precondition(candidates >= 1, "a search needs at least one candidate")
        self.startup = startup
        self.candidates = candidates
        rules = .forecasts
    }

    public mutating func propose(
        from history: History, using generator: inout SeededGenerator
    ) -> Proposal? {
        let coordinates = Coordinates(history)
        let untried = coordinates.untried(in: history)
        if let untried, untried.isEmpty { return nil }
        let blend = Tchebycheff(history, using: &generator)
        if let ends = ends(of: history, blend) {
            return proposeUnderRungs(from: history, coordinates, untried, ends, using: &generator)
        }
        let training = TrainingSet(
            history, kinds: coordinates.kinds, ended: history.ended.count, running: true, blend: blend
        )
        let known = history.trials.count + training.stages.count { $0 > 0 }
        guard known >= startup, training.count >= 2 else {
            return Proposal(
                draw(from: history, untried, using: &generator),
                .startup(number: history.trials.count + 1, of: startup))
        }
        let kernel = kernel(for: history, coordinates.kinds, blend)
        let model = Model(
            training: training, process: GaussianProcess(kernel, training.limited(to: Self.conditioned)),
            losses: training.targets)
        return propose(from: history, coordinates, untried, model, using: &generator)
    }

    /// nil where there are no rungs, or no three trials have come to one.
    private mutating func ends(of history: History, _ blend: Tchebycheff?) -> EndMeasurements? {
        guard rules == .forecasts, blend == nil, history.trials.count >= startup else { return nil }
        return RungForecasts(history, &learned.value).flatMap(EndMeasurements.init)
    }

    private func proposeUnderRungs(
        from history: History, _ coordinates: Coordinates, _ untried: [[Double]]?, _ ends: EndMeasurements,
        using generator: inout SeededGenerator
    ) -> Proposal? {
        if generator.unit() < RungForecasts.randomShare {
            return Proposal(draw(from: history, untried, using: &generator), .random)
        }
        let training = TrainingSet(history, kinds: coordinates.kinds, ends)
        let process = GaussianProcess(KernelFit(training: training, prior: prior).kernel(), training)
        let model = Model(training: training, process: process, losses: process.believed)
        return propose(from: history, coordinates, untried, model, using: &generator)
    }

    private struct Model {
        let training: TrainingSet
        let process: GaussianProcess
        /// Those that are to be improved on, by target.
        let losses: [Double]
    }

    private func propose(
        from history: History, _ coordinates: Coordinates, _ untried: [[Double]]?, _ model: Model,
        using generator: inout SeededGenerator
    ) -> Proposal? {
        var process = model.process
        let running = history.unmeasured(coordinates)
        for point in running { process.believe(in: point) }
        let lowest = model.training.lowestFirst(by: model.losses)
        let search = AcquisitionSearch(
            process: process,
            improvement: LogImprovement(incumbent: lowest.first.map { model.losses[$0] } ?? 0),
            coordinates: coordinates, candidates: candidates)
        let good = lowest.map { model.training.trials[$0] }.filter { $0 >= 0 }.prefix(Self.good)
        let assignment =
            search.best(of: history, around: Array(good), untried: untried, using: &generator)
            ?? draw(from: history, nil, using: &generator)
        return Proposal(
            assignment, .gaussianProcess(observations: model.training.count, running: running.count))
    }

    private var prior: KernelPrior { rules == .forecasts ? .search : .optuna }

    /// A random assignment, of a small finite space one that no trial has.
    private func draw(
        from history: History, _ untried: [[Double]]?, using generator: inout SeededGenerator
    ) -> Assignment? {
        guard let untried else { return history.space.draw(using: &generator) }
        return history.assignment(at: untried[Int(generator.unit() * Double(untried.count))])
    }

    /// Fitted to the trials that had ended at the last of the scheduled counts, always from the same starting
    /// values, so that it does not matter whether the last fit is remembered.
    private mutating func kernel(
        for history: History, _ kinds: [ModelPoints.Kind], _ blend: Tchebycheff?
    ) -> MaternKernel {
        let training = TrainingSet(
            history, kinds: kinds, ended: Self.scheduled(history.ended.count), running: false, blend: blend
        ).limited(to: Self.fitted)
        if let kept = memo.value, kept.training == training { return kept.kernel }
        let kernel = KernelFit(training: training, prior: prior).kernel()
        memo.value = Fitted(training: training, kernel: kernel)
        return kernel
    }

    /// How well the model foretells, with one objective, what it has not seen: the correlation of ranks (Spearman
    /// 1904), from -1 to 1, between what trials came to and what the others say of each. nil before there is a
    /// model.
    mutating func foresight(of history: History) -> Double? {
        guard history.ended.count >= max(startup, 2) else { return nil }
        let kernel = kernel(for: history, Coordinates(history).kinds, nil)
        if let known = memo.value?.foresight { return known }
        let foresight = memo.value?.training.foresight(under: kernel)
        memo.value?.foresight = foresight
        return foresight
    }

    /// `count` without its binary digits after the fifth: up to 31 each count has its fit.
    static func scheduled(_ count: Int) -> Int {
        let digits = max(0, Int.bitWidth - count.leadingZeroBitCount - 5)
        return (count >> digits) << digits
    }
}

extension History {
    /// As a model sees them, the running trials of which nothing is known; the latest, should there be many.
    fileprivate func unmeasured(_ coordinates: Coordinates) -> [[Double]] {
        trials.indices.filter { trials[$0].result == .running && trials[$0].rungLosses.isEmpty }
            .suffix(200).map { coordinates.modelPoint(row($0)) }
    }
}
