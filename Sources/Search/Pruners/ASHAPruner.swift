public import FleetModel

/// Asynchronous successive halving, stopping type (Li et al. 2020, algorithm 2, in the form in which
/// Syne Tune and Optuna decide at once): at each rung a trial goes on if its loss is among the best
/// 1/`reductionFactor` of those recorded there so far, at least one; ties keep the earlier trial.
/// Told where trials lie in the space, it goes by forecasts of their losses at the end in the place of those at
/// the rung (`CourseRanks`), as `ASHAPromotion` does; otherwise it decides as those two do.
/// With several brackets each compares its own trials only, bracket `s` from the `s`th rung on.
public struct ASHAPruner: Pruner {
    /// Steps of the first rung, at least 1.
    public let minStep: Int
    /// η: each rung lies that many times further, at least 2.
    public let reductionFactor: Int
    /// Rungs lie below this step, where a trial ends anyway: from there on nothing is compared.
    public let maxStep: Int
    private let brackets: Brackets
    /// By bracket and by rung, counted from the bracket's first: the losses recorded there.
    private var losses: [[SortedList<Loss>]]
    /// At how many of its bracket's rungs a trial was recorded.
    private var passed: [TrialID: Int] = [:]

    /// nil in studies of versions that ranked by the losses: they go on as they began.
    private var courses: CourseRanks?

    /// - Parameter brackets: at least 1; at most one more than there are rungs is used.
    public init(minStep: Int, reductionFactor: Int = 3, maxStep: Int, brackets: Int = 1) {
        self.minStep = minStep
        self.reductionFactor = reductionFactor
        self.maxStep = maxStep
        self.brackets = Brackets(
            brackets, minStep: minStep, reductionFactor: reductionFactor, maxStep: maxStep)
        let rungs = self.brackets.rungs.count
        losses = (0..<self.brackets.count).map { Array(repeating: SortedList(), count: rungs - $0) }
        courses = CourseRanks(rungs: rungs, brackets: self.brackets.count)
    }

    public mutating func begin(_ trial: TrialID, at places: [Double]) { courses?.begin(trial, at: places) }

    public var rungs: [Int] { brackets.rungs }

    /// Decides every rung that the trial reached and that it was not recorded at, the lowest first, with the
    /// loss at hand: trainers need not report exactly at the rungs.
    public mutating func judge(_ trial: TrialID, step: Int, loss: Loss) -> Verdict {
        let bracket = brackets.bracket(of: trial.number)
        var (verdict, next) = (Verdict.go, passed[trial] ?? 0)
        guard step < maxStep, next < losses[bracket].count, brackets.rungs[bracket + next] <= step else {
            return verdict
        }
        repeat {
            let place = losses[bracket][next].insert(loss)
            let ranked = courses?.insert(trial, loss, bracket)
            let position = (ranked?.place ?? place) + 1
            let count = losses[bracket][next].count
            let standing = Standing(
                rung: brackets.rungs[bracket + next], position: position, of: count,
                kept: max(1, count / reductionFactor), bracket: brackets.name(of: bracket),
                forecast: ranked?.forecast)
            next += 1
            verdict = position <= standing.kept ? .pass(standing) : .stop(.outranked(standing))
            if position > standing.kept { break }
        } while next < losses[bracket].count && brackets.rungs[bracket + next] <= step
        passed[trial] = next
        return verdict
    }

    public func nextDecision(of trial: TrialID) -> Int? {
        let next = brackets.bracket(of: trial.number) + (passed[trial] ?? 0)
        return next < rungs.count ? rungs[next] : maxStep
    }
}

extension ASHAPruner {
    /// How many brackets there are.
    package var bracketCount: Int { brackets.count }

    /// Which bracket the trial of a stage with this number is in, from 0.
    package func bracket(of number: Int) -> Int { brackets.bracket(of: number) }

    /// The losses recorded at each rung of a bracket, the lowest rung first, best first.
    package func recorded(in bracket: Int) -> [[Loss]] { losses[bracket].map(\.elements) }

    /// As if a trial had been recorded at one rung of bracket 0, and at no other: for tests.
    package func recording(_ loss: Loss, rung: Int) -> ASHAPruner {
        var copy = self
        copy.losses[0][rung].insert(loss)
        return copy
    }
}
