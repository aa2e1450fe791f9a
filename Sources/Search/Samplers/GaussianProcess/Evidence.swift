import FleetModel

/// One trial as a model may learn from it.
struct Evidence {
    let row: [Double]
    /// nil for a failed trial.
    let loss: Double?
    /// Of the study's constraints on what trials measure; 0 for none.
    let violation: Double
    /// Whether the loss is that of a trial cut short, carried on to its end by `RungOffsets`.
    let isExtrapolated: Bool
    let trial: Int
}

extension History {
    /// What the first `ended` trials that ended teach, and with `running` also those still running that
    /// passed a rung.
    /// - Parameter blend: turns the losses of several objectives into one.
    func evidence(ended count: Int, running: Bool, blend: Tchebycheff?) -> [Evidence] {
        var indices = Array(ended.prefix(count))
        let offsets = RungOffsets(indices.map { trials[$0] }, rungs: rungs.count)
        if running {
            indices += trials.indices.filter { trials[$0].isMeasured && trials[$0].result == .running }
        }
        return indices.map { index in
            let trial = trials[index]
            let loss: Double? =
                switch trial.result {
                case .complete(let losses): blend?.loss(losses) ?? losses[0].value
                case .pruned(_, let loss) where blend == nil:
                    offsets.end(of: loss.value, rungs: trial.rungLosses.count)
                case .running:
                    trial.rungLosses.last.map { offsets.end(of: $0.value, rungs: trial.rungLosses.count) }
                case .pruned, .failed: nil
                }
            let isComplete = if case .complete = trial.result { true } else { false }
            return Evidence(
                row: Array(row(index)), loss: loss, violation: trial.violation,
                isExtrapolated: !isComplete && loss != nil, trial: index)
        }
    }

    /// The trials of an earlier stage that lie in this history's space.
    func evidence(of stage: EarlierStage) -> [Evidence] {
        stage.observations.compactMap { observation in
            guard case .complete(let losses) = observation.result, losses.count == 1,
                space.problem(with: observation.assignment) == nil
            else { return nil }
            return Evidence(
                row: places(of: observation.assignment), loss: losses[0].value,
                violation: observation.violation, isExtrapolated: false, trial: -1)
        }
    }
}

extension [Evidence] {
    /// With the losses that a model is to learn. While all known trials break the study's constraints, how far
    /// they do is what is to fall.
    fileprivate var judged: [Evidence] {
        guard !contains(where: { $0.loss != nil && $0.violation == 0 }) else { return self }
        return map { item in
            Evidence(
                row: item.row, loss: item.loss == nil ? nil : item.violation, violation: 0,
                isExtrapolated: item.isExtrapolated, trial: item.trial)
        }
    }
}

extension Observation {
    /// Whether there is a loss, if only from a rung.
    fileprivate var isMeasured: Bool { !rungLosses.isEmpty }
}

extension TrainingSet {
    /// Beside noise, how far off an extrapolated loss is, as a variance of targets.
    private static let extrapolation = 0.1
    /// How far off the function was one stage earlier, as a variance of targets.
    private static let ageing = 0.1
    /// An earlier stage teaches something from so many trials on.
    private static let fewest = 3

    /// - Parameters:
    ///   - ended: so many trials of `history`, in the order in which they ended.
    ///   - running: whether to count running trials that passed a rung.
    init(
        _ history: History, kinds: [ModelPoints.Kind], ended: Int, running: Bool, blend: Tchebycheff?
    ) {
        let open = history.evidence(ended: ended, running: running, blend: blend)
        let stages = blend == nil ? history.earlier.map(history.evidence(of:)) : []
        self.init(kinds, capacity: stages.reduce(open.count) { $0 + $1.count })
        append(open, stage: 0, deviation: append(stages))
    }

    /// Earlier stages, and what is known of the open one where there are rungs: at most `EndMeasurements.most` of
    /// each, and of the trials that failed or break the study's constraints the latest.
    init(_ history: History, kinds: [ModelPoints.Kind], _ ends: EndMeasurements) {
        self.init(kinds, capacity: 3 * EndMeasurements.most)
        append(history.earlier.map(history.evidence(of:)))
        self = limited(to: EndMeasurements.most)
        for end in ends.measured {
            append(
                history.row(end.trial), target: end.target, variance: end.noise, stage: 0, trial: end.trial)
        }
        let others = history.trials.indices.filter {
            !history.trials[$0].isFeasible || history.trials[$0].result == .failed
        }
        let violations = others.map { history.trials[$0].violation }.max() ?? 0
        for index in others.suffix(EndMeasurements.most) {
            let violation = history.trials[index].violation
            append(
                history.row(index),
                target: violation > 0
                    ? Self.target(breaking: violation / violations, best: ends.best, worst: ends.worst)
                    : ends.worst,
                variance: 0, stage: 0, trial: index)
        }
        openWarp = ends.warp
    }

    /// - Parameter stages: the latest first.
    /// - Returns: the deviation of the latest stage's losses.
    @discardableResult
    private mutating func append(_ stages: [[Evidence]]) -> Double? {
        var deviation: Double?
        for (age, evidence) in stages.enumerated().reversed() where evidence.count >= Self.fewest {
            deviation = append(evidence, stage: age + 1, deviation: nil)
        }
        return deviation
    }

    /// What breaks a constraint is worse than the best that keeps them, by how far it does: were it worse than all that
    /// keep them, the model would see a cliff at the constraint's edge, where the best often is.
    /// - Parameter share: of the largest violation, 0 to 1.
    private static func target(breaking share: Double, best: Double, worst: Double) -> Double {
        best + (worst - best + 1) * share.squareRoot()
    }

    /// - Parameter deviation: that of losses in the stage before.
    /// - Returns: the deviation of these losses.
    @discardableResult
    private mutating func append(_ evidence: [Evidence], stage: Int, deviation: Double?) -> Double? {
        let evidence = evidence.judged
        let losses = evidence.filter { $0.violation == 0 }.compactMap(\.loss)
        guard let warp = Warp(losses, deviation: deviation) else { return deviation }
        let targets = losses.map(warp.target(of:))
        let (best, worst) = (targets.min() ?? 0, targets.max() ?? 0)
        let violations = evidence.map(\.violation).max() ?? 0
        for item in evidence {
            let variance = Double(stage) * Self.ageing + (item.isExtrapolated ? Self.extrapolation : 0)
            // Where trials fail by themselves it had better not be tried, so they are as bad as the worst.
            let target =
                switch item.loss {
                case .some where item.violation > 0:
                    Self.target(breaking: item.violation / violations, best: best, worst: worst)
                case let loss?: warp.target(of: loss)
                case nil: worst
                }
            append(item.row, target: target, variance: variance, stage: stage, trial: item.trial)
        }
        if stage == 0 { openWarp = warp }
        return warp.deviation
    }
}
