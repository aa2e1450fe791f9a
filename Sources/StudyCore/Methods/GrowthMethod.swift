public import FleetModel
import Search

/// Greedy growth of a model: from a baseline, one parameter at a time is raised by its increment; the step that
/// gains most for what it costs becomes the baseline of the next stage. What is gained is the probability of the
/// right next token, 1 / exp(validation loss); what it costs is any metric that the trainer measures: parameters,
/// memory, time of a step.
///
/// Where no step gains more than the noise, trials are too short to tell: steps are raised, up to a limit.
public struct GrowthMethod: Hashable, Codable, Sendable, MethodRules {
    /// One parameter and the least that it grows by.
    public struct Increment: Hashable, Codable, Sendable {
        public let parameter: String
        /// Above 0.
        public let amount: Double

        public init(_ parameter: String, by amount: Double) {
            self.parameter = parameter
            self.amount = amount
        }
    }

    /// How trials become longer when nothing helps any more.
    public struct Raise: Hashable, Codable, Sendable {
        /// Above 1.
        public let factor: Double
        /// Steps that are never exceeded.
        public let most: Int

        public init(factor: Double, most: Int) {
            self.factor = factor
            self.most = most
        }

        /// How many steps come after `steps`; nil: no more.
        func steps(after steps: Int) -> Int? {
            let next = min(most, max(steps + 1, Int((Double(steps) * factor).rounded())))
            return next > steps ? next : nil
        }
    }

    public let baseline: Assignment
    /// In the order in which they are tried.
    public let increments: [Increment]
    /// Each parameter is raised by one to so many increments; at least 1.
    public let depth: Int
    /// The metric that says what a step costs.
    public let cost: String
    /// How often the baseline grows at most; at least 1.
    public let growthSteps: Int
    public let steps: Int
    public let raise: Raise?
    /// A gain counts from so many of its standard deviations on, where trials are repeated.
    public let confidence: Double

    public init(
        baseline: Assignment, increments: [Increment], depth: Int = 1, cost: String, growthSteps: Int,
        steps: Int, raise: Raise? = nil, confidence: Double = 1
    ) {
        self.baseline = baseline
        self.increments = increments
        self.depth = depth
        self.cost = cost
        self.growthSteps = growthSteps
        self.steps = steps
        self.raise = raise
        self.confidence = confidence
    }

    /// How often steps can be raised.
    private var raises: Int {
        var (count, steps) = (0, steps)
        while let next = raise?.steps(after: steps) { (count, steps) = (count + 1, next) }
        return count
    }

    /// At most: growing and raising.
    var stageCount: Int { growthSteps + raises }
    var trialsPerStage: Int { increments.count * depth + 1 }
    var measured: [String] { [cost] }
    var startsWarm: Bool { false }
    /// A larger model nearly always has the lower loss: that says nothing about what it is worth.
    var prunesRepeats: Bool { false }
    /// What is chosen is not what has the lowest loss.
    var candidates: Int { .max }

    /// The same data and the same dice for all, so that what differs is the model.
    func round(of trial: Trial) -> Int { 0 }

    func first(original: Space, prior: Prior?) -> StageOpening {
        opening(around: baseline, measured: nil, original, steps: steps)
    }

    func next(after stages: [Stage], original: Space) -> NextStep {
        guard let last = stages.last, let best = last.bestTrial else {
            return .end(.failed(stages.withoutResult))
        }
        let grown = stages.count(where: \.hasGrown)
        let assignment = original.searched(best.assignment)
        if best.id.number == 0 {
            // Nothing helps: longer trials, as somebody has asked for meanwhile, or as the rule says.
            let longer = steps > last.steps ? steps : raise?.steps(after: last.steps)
            guard let next = longer else { return .end(.completed) }
            return .stage(opening(around: assignment, measured: nil, original, steps: next))
        }
        guard grown < growthSteps, let mean = last.mean(of: best.id.number, measuring: cost) else {
            return .end(.completed)
        }
        // Somebody has asked for longer trials since: what was measured does not compare with them.
        guard steps <= last.steps else {
            return .stage(opening(around: assignment, measured: nil, original, steps: steps))
        }
        let known = GivenTrial(
            assignment, .baseline, loss: mean.loss, measured: mean.cost.map { [cost: $0] } ?? [:])
        return .stage(opening(around: assignment, measured: known, original, steps: last.steps))
    }

