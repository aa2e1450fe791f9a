public import FleetModel

/// Asynchronous successive halving, promotion type (Li et al. 2020, algorithm 2): a trial pauses at every
/// rung, and whenever a place is free the best paused trial among the best 1/η of a rung goes on to the
/// next, from the highest rung where there is one; otherwise a new trial begins.
///
/// Three things are added to the paper; `Benchmarks/multifidelity` measures what they bring.
/// - Once 16 rungs were passed, a rung ranks trials by a forecast of their loss at the end and not by the loss
///   itself. How losses go on from rung to rung is learned from the trials that went on and from where they lie in the space
///   (`PlacedCourses`), and the forecasts are made again as more is known. So a slow starter that falls steeply
///   passes one that has come to rest, and at the first rung, where nothing has fallen yet, one passes that lies
///   where others fell.
/// - Every tenth trial that goes on from the first rung is a probe from among all that wait there, whatever
///   its place: where early losses deceive, some of what looked bad is seen further on.
/// - Of two trials at a rung the better may go on already (1/η of them, rounded up), where the paper waits
///   for η: the upper rungs, without which there is no forecast, fill sooner.
///
/// A trial that passes several rungs between two reports is recorded at each of them, and pauses at the last.
/// Ties keep the earlier trial. With several brackets each compares its own trials only.
public struct ASHAPromotion: Pruner {
    /// Steps of the first rung, at least 1.
    public let minStep: Int
    /// η: each rung lies that many times further, at least 2.
    public let reductionFactor: Int
    /// Rungs lie below this step, where a trial ends anyway: from there on nothing is compared.
    public let maxStep: Int
    private let brackets: Brackets
    /// By bracket and by rung, counted from the bracket's first.
    private var ranks: [[Rung]]
    private var trials: [TrialID: Progress] = [:]
    /// nil in studies of versions that forecast by `courses` or, before that, by `falling`: they go on as they
    /// began.
    private var placed: PlacedCourses?
    private var courses: RungCourses?
    private var falling: Falling?
    /// nil in studies of versions whose standings said no forecast: they go on as they began.
    private let saysForecasts: Bool?

    private struct Rung: Hashable, Codable, Sendable {
        /// Everyone who came here.
        var all = SortedList<RungEntry>()
        /// Those who are paused here.
        var waiting = SortedList<RungEntry>()
    }

    private struct Progress: Hashable, Codable, Sendable {
        /// At the rungs passed so far.
        var losses: [Loss] = []
        /// Set while it is paused.
        var paused: Pause?
        /// Where it lies in the space; nil where nobody told.
        var places: [Double]?
    }

    private struct Pause: Hashable, Codable, Sendable {
        let step: Int
        var entry: RungEntry
    }

    /// - Parameter brackets: at least 1; at most one more than there are rungs is used.
    public init(minStep: Int, reductionFactor: Int = 3, maxStep: Int, brackets: Int = 1) {
        self.minStep = minStep
        self.reductionFactor = reductionFactor
        self.maxStep = maxStep
        self.brackets = Brackets(
            brackets, minStep: minStep, reductionFactor: reductionFactor, maxStep: maxStep)
        let rungs = self.brackets.rungs.count
        ranks = (0..<self.brackets.count).map { Array(repeating: Rung(), count: rungs - $0) }
        placed = PlacedCourses(rungs: rungs)
        saysForecasts = true
    }

    /// Before its first trial, with the same options, by this version's rules.
    var current: Self {
        Self(minStep: minStep, reductionFactor: reductionFactor, maxStep: maxStep, brackets: brackets.count)
    }

    public var rungs: [Int] { brackets.rungs }

    public mutating func begin(_ trial: TrialID, at places: [Double]) {
        if placed != nil { trials[trial, default: Progress()].places = places }
    }

