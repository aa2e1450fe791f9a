public import FleetModel

/// Population-based training (Jaderberg et al. 2017, algorithm 1, with the truncation selection of its
/// section 4): whenever a trial has trained for another `interval` steps, and stands in the worst share of
/// the population by latest losses, it takes over the checkpoint of one drawn from the best share, with
/// parameters that `Space.explored` moves. Trials are asynchronous, as in the paper: latest losses are
/// compared whatever their steps, so the trials of a population had better begin together. Of fewer than
/// four trials none is copied.
public struct PopulationPruner: Pruner {
    /// Steps from one decision about a trial to the next, at least 1.
    public let interval: Int
    /// From this step on, where a trial ends, nothing is decided.
    public let maxStep: Int
    /// The worst such share takes over from the best; from above 0 to a half. Rounded up to whole trials,
    /// never more than half of them.
    public let share: Double
    /// Draws whose checkpoint is taken over.
    private var generator: SeededGenerator
    /// Of running trials.
    private var members: [TrialID: Member] = [:]
    /// The same members by latest loss, the best first.
    private var ranking = SortedList<Score>()

    private struct Member: Hashable, Codable, Sendable {
        var lastStep: Int
        /// Reports from this step on are decided.
        var next: Int
        /// nil from taking over until the next decision: there is no checkpoint to take over from it.
        var score: Score?
    }

    private struct Score: Hashable, Codable, Sendable, Comparable {
        let loss: Loss
        let trial: TrialID
        let step: Int

        static func < (a: Score, b: Score) -> Bool { (a.loss, a.trial) < (b.loss, b.trial) }
    }

    public init(interval: Int, maxStep: Int = .max, share: Double = 0.2, seed: UInt64 = 0) {
        precondition(interval >= 1, "a population is compared every step or less often")
        precondition(maxStep >= 1, "a trial has at least one step")
        precondition(share > 0 && share <= 0.5, "a share of the population is above 0 and at most a half")
        self.interval = interval
        self.maxStep = maxStep
        self.share = share
        generator = SeededGenerator(seed: seed)
    }

    public mutating func judge(_ trial: TrialID, step: Int, loss: Loss) -> Verdict {
        var member = members[trial] ?? Member(lastStep: 0, next: interval)
        guard step < maxStep, step > member.lastStep else { return .go }
        defer { members[trial] = member }
        member.lastStep = step
        guard step >= member.next else { return .go }
        member.next = (step / interval).saturatingSum(1).saturatingProduct(interval)
        if let old = member.score { ranking.remove(old) }
        let score = Score(loss: loss, trial: trial, step: step)
        let position = ranking.insert(score) + 1
        member.score = score
        let count = ranking.count
        let replaced = min(Int((Double(count) * share).rounded(.up)), count / 2)
        guard count >= 4, position > count - replaced else { return .go }
        let best = ranking[Int(generator.unit() * Double(replaced))]
        ranking.remove(score)
        member.score = nil
        return .exploit(
            Exploit(
                from: best.trial, step: best.step, loss: best.loss, position: position, of: count,
                replaced: replaced))
    }

    public func nextDecision(of trial: TrialID) -> Int? { min(members[trial]?.next ?? interval, maxStep) }

    public mutating func ended(_ trial: TrialID) {
        if let score = members.removeValue(forKey: trial)?.score { ranking.remove(score) }
    }
}
