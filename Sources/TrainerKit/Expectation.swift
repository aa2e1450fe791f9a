import FleetModel

/// What a run's reports must attest, so that its result is that of its trial and of no other. What is nil
/// here, or not attested, is not judged.
///
///     Expectation(learningRate: 3e-4, globalBatchSize: 64) { step in min(1, Double(step) / 100) }
public struct Expectation: Sendable {
    /// The trial's own: what the schedule's shares are shares of.
    public var learningRate: Double?
    /// The schedule: its share of `learningRate` after so many of its steps, from 0 on, as the trainer
    /// counts them for the value that it attests. nil: not known here; then no attested value may exceed
    /// `learningRate`, and those of warm-up and decay pass.
    public var share: (@Sendable (_ schedulerSteps: Int) -> Double)?
    /// Samples in one optimiser step.
    public var globalBatchSize: Int?
    /// The place in the data before the trial's first step; nil: not known here, and only that it grows by
    /// one batch a step is judged.
    public var consumedSamples: Int?
    /// Whether attested places in the data are judged; false where they grow by less than a batch, because
    /// epochs end in batches that are not full.
    public var judgesPlace = true
    /// Largest relative difference of equal values, for trainers that print few digits.
    public var tolerance = 1e-4
    /// Metrics beside the objective that end the run when they stop being numbers: `["loss"]`.
    public var finite: Set<String> = []

    public init(
        learningRate: Double? = nil, globalBatchSize: Int? = nil, consumedSamples: Int? = nil,
        tolerance: Double = 1e-4, finite: Set<String> = [],
        share: (@Sendable (_ schedulerSteps: Int) -> Double)? = nil
    ) {
        self.learningRate = learningRate
        self.share = share
        self.globalBatchSize = globalBatchSize
        self.consumedSamples = consumedSamples
        self.tolerance = tolerance
        self.finite = finite
    }
}

/// Judges what a run attests, report by report. Pure.
struct Attestor {
    let expectation: Expectation
    /// Step and place in the data of the first report that attests a place.
    private var place: (step: Int, samples: Double)?
    /// What was attested so far.
    private(set) var heard: Set<Attestation.Quantity> = []

    init(_ expectation: Expectation) {
        self.expectation = expectation
        place = expectation.consumedSamples.map { (0, Double($0)) }
    }

    /// Whether a learning rate was expected, and none was attested.
    var isUnanswered: Bool {
        expectation.learningRate != nil && heard.isDisjoint(with: [.learningRate, .peakLearningRate])
    }

    /// What is wrong with what `report` attests.
    mutating func judge(_ report: Report) -> Discrepancy? {
        let said = Attestation(in: report)
        guard !said.values.isEmpty else { return nil }
        heard.formUnion(said.values.keys)
        let wrong = expected(of: said, at: report.step).first { quantity, expected in
            guard let found = said[quantity] else { return false }
            return !isRight(found, quantity, expected)
        }
        return wrong.map { quantity, expected in
            Discrepancy(quantity, step: report.step, found: said[quantity]!, expected: expected)
        }
    }

    private mutating func expected(
        of said: Attestation, at step: Int
    ) -> [(Attestation.Quantity, Double)] {
        var expected: [(Attestation.Quantity, Double)] = []
        if let batch = expectation.globalBatchSize { expected.append((.globalBatchSize, Double(batch))) }
        expected.append((.schedulerSteps, Double(step - 1)))
        if let peak = expectation.learningRate {
            expected.append((.peakLearningRate, peak))
            expected.append((.learningRate, peak * share(of: said, at: step)))
        }
        if let samples = samples(of: said, at: step) { expected.append((.consumedSamples, samples)) }
        return expected
    }

    /// Skipped steps (overflowing gradients) hold the schedule back, so its own count is believed up to
    /// what `expected` allows.
    private func share(of said: Attestation, at step: Int) -> Double {
        guard let share = expectation.share else { return 1 }
        guard case .value(let steps)? = said[.schedulerSteps], let steps = Int(exactly: steps) else {
            return share(step - 1)
        }
        return share(steps)
    }

    /// Where in the data a trainer must be that takes one batch a step.
    private mutating func samples(of said: Attestation, at step: Int) -> Double? {
        guard expectation.judgesPlace, let batch = expectation.globalBatchSize,
            case .value(let now)? = said[.consumedSamples]
        else { return nil }
        guard let place else {
            place = (step, now)
            return nil
        }
        return place.samples + Double((step - place.step) * batch)
    }

    private func isRight(_ found: Reading, _ quantity: Attestation.Quantity, _ expected: Double) -> Bool {
        guard case .value(let number) = found else { return false }
        // Places in the data are large numbers of which the trial's own share may be small.
        let size =
            quantity == .consumedSamples ? expected - (place?.samples ?? 0) : max(abs(expected), abs(number))
        let margin = expectation.tolerance * size + 1e-15
        // A schedule that nobody here knows may be anywhere below its peak.
        if quantity == .learningRate, expectation.share == nil { return number <= expected + margin }
        // Steps without an update may hold the schedule back, but nothing may hurry it.
        if quantity == .schedulerSteps { return number <= expected }
        return abs(number - expected) <= margin
    }
}
