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

extension Scenario: CustomStringConvertible {
    /// A few lines: what a person has to know to read its trace.
    public var description: String {
        let resources = plan.resources
        let trials =
            "\(plan.method.trialsPerStage) trials of \(plan.method.steps) steps in each of "
            + "\(plan.method.stageCount) stages, \(resources.gpus) slots a trial"
            + (resources.gpus > resources.gpusPerNode ? " (\(resources.gpusPerNode) a node)" : "")
            + (plan.budget.trials.map { ", \($0) trials in all" } ?? "")
        let script = faults.script.map { ["faults:"] + $0.map { "  \($0)" } } ?? []
        return (["seed \(seed): \(trials)", "fleet: \(fleet)"] + script).joined(separator: "\n")
    }
}

extension Scenario {
    /// `node0 with 4 slots, node1 with 2 slots`
    public var fleet: String {
        nodes.map { "\($0.id) with \($0.slots.count) slots" }.joined(separator: ", ")
    }

    /// Faults of the script that strike a node which is not there.
    public var strangers: [Fault] {
        let names = Set(nodes.map(\.id))
        return (faults.script ?? []).filter { $0.node.map { !names.contains($0) } ?? false }
    }
}
