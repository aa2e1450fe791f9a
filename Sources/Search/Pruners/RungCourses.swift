import FleetModel

/// What `PlacedCourses` was before it knew of places: studies of those versions go on with it.
///
/// How losses go on from each rung to the next, learned from the trials that went on: by ridge regression, what
/// a loss still falls from its fall since the rung before and from its height. Put together from rung to rung
/// this forecasts losses at the end.
///
/// It says which of two trials at a rung will be better, whatever the curves' shape: falls that are noise get a
/// coefficient near 0 or below, and a steep fall in early training, where all curves still gather speed, one
/// above 1. Only trials that did well go on; that does not bend a regression on what they were chosen by.
struct RungCourses: Hashable, Codable, Sendable {
    /// By rung: the step from it to the next.
    private var steps: [Step]
    /// How many steps of trials were learned from.
    private(set) var learned = 0

    init(rungs: Int) {
        steps = (0..<rungs).map { Step(prior: $0 == 1 ? Self.atSecond : Self.later) }
    }

    /// What is assumed before there is anything to learn from: of how much a loss fell to a rung, so much does it
    /// fall to the next. A power law with an exponent of a half has 0.6 where η is 3. At the second rung
    /// curves are still gathering speed: on made-up ones, 1 to 4.
    private static let later = 0.6
    private static let atSecond = 2.5

    /// Losses and falls beyond have no squares.
    private static let most = 1e75

    /// - Parameters:
    ///   - losses: of one trial at the rungs it passed, the last of them new.
    ///   - first: the rung of the first of them.
    mutating func learn(from losses: [Loss], first: Int) {
        guard losses.count >= 3 else { return }
        let values = losses.suffix(3).map { $0.value.clamped(to: -Self.most...Self.most) }
        steps[first + losses.count - 2].add(
            fall: values[0] - values[1], loss: values[1], next: values[1] - values[2])
        learned += 1
    }

    /// Whether so much was learned since forecasts were last made again that they had better be: at every
    /// count at first, later where it has grown by an eighth.
    var isDue: Bool {
        let digits = max(0, Int.bitWidth - learned.leadingZeroBitCount - 4)
        return learned & ((1 << digits) - 1) == 0
    }

    /// The loss at the end of a trial with these losses at the rungs so far; finite. At its first rung
    /// nothing has fallen yet, and the loss itself decides.
    func end(of losses: some BidirectionalCollection<Loss>, first: Int) -> Double {
        guard let last = losses.last?.value, losses.count >= 2 else { return losses.last?.value ?? 0 }
        let before = losses[losses.index(losses.endIndex, offsetBy: -2)].value
        var loss = last.clamped(to: -Self.most...Self.most)
        var fall = before.clamped(to: -Self.most...Self.most) - loss
        for step in steps[(first + losses.count - 1)...] {
            fall = step.next(fall: fall, loss: loss)
            loss -= fall
        }
        return loss
    }
}

/// From one rung to the next: sums of squares and products about the means, updated one by one (Welford 1962).
private struct Step: Hashable, Codable, Sendable {
    let prior: Double
    private var count = 0.0
    private var meanFall = 0.0
    private var meanLoss = 0.0
    private var meanNext = 0.0
    private var fallFall = 0.0
    private var fallLoss = 0.0
    private var lossLoss = 0.0
    private var fallNext = 0.0
    private var lossNext = 0.0

    init(prior: Double) { self.prior = prior }

    /// For so many trials the assumption counts.
    private static let priorWeight = 3.0
    /// Beyond these a forecast is not believed.
    private static let falls = -0.5...4.0
    private static let losses = -1.0...1.0

    mutating func add(fall: Double, loss: Double, next: Double) {
        count += 1
        let (aside, above, ahead) = (fall - meanFall, loss - meanLoss, next - meanNext)
        meanFall += aside / count
        meanLoss += above / count
        meanNext += ahead / count
        fallFall += aside * (fall - meanFall)
        fallLoss += aside * (loss - meanLoss)
        lossLoss += above * (loss - meanLoss)
        fallNext += aside * (next - meanNext)
        lossNext += above * (next - meanNext)
    }

    func next(fall: Double, loss: Double) -> Double {
        let (ofFall, ofLoss) = coefficients
        return meanNext + ofFall * (fall - meanFall) + ofLoss * (loss - meanLoss)
    }

    /// In units of each predictor's spread, so that the prior weighs alike and nothing overflows.
    private var coefficients: (fall: Double, loss: Double) {
        guard count >= 2, fallFall > 0, lossLoss > 0 else { return (prior, 0) }
        let (fallSpread, lossSpread) = (fallFall.squareRoot(), lossLoss.squareRoot())
        let ridge = Self.priorWeight / count
        let shared = fallLoss / fallSpread / lossSpread
        let a = fallNext / fallSpread + ridge * prior * fallSpread
        let b = lossNext / lossSpread
        let determinant = (1 + ridge) * (1 + ridge) - shared * shared
        let ofFall = ((1 + ridge) * a - shared * b) / determinant / fallSpread
        let ofLoss = ((1 + ridge) * b - shared * a) / determinant / lossSpread
        guard ofFall.isFinite, ofLoss.isFinite else { return (prior, 0) }
        return (ofFall.clamped(to: Self.falls), ofLoss.clamped(to: Self.losses))
    }
}
