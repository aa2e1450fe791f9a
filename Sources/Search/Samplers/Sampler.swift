public import FleetModel

/// An assignment to try, and why.
public struct Proposal: Hashable, Codable, Sendable {
    public let assignment: Assignment
    public let reason: ProposalReason

    public init(_ assignment: Assignment, _ reason: ProposalReason) {
        self.assignment = assignment
        self.reason = reason
    }

    /// nil where nothing was `drawn` (`Space.draw`).
    init?(_ drawn: Assignment?, _ reason: ProposalReason) {
        guard let drawn else { return nil }
        self.init(drawn, reason)
    }
}

public indirect enum ProposalReason: Hashable, Codable, Sendable, CustomStringConvertible {
    case random
    /// Given by the study: the incumbent of the stage before.
    case enqueued
    /// Given by the study: what its prior expects.
    case prior
    /// Given by the study: a schedule that is replayed.
    case scheduled
    /// Given by the study: the `number`th (from 1) of a list of `of`.
    case listed(number: Int, of: Int)
    /// Given by the study together with its result: nothing is run.
    case given
    /// Asked for once more by a person, after trial `of`.
    case retried(of: TrialID)
    /// The model that others are to be better than.
    case baseline
    /// The baseline with one parameter raised.
    case grown(parameter: String, by: Double)
    /// The next piece of a population's member.
    case member(Membership)
    /// Trial `number` of the stage again, with another seed: the `time`th (from 1) repeat.
    case repeated(number: Int, time: Int)
    /// The `number`th (from 1) of the random trials with which a model-based sampler begins.
    case startup(number: Int, of: Int)
    /// From a model of `observations` ended or running trials, of which `good` count as good.
    case model(observations: Int, good: Int)
    /// From a Gaussian process on `observations` trials, `running` ones taken as they are predicted to end.
    case gaussianProcess(observations: Int, running: Int)
    /// The `point`th (from 1) of a grid of `of` points.
    case grid(point: Int, of: Int)
    /// The `point`th (from 1) of Sobol's sequence in so many dimensions.
    case sobol(point: Int, dimensions: Int)
    /// From the distribution after so many `updates`, one for each generation of `population` trials.
    case generation(updates: Int, population: Int)
    /// A child of two of the `parents` best trials.
    case offspring(parents: Int)

    /// The choice of `AutoSampler`, and the reason of the sampler that it chose.
    case auto(AutoChoice, ProposalReason)

    /// The reason of the sampler that proposed, whoever chose it.
    public var core: ProposalReason {
        if case .auto(_, let reason) = self { reason.core } else { self }
    }

    public var description: String {
        switch self {
        case .auto(let choice, let reason): "\(choice): \(reason)"
        case .random: "random"
        case .enqueued: "the best of the stage before"
        case .prior: "the study's prior"
        case .scheduled: "the schedule"
        case .listed(let number, let count): "number \(number) of \(count) in the list"
        case .given: "given with its result"
        case .retried(let trial): "trial \(trial) once more, as asked for"
        case .baseline: "the baseline"
        case .grown(let parameter, let amount): "the baseline with \(parameter) + \(short(amount))"
        case .member(let membership): "\(membership)"
        case .repeated(let number, let time): "trial \(number) again with another seed, repeat \(time)"
        case .startup(let number, let count): "random, startup \(number) of \(count)"
        case .model(let observations, let good): "model on \(observations) observations, \(good) of them good"
        case .gaussianProcess(let observations, 0): "Gaussian process on \(observations) observations"
        case .gaussianProcess(let observations, let running):
            "Gaussian process on \(observations) observations, \(running) running"
        case .grid(let point, let count): "grid point \(point) of \(count)"
        case .sobol(let point, let dimensions): "Sobol point \(point) in \(dimensions) dimensions"
        case .generation(let updates, let population):
            "distribution after \(updates) generations, now of \(population) trials"
        case .offspring(let parents): "child of two of the best \(parents)"
        }
    }
}

/// Which piece of which member of a population a trial is.
public struct Membership: Hashable, Codable, Sendable, CustomStringConvertible {
    /// From 0.
    public let member: Int
    /// From 0; the first pieces are generation 0.
    public let generation: Int
    /// nil: it goes on from its own state with its own parameters.
    public let tookOver: Exploit?

