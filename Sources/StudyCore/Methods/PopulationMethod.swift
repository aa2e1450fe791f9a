import FleetModel
public import Search

/// Population-based training (Jaderberg et al. 2017, arXiv 1711.09846, algorithm 1): members train in pieces of
/// `steps`; after each piece a member of the worst share takes over the state (weights, optimiser and all that the
/// checkpoint holds) and the hyper-parameters of one of the best share, and moves those; all others go on with
/// what they have.
///
/// Each piece is a trial of its own, which starts from the state of another: so a population is leased, placed,
/// retried, written and drawn as everything else, and the pieces behind the winner are its schedule.
///
/// Otherwise than in the paper, members are compared at equal steps: a member that has come to generation g
/// with all who have come there, and not with what the slower ones reported last.
public struct PopulationMethod: Hashable, Codable, Sendable, MethodRules {
    /// Members; at least 2.
    public let population: Int
    /// Pieces of each member; at least 1.
    public let generations: Int
    /// Of a piece, before a cooldown.
    public let steps: Int
    /// The worst such share takes over from as many of the best; above 0 and at most a half. Rounded down to
    /// whole members, but one at least.
    public let share: Double
    /// Nobody goes on before all have come to the end of the generation.
    public let isSynchronous: Bool
    public let exploring: Exploring
    public let score: Score

    public init(
        population: Int, generations: Int, steps: Int, share: Double, isSynchronous: Bool = false,
        exploring: Exploring = Exploring(), score: Score = .last
    ) {
        precondition(population >= 2 && generations >= 1, "a population has members and pieces")
        precondition(share > 0 && share <= 0.5, "a share of the population is above 0 and at most a half")
        self.population = population
        self.generations = generations
        self.steps = steps
        self.share = share
        self.isSynchronous = isSynchronous
        self.exploring = exploring
        self.score = score
    }

    func scored(by score: Score) -> PopulationMethod {
        PopulationMethod(
            population: population, generations: generations, steps: steps, share: share,
            isSynchronous: isSynchronous, exploring: exploring, score: score)
    }

    var stageCount: Int { 1 }
    var trialsPerStage: Int { population }
    var mostTrials: Int { population * generations }
    var spreadsStartup: Bool { true }
    var startsWarm: Bool { true }

    func score(of trial: Trial, in stage: Stage) -> StageScore {
        score.rule(before: max(0, generations - 1 - trial.membership.generation))
    }

    func round(of trial: Trial) -> Int { trial.membership.generation }

    /// What members go on from.
    func kept(in stage: Stage) -> Set<Int>? {
        Set(latest(in: stage).compactMap { $0.completed?.id.number })
    }

    /// The best of those who came furthest: losses of different generations do not compare.
    func choice(in stage: Stage) -> Choice? {
        let standing = latest(in: stage).compactMap(\.completed)
        guard let furthest = standing.map(\.membership.generation).max() else { return nil }
        return standing.filter { $0.membership.generation == furthest }
            .min { ($0.result!, $0.id) < ($1.result!, $1.id) }
            .map { Choice(trial: $0.id, because: .lowest) }
    }

    func next(after stages: [Stage], original: Space) -> NextStep {
        .end(stages.last?.best == nil ? .failed(stages.withoutResult) : .completed)
    }

    // MARK: From piece to piece

    /// The latest pieces of a member.
    private struct Member {
        var latest: Trial
        var completed: Trial?
    }

    /// By member, as far as they have begun.
    private func latest(in stage: Stage) -> [Member] {
        var members: [Int: Member] = [:]
        for trial in stage.trials {
            let number = trial.membership.member
            var member = members[number] ?? Member(latest: trial)
            member.latest = trial
            if trial.result != nil { member.completed = trial }
            members[number] = member
        }
        return members.sorted { $0.key < $1.key }.map(\.value)
    }

    func followers(
        in stage: Stage, of space: Space, using random: inout SeededGenerator
    ) -> [PlannedTrial] {
        let members = latest(in: stage)
        guard members.count == population, members.contains(where: \.latest.hasEnded) else { return [] }
        let first = members.map(\.latest.membership.generation).min()!
        let isHeldUp =
            isSynchronous
            && members.contains { member in
                member.latest.membership.generation == first && !member.latest.hasEnded
            }
        guard !isHeldUp else { return [] }
        let scores = Dictionary(
            grouping: stage.trials.filter { $0.result != nil }, by: \.membership.generation)
        return members.compactMap { member in
            let generation = member.latest.membership.generation
            guard member.latest.hasEnded, generation + 1 < generations,
                !isSynchronous || generation == first
            else { return nil }
            return follower(
                of: member.latest, among: members, peers: scores[generation] ?? [], stage, space, &random)
        }
    }

    /// The next piece of a member; nil where there is no state that it could go on from.
    private func follower(
        of trial: Trial, among members: [Member], peers: [Trial], _ stage: Stage, _ space: Space,
        _ random: inout SeededGenerator
    ) -> PlannedTrial? {
        let (member, generation) = (trial.membership.member, trial.membership.generation + 1)
        let ranking = peers.sorted { ($0.result!, $0.id) < ($1.result!, $1.id) }
        let place = ranking.firstIndex { $0.id == trial.id } ?? ranking.count
        let count = max(ranking.count, place + 1)
        let replaced = min(max(1, Int(Double(count) * share)), count / 2)
        let isReplaced = place >= count - replaced && count > 1
        if !isReplaced, let own = trial.handover(at: steps), trial.result != nil {
            let reason = ProposalReason.member(Membership(member: member, generation: generation))
            return PlannedTrial(space.searched(trial.assignment), reason, from: own)
        }
        // Of those who were better at equal steps, in the state that they have come to meanwhile.
        let others = members.compactMap(\.completed).filter {
            $0.membership.member != member && $0.checkpoint != nil
        }
        let leaders = Set(ranking.prefix(max(1, replaced)).map(\.membership.member))
        let leading = others.filter { leaders.contains($0.membership.member) }
        let better = leading.isEmpty ? others : leading
        guard !better.isEmpty else { return nil }
        let source = better[Int(random.unit() * Double(better.count))]
        let exploit = Exploit(
            from: source.id, step: steps, loss: source.result!, position: place + 1, of: count,
            replaced: max(1, replaced))
        return PlannedTrial(
            space.explored(from: space.searched(source.assignment), by: exploring, using: &random),
            .member(Membership(member: member, generation: generation, tookOver: exploit)),
            from: source.handover(at: steps))
    }
}

extension Trial {
    /// Which piece of which member it is, in a population: the first trials are the members' first pieces.
    public var membership: Membership {
        if case .member(let membership) = reason { return membership }
        return Membership(member: id.number, generation: 0)
    }
}
