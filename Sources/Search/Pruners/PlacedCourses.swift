import FleetModel

/// How losses go on from each rung to the next, learned from the trials that went on: by ridge regression, what
/// a loss still falls, from where its trial lies in the space (places and their squares), from its height and
/// from its fall since the rung before. Put together from rung to rung this forecasts losses at the end.
///
/// So it knows that what learns slowly still falls, such as a small learning rate, or that what learned fast
/// will overfit, even at the first rung, where a curve has no shape yet. Only trials that did well go on; that
/// does not bend a regression on what they were chosen by.
struct PlacedCourses: Hashable, Codable, Sendable {
    /// By rung: the step from it to the next.
    private var steps: [CourseStep]
    /// How many steps of trials were learned from.
    private var learned = 0

    init(rungs: Int) {
        steps = (0..<rungs).map { CourseStep(prior: $0 == 0 ? 0 : Self.slowing) }
    }

    /// What is assumed before there is anything to learn from: of how much a loss fell to a rung, so much does it
    /// fall to the next. A power law with an exponent of a half has 0.6 where η is 3.
    private static let slowing = 0.6

    /// Whether enough was learned for a decision to go by forecasts. Before that they are little more than what is
    /// assumed, and a study of few trials would give its good ones up for slow ones that are to fall some day.
    var isGrounded: Bool { learned >= Self.ground }

    /// Forecasts are made again just then: see `isDue`.
    private static let ground = 16

    /// Losses and falls beyond have no squares.
    private static let most = 1e75

    private static func bounded(_ loss: Loss) -> Double { loss.value.clamped(to: -most...most) }

    /// - Parameters:
    ///   - losses: of one trial at the rungs it passed, the last of them new.
    ///   - first: the rung of the first of them.
    ///   - places: of the trial, as many as all others have (`History.coordinates(of:)`).
    mutating func learn(
        from losses: some BidirectionalCollection<Loss>, first: Int, at places: ArraySlice<Double>
    ) {
        guard losses.count >= 2 else { return }
        let before = Course(losses.dropLast()).state
        let loss = losses.last.map(Self.bounded) ?? 0
        steps[first + losses.count - 2].learn(before, at: places, next: before.loss - loss)
        learned += 1
    }

    /// Learns as `learn` does, and makes use of it once it is much.
    /// - Returns: whether forecasts are to be made again.
    mutating func follow(_ losses: [Loss], first: Int, at places: [Double]) -> Bool {
        learn(from: losses, first: first, at: places[...])
        guard losses.count >= 2, isDue else { return false }
        fit()
        return true
    }

    /// Makes use of what was learned since.
    mutating func fit() {
        for index in steps.indices { steps[index].fit() }
    }

    /// Whether so much was learned since forecasts were last made again that they had better be: at every
    /// count at first, later where it has grown by an eighth.
    private var isDue: Bool {
        let digits = max(0, Int.bitWidth - learned.leadingZeroBitCount - 4)
        return learned & ((1 << digits) - 1) == 0
    }

    /// The loss at the end that a decision goes by; nil before enough was learned.
    func forecast(
        of losses: some BidirectionalCollection<Loss>, first: Int, at places: [Double]
    ) -> Double? {
        isGrounded ? end(of: losses, first: first, at: places[...]).loss : nil
    }

    /// The loss at the end of a trial with these losses at the rungs so far, at least one, and how far off that
    /// is, as a variance; both finite.
    func end(
        of losses: some BidirectionalCollection<Loss>, first: Int, at places: ArraySlice<Double>
    ) -> (loss: Double, variance: Double) {
        var course = Course(losses)
        places.withUnsafeBufferPointer { places in
            for step in (first + losses.count - 1)..<steps.count { course.go(on: steps[step], at: places) }
        }
        let most = Double.greatestFiniteMagnitude
        return (
            course.state.loss.isFinite ? course.state.loss : losses.last?.value ?? 0,
            course.variance.isFinite ? course.variance : most
        )
    }

    /// A trial on its way.
    private struct Course {
        private(set) var state: CourseState
        /// Of the loss, of the fall, and what they have in common.
        private(set) var variance = 0.0
        private var ofFall = 0.0
        private var common = 0.0

        init(_ losses: some BidirectionalCollection<Loss>) {
            let loss = losses.last.map(bounded) ?? 0
            let before = losses.dropLast().last.map(bounded) ?? loss
            state = CourseState(fall: before - loss, loss: loss)
        }

        mutating func go(on step: CourseStep, at places: UnsafeBufferPointer<Double>) {
            let fall = step.next(state, at: places)
            let (a, b) = step.slopes
            let withLoss = a * common + b * variance
            ofFall = a * a * ofFall + 2 * a * b * common + b * b * variance + step.noise
            variance = max(0, variance - 2 * withLoss + ofFall)
            common = withLoss - ofFall
            state.fall = fall
            state.loss -= fall
        }
    }
}

/// What a trial's next fall is predicted from, besides its places and their squares about the middle: its last fall,
/// and its loss.
private struct CourseState {
    var fall: Double
    var loss: Double

    static func square(_ place: Double) -> Double { 4 * (place - 0.5) * (place - 0.5) }

    /// All predictors.
    func write(with places: ArraySlice<Double>, to predictors: UnsafeMutablePointer<Double>) {
        (predictors[0], predictors[1]) = (fall, loss)
        for (index, place) in places.enumerated() {
            predictors[2 + index] = place
            predictors[2 + places.count + index] = Self.square(place)
        }
    }
}