    public init(member: Int, generation: Int, tookOver: Exploit? = nil) {
        self.member = member
        self.generation = generation
        self.tookOver = tookOver
    }

    public var description: String {
        "member \(member), generation \(generation)"
            + (tookOver.map { ": \($0)" } ?? ": goes on with what it has")
    }
}

/// Proposes assignments. Besides its options a sampler keeps at most a `Memo`, so the same history and generator
/// give the same answer, and a copy shares nothing with the original.
public protocol Sampler: Hashable, Codable, Sendable {
    /// - Returns: a proposal inside the history's space, or nil when there is nothing left to try.
    mutating func propose(from history: History, using generator: inout SeededGenerator) -> Proposal?
}

/// Every sampler there is, by the name it has in study files. A new one touches its own file and this one.
public enum SamplerKind: Sampler {
    case random(RandomSampler)
    case grid(GridSampler)
    case tpe(TPESampler)
    case sobol(SobolSampler)
    case gp(GPSampler)
    case cmaes(CMAESSampler)
    case nsga2(NSGA2Sampler)
    case auto(AutoSampler)

    /// The `kind`s of a study file, for error messages.
    public static let names = ["random", "grid", "tpe", "sobol", "gp", "cmaes", "nsga2", "auto"]

    /// As the sampler proposes. What the space's constraints forbid, or a trial that runs has already, is asked again,
    /// `patience` times, and then drawn, so that no sampler need know of either; the better it does, the less is drawn.
    public mutating func propose(
        from history: History, using generator: inout SeededGenerator
    ) -> Proposal? {
        propose(from: history, repeatsRunning: false, using: &generator)
    }

    /// - Parameter repeatsRunning: what runs is as good as anything else, as in studies of older versions.
    public mutating func propose(
        from history: History, repeatsRunning: Bool, using generator: inout SeededGenerator
    ) -> Proposal? {
        var repeated: Proposal?
        for _ in 0..<Self.patience {
            guard let proposal = ask(history, &generator) else { return nil }
            guard history.space.allows(proposal.assignment) else { continue }
            guard !repeatsRunning, history.isRunning(proposal.assignment) else { return proposal }
            repeated = proposal
        }
        guard let repeated else { return Proposal(history.space.draw(using: &generator), .random) }
        return Proposal(history.drawIdle(using: &generator), .random) ?? repeated
    }

    private static let patience = 8

    private mutating func ask(_ history: History, _ generator: inout SeededGenerator) -> Proposal? {
        switch self {
        case .random(let sampler): propose(with: sampler, as: Self.random, history, &generator)
        case .grid(let sampler): propose(with: sampler, as: Self.grid, history, &generator)
        case .tpe(let sampler): propose(with: sampler, as: Self.tpe, history, &generator)
        case .sobol(let sampler): propose(with: sampler, as: Self.sobol, history, &generator)
        case .gp(let sampler): propose(with: sampler, as: Self.gp, history, &generator)
        case .cmaes(let sampler): propose(with: sampler, as: Self.cmaes, history, &generator)
        case .nsga2(let sampler): propose(with: sampler, as: Self.nsga2, history, &generator)
        case .auto(let sampler): propose(with: sampler, as: Self.auto, history, &generator)
        }
    }

    /// With the options that a file gives it, by this version's rules.
    public var current: Self {
        switch self {
        case .tpe(let old): .tpe(TPESampler(startup: old.startup, candidates: old.candidates))
        case .gp(let old): .gp(GPSampler(startup: old.startup, candidates: old.candidates))
        case .auto(let old): .auto(old.current)
        case .random, .grid, .sobol, .cmaes, .nsga2: self
        }
    }

    /// Whether it seeks what is good in any mix of objectives; the others go by the first one alone.
    public var supportsSeveralObjectives: Bool {
        switch self {
        case .random, .grid, .sobol, .tpe, .gp, .nsga2, .auto: true
        case .cmaes: false
        }
    }

    /// Empties `self` for the time of the call: two owners would have a memo copied each time.
    private mutating func propose<S: Sampler>(
        with sampler: consuming S, as kind: (S) -> Self, _ history: History,
        _ generator: inout SeededGenerator
    ) -> Proposal? {
        self = .random(RandomSampler())
        let proposal = sampler.propose(from: history, using: &generator)
        self = kind(sampler)
        return proposal
    }
}