    public mutating func judge(_ trial: TrialID, step: Int, loss: Loss) -> Verdict {
        let bracket = brackets.bracket(of: trial.number)
        let first = trials[trial]?.losses.count ?? 0
        guard step < maxStep, first < ranks[bracket].count, brackets.rungs[bracket + first] <= step else {
            return .go
        }
        var progress = trials[trial] ?? Progress()
        guard progress.paused == nil else { return .go }
        var standing: Standing?
        repeat {
            let rung = progress.losses.count
            progress.losses.append(loss)
            // Its entry at the rung before may be forecast again.
            trials[trial] = progress
            learn(from: progress, bracket)
            let entry = RungEntry(
                forecast: forecast(of: progress, bracket, rung),
                arrival: ranks[bracket][rung].all.count, trial: trial)
            let position = ranks[bracket][rung].all.insert(entry) + 1
            standing = self.standing(of: entry, position, bracket, rung)
            progress.paused = Pause(step: step, entry: entry)
        } while progress.losses.count < ranks[bracket].count
            && brackets.rungs[bracket + progress.losses.count] <= step
        if let paused = progress.paused {
            ranks[bracket][progress.losses.count - 1].waiting.insert(paused.entry)
        }
        trials[trial] = progress
        return standing.map(Verdict.pause) ?? .go
    }

    private mutating func learn(from progress: Progress, _ bracket: Int) {
        falling?.learn(from: progress.losses)
        courses?.learn(from: progress.losses, first: bracket)
        if progress.losses.count >= 3, courses?.isDue == true { forecastAgain() }
        if placed?.follow(progress.losses, first: bracket, at: progress.places ?? []) == true {
            forecastAgain()
        }
    }

    /// As it was, or is, at a rung that the trial passed.
    private func forecast(of progress: Progress, _ bracket: Int, _ rung: Int) -> Double {
        let losses = progress.losses.prefix(rung + 1)
        if let placed {
            return placed.forecast(of: losses, first: bracket, at: progress.places ?? [])
                ?? losses[rung].value
        }
        if let courses { return courses.end(of: losses, first: bracket) }
        let rungsLeft = ranks[bracket].count - rung
        return falling?.forecast(Array(losses), rungsLeft: rungsLeft) ?? losses[rung].value
    }

    /// Puts the trials of each rung in the order of their forecasts as they are now; at the first the loss decides
    /// where places do not count.
    private mutating func forecastAgain() {
        for bracket in ranks.indices {
            for rung in ranks[bracket].indices.dropFirst(placed == nil ? 1 : 0) {
                let known = ranks[bracket][rung]
                func now(_ trial: TrialID) -> Double? {
                    trials[trial].map { forecast(of: $0, bracket, rung) }
                }
                ranks[bracket][rung] = Rung(all: known.all.again(now), waiting: known.waiting.again(now))
                for entry in ranks[bracket][rung].waiting.elements {
                    trials[entry.trial]?.paused?.entry = entry
                }
            }
        }
    }

    /// The highest rung first; of brackets at the same step the one that began to compare first.
    public mutating func resume() -> Resumption? {
        for step in brackets.rungs.indices.reversed() {
            for bracket in ranks.indices where bracket <= step {
                if let resumption = resume(bracket, rung: step - bracket) { return resumption }
            }
        }
        return nil
    }

    private mutating func resume(_ bracket: Int, rung: Int) -> Resumption? {
        let (all, waiting) = (ranks[bracket][rung].all, ranks[bracket][rung].waiting)
        guard var entry = waiting.first else { return nil }
        var standing = standing(of: entry, all.rank(of: entry) + 1, bracket, rung)
        guard standing.position <= standing.kept else { return nil }
        let gone = all.count - waiting.count
        if falling == nil, rung == 0, gone % Self.probing == Self.probing - 1 {
            entry = waiting[Self.probe(number: gone / Self.probing, of: waiting.count)]
            standing = self.standing(of: entry, all.rank(of: entry) + 1, bracket, rung, isProbe: true)
        }
        guard let pause = trials[entry.trial]?.paused else { return nil }
        ranks[bracket][rung].waiting.remove(entry)
        trials[entry.trial]?.paused = nil
        return Resumption(trial: entry.trial, step: pause.step, standing: standing)
    }