    /// The baseline, known or to be measured, and everything one step from it that is a legal model.
    private func opening(
        around baseline: Assignment, measured: GivenTrial?, _ space: Space, steps: Int
    ) -> StageOpening {
        var planned: [PlannedTrial] = []
        var skipped: [(assignment: Assignment, reason: String)] = []
        for increment in increments {
            for times in 1...depth {
                let amount = increment.amount * Double(times)
                let grown = baseline.raised(increment.parameter, by: amount)
                if let problem = space.problem(with: grown) {
                    skipped.append((grown, problem))
                } else {
                    planned.append(
                        PlannedTrial(grown, .grown(parameter: increment.parameter, by: amount)))
                }
            }
        }
        if measured == nil { planned.insert(PlannedTrial(baseline, .baseline), at: 0) }
        var opening = StageOpening.only(planned, given: measured.map { [$0] } ?? [], in: space)
        opening.skipped = skipped
        opening.steps = steps
        return opening
    }

    /// The step with the most gain for its cost; the baseline where none gains more than the noise.
    func choice(in stage: Stage) -> Choice? {
        guard let base = stage.mean(of: 0, measuring: cost) else { return nil }
        let noise = stage.repeatNoise ?? 0
        var best: (gain: Gain, trial: Int)?
        for trial in stage.trials where trial.repeats == nil && trial.id.number > 0 {
            guard let mean = stage.mean(of: trial.id.number, measuring: cost) else { continue }
            let gain = Gain(from: base, to: mean, noise: noise)
            if best.map({ gain.isBetter(than: $0.gain, confidence) }) ?? true {
                best = (gain, trial.id.number)
            }
        }
        let baseline = TrialID(stage: stage.index, number: 0)
        guard let best else { return Choice(trial: baseline, because: .alone) }
        guard best.gain.counts(confidence) else {
            return Choice(
                trial: baseline, because: .noGain(most: best.gain.value, noise: best.gain.deviation))
        }
        return Choice(
            trial: TrialID(stage: stage.index, number: best.trial),
            because: .mostEfficient(gain: best.gain.value, cost: best.gain.cost, metric: cost))
    }
}

extension Stage {
    /// Its choice is another model than its baseline.
    fileprivate var hasGrown: Bool {
        guard let best else { return false }
        return best.number != 0
    }
}

/// What a growth step brings.
private struct Gain {
    /// Of the probability of the right next token.
    let value: Double
    /// Standard deviation of `value`, by the noise of single losses.
    let deviation: Double
    let cost: Double

    init(from base: Stage.Mean, to grown: Stage.Mean, noise: Double) {
        let (before, after) = (tokenProbability(base.loss), tokenProbability(grown.loss))
        value = after - before
        cost = (grown.cost ?? 0) - (base.cost ?? 0)
        let variance =
            before * before / Double(base.count) + after * after / Double(grown.count)
        deviation = noise * variance.squareRoot()
    }

    /// More than the noise explains.
    func counts(_ confidence: Double) -> Bool { value > confidence * deviation && value > 0 }

    /// What counts comes before what does not; what costs nothing before what does; then by gain for cost.
    func isBetter(than other: Gain, _ confidence: Double) -> Bool {
        let (mine, theirs) = (counts(confidence), other.counts(confidence))
        guard mine == theirs else { return mine }
        guard mine else { return value > other.value }
        switch (cost > 0, other.cost > 0) {
        case (true, true): return value / cost > other.value / other.cost
        case (false, false): return value > other.value
        case (let costs, _): return !costs
        }
    }
}

extension Assignment {
    fileprivate func raised(_ parameter: String, by amount: Double) -> Assignment {
        var raised = self
        switch self[parameter] {
        case .int(let value)?:
            let sum = Double(value) + amount
            raised[parameter] = Int(exactly: sum).map { .int($0) } ?? .float(sum)
        case .float(let value)?: raised[parameter] = .float(value + amount)
        case .string, .bool, nil: break
        }
        return raised
    }
}
