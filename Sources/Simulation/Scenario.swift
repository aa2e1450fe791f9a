import FleetModel
public import StudyCore

/// Everything that a simulation is made from: the same scenario gives the same simulation, bit for bit.
public struct Scenario: Hashable, Sendable {
    public var plan: Plan
    public var nodes: [NodeOffer]
    public var trainer: TrainerModel
    public var losses: LossModel
    public var faults: Faults
    public var seed: UInt64
    /// A study that has not ended after so much virtual time is stuck.
    public var horizonSeconds = Double.infinity
    /// One in which more than so much happens runs in a circle.
    public var occurrenceLimit = Int.max

    public init(
        plan: Plan, nodes: [NodeOffer], trainer: TrainerModel, losses: LossModel, faults: Faults, seed: UInt64
    ) {
        self.plan = plan
        self.nodes = nodes
        self.trainer = trainer
        self.losses = losses
        self.faults = faults
        self.seed = seed
    }
}