    /// One of so many that go on from the first rung is a probe.
    private static let probing = 10

    /// Van der Corput's sequence spreads probes evenly over all places.
    private static func probe(number: Int, of count: Int) -> Int {
        let bits = SobolSequence.coordinate(of: UInt32(truncatingIfNeeded: number), dimension: 0)
        return Int(Double(bits) * 0x1p-32 * Double(count))
    }

    private func standing(
        of entry: RungEntry, _ position: Int, _ bracket: Int, _ rung: Int, isProbe: Bool = false
    ) -> Standing {
        let isSaid = saysForecasts == true && placed?.isGrounded == true
        let loss = isSaid ? trials[entry.trial]?.losses[rung] : nil
        let count = ranks[bracket][rung].all.count
        return Standing(
            rung: brackets.rungs[bracket + rung], position: position, of: count,
            kept: max(count / reductionFactor, count > 1 ? 1 : 0), bracket: brackets.name(of: bracket),
            isProbe: isProbe ? true : nil, forecast: loss.flatMap { entry.forecast(from: $0) })
    }

    public func nextDecision(of trial: TrialID) -> Int? {
        let next = brackets.bracket(of: trial.number) + (trials[trial]?.losses.count ?? 0)
        return next < rungs.count ? rungs[next] : maxStep
    }

    /// One that was paused never goes on; its place in the rung stays taken.
    public mutating func ended(_ trial: TrialID) {
        guard let progress = trials[trial], let paused = progress.paused else { return }
        let bracket = brackets.bracket(of: trial.number)
        ranks[bracket][progress.losses.count - 1].waiting.remove(paused.entry)
        trials[trial]?.paused = nil
    }
}

/// How much less losses fall from one rung to the next than they fell to this one. For a power law with
/// exponent `p` on rungs that lie a factor η apart it is η^-p, the same at all rungs.
struct Falling: Hashable, Codable, Sendable {
    /// Over all trials and rungs: the fall after a rung as a share of the fall before it.
    private var sum = 0.0
    private var count = 0.0

    /// What is assumed before there is anything to learn from: that of η = 3 and an exponent of about a half.
    private static let prior = 0.6
    /// For so many rungs passed the assumption counts.
    private static let priorWeight = 3.0
    /// A ratio of 1 would forecast that losses fall for ever.
    private static let most = 0.95

    /// - Parameter losses: of one trial at the rungs it passed, the last of them new.
    mutating func learn(from losses: [Loss]) {
        guard losses.count >= 3 else { return }
        let last = losses.count - 1
        let before = losses[last - 2].value - losses[last - 1].value
        // Where noise is all there is, a fall is as often followed by a rise: the shares must cancel out, and
        // none may outweigh the others.
        if before > 0 { sum += ((losses[last - 1].value - losses[last].value) / before).clamped(to: -1...1) }
        count += 1
    }

    /// From 0 to 0.95. Noise makes it smaller, as it should be: the less a fall says about the next.
    var ratio: Double {
        ((sum + Self.priorWeight * Self.prior) / (count + Self.priorWeight)).clamped(to: 0...Self.most)
    }

    /// The loss at the end of a trial with these losses at the rungs so far; finite.
    /// - Parameter rungsLeft: how often it still falls, the end included.
    func forecast(_ losses: [Loss], rungsLeft: Int) -> Double {
        let last = losses[losses.count - 1].value
        guard losses.count >= 2 else { return last }
        let (fall, ratio) = (losses[losses.count - 2].value - last, ratio)
        var (power, rest) = (1.0, 0.0)
        for _ in 0..<rungsLeft {
            power *= ratio
            rest += power
        }
        let end = last - fall * rest
        return end.clamped(to: -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude)
    }
}