/// From one rung to the next: sums of squares and products about the means, updated one by one (Welford 1962).
private struct CourseStep: Hashable, Codable, Sendable {
    let prior: Double
    private var count = 0.0
    private var means: [Double] = []
    private var meanNext = 0.0
    /// Of the predictors with each other, a packed lower triangle; with the next fall; of that with itself.
    private var products: [Double] = []
    private var withNext: [Double] = []
    private var nextNext = 0.0
    /// By predictor, how much more the loss falls; empty before there is anything to learn from.
    private var coefficients: [Double] = []
    /// The variance of what the regression leaves unexplained.
    private(set) var noise = 0.0
    private var isStale = false

    init(prior: Double) { self.prior = prior }

    /// For so many trials the assumption counts, and for so many that places make no difference.
    private static let priorWeight = 3.0
    private static let placesWeight = 10.0
    /// From so many trials on places are looked at.
    private static let fewest = 4.0
    /// Beyond these a forecast is not believed.
    private static let falls = -0.5...4.0
    private static let losses = -1.0...1.0

    mutating func learn(_ state: CourseState, at places: ArraySlice<Double>, next: Double) {
        let size = 2 + 2 * places.count
        guard means.isEmpty || means.count == size else { return }
        if means.isEmpty {
            means = [Double](repeating: 0, count: size)
            withNext = means
            products = [Double](repeating: 0, count: Cholesky.start(of: size))
        }
        count += 1
        isStale = true
        let ahead = next - meanNext
        meanNext += ahead / count
        nextNext += ahead * (next - meanNext)
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * size) { memory in
            guard let aside = memory.baseAddress else { return }
            let beside = aside + size
            state.write(with: places, to: beside)
            for index in 0..<size {
                aside[index] = beside[index] - means[index]
                means[index] += aside[index] / count
                beside[index] -= means[index]
                withNext[index] += aside[index] * (next - meanNext)
            }
            products.withUnsafeMutableBufferPointer { products in
                guard let products = products.baseAddress else { return }
                for index in 0..<size {
                    add(aside[index], beside, to: products + Cholesky.start(of: index), index + 1)
                }
            }
        }
    }

    /// Of the fall and of the loss.
    var slopes: (fall: Double, loss: Double) {
        coefficients.isEmpty ? (prior, 0) : (coefficients[0], coefficients[1])
    }

    func next(_ state: CourseState, at places: UnsafeBufferPointer<Double>) -> Double {
        let count = places.count
        guard coefficients.count == 2 + 2 * count else {
            return meanNext + prior * (state.fall - (means.first ?? 0))
        }
        return coefficients.withUnsafeBufferPointer { coefficients in
            means.withUnsafeBufferPointer { means in
                var fall = meanNext + coefficients[0] * (state.fall - means[0])
                fall += coefficients[1] * (state.loss - means[1])
                for index in 0..<count {
                    fall += coefficients[2 + index] * (places[index] - means[2 + index])
                }
                for index in 0..<count {
                    let square = CourseState.square(places[index])
                    fall += coefficients[2 + count + index] * (square - means[2 + count + index])
                }
                return fall
            }
        }
    }

    /// In units of each predictor's spread, so that the priors weigh alike and nothing overflows.
    mutating func fit() {
        guard isStale else { return }
        (isStale, coefficients, noise) = (false, [], 2 * nextNext / (count + 2))
        guard count >= 2, square(1) > 0 else { return }
        let used = count < Self.fewest ? 2 : means.count
        let spreads = (0..<used).map { square($0).squareRoot() }
        var (matrix, right): ([Double], [Double]) = ([], [])
        for index in 0..<used {
            for other in 0...index {
                let isBoth = spreads[index] > 0 && spreads[other] > 0
                let shared = products[Cholesky.start(of: index) + other] / spreads[index] / spreads[other]
                matrix.append(isBoth ? shared : index == other ? 1 : 0)
            }
            matrix[matrix.count - 1] += (index < 2 ? Self.priorWeight : Self.placesWeight) / count
            right.append(spreads[index] > 0 ? withNext[index] / spreads[index] : 0)
        }
        right[0] += Self.priorWeight / count * prior * spreads[0]
        let scaled = Cholesky(matrix, count: used).solve(right)
        var found = means.map { _ in 0.0 }
        for index in 0..<used where spreads[index] > 0 { found[index] = scaled[index] / spreads[index] }
        if spreads[0] == 0 { found[0] = prior }
        guard found.allSatisfy(\.isFinite) else { return }
        found[0] = found[0].clamped(to: Self.falls)
        found[1] = found[1].clamped(to: Self.losses)
        coefficients = found
        noise = (unexplained + 2 * nextNext / count) / (max(count - 2, 0.5) + 2)
    }

    private func square(_ index: Int) -> Double { products[Cholesky.start(of: index + 1) - 1] }

    /// The sum of squares that the coefficients leave.
    private var unexplained: Double {
        var sum = nextNext
        for index in means.indices {
            sum -= 2 * coefficients[index] * withNext[index]
            for other in 0...index {
                let product = products[Cholesky.start(of: index) + other]
                sum += (other == index ? 1 : 2) * coefficients[index] * coefficients[other] * product
            }
        }
        return max(0, sum)
    }
}
