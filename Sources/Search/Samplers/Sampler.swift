public import FleetModel

/// What a sampler knows of one trial.
public struct Observation: Hashable, Codable, Sendable {
    public enum Result: Hashable, Codable, Sendable {
        /// Proposed, and not ended yet.
        case running
        case complete(Loss)
        /// Stopped by a pruner after `step`, where it had this loss.
        case pruned(step: Int, Loss)
        /// Ended through its own assignment: not-a-number, out of memory. Faults of the infrastructure
        /// are not observations.
        case failed
    }

    public let assignment: Assignment
    public let result: Result

    public init(_ assignment: Assignment, _ result: Result) {
        self.assignment = assignment
        self.result = result
    }
}

/// An assignment to try, and why.
public struct Proposal: Hashable, Codable, Sendable {
    public let assignment: Assignment
    public let reason: ProposalReason

    public init(_ assignment: Assignment, _ reason: ProposalReason) {
        self.assignment = assignment
        self.reason = reason
    }
}

public enum ProposalReason: Hashable, Codable, Sendable, CustomStringConvertible {
    case random
    /// Given by the study: the incumbent of the stage before.
    case enqueued
    /// The `number`th (from 1) of the random trials with which a model-based sampler begins.
    case startup(number: Int, of: Int)
    /// From a model of `observations` ended or running trials, of which `good` count as good.
    case model(observations: Int, good: Int)
    /// The `point`th (from 1) of a grid of `of` points.
    case grid(point: Int, of: Int)
    /// The `point`th (from 1) of Sobol's sequence in so many dimensions.
    case sobol(point: Int, dimensions: Int)

    public var description: String {
        switch self {
        case .random: "random"
        case .enqueued: "the best of the stage before"
        case .startup(let number, let count): "random, startup \(number) of \(count)"
        case .model(let observations, let good): "model on \(observations) observations, \(good) of them good"
        case .grid(let point, let count): "grid point \(point) of \(count)"
        case .sobol(let point, let dimensions): "Sobol point \(point) in \(dimensions) dimensions"
        }
    }
}

/// Proposes assignments. A sampler holds its options only: what it knows comes with each call, so the same
/// space, history and generator give the same answer.
public protocol Sampler: Hashable, Codable, Sendable {
    /// - Parameter history: every observation so far, in the order of proposal, running trials included.
    /// - Returns: a proposal inside `space`, or nil when there is nothing left to try.
    func propose(
        in space: Space, history: [Observation], using generator: inout SeededGenerator
    ) -> Proposal?
}

/// Every sampler there is, by the name it has in study files. A new one touches its own file and this one.
public enum SamplerKind: Sampler {
    case random(RandomSampler)
    case grid(GridSampler)
    case tpe(TPESampler)
    case sobol(SobolSampler)

    /// The `kind`s of a study file, for error messages.
    public static let names = ["random", "grid", "tpe", "sobol"]

    public func propose(
        in space: Space, history: [Observation], using generator: inout SeededGenerator
    ) -> Proposal? {
        switch self {
        case .random(let sampler): sampler.propose(in: space, history: history, using: &generator)
        case .grid(let sampler): sampler.propose(in: space, history: history, using: &generator)
        case .tpe(let sampler): sampler.propose(in: space, history: history, using: &generator)
        case .sobol(let sampler): sampler.propose(in: space, history: history, using: &generator)
        }
    }
}
