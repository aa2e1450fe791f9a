public import FleetModel
public import Search

/// A trial that is to be made, whoever asked for it.
public struct PlannedTrial: Hashable, Codable, Sendable {
    public let assignment: Assignment
    public let reason: ProposalReason
    /// The training state that it starts from; nil: a new model.
    public let origin: Checkpoint?

    init(_ assignment: Assignment, _ reason: ProposalReason, from origin: Checkpoint? = nil) {
        self.assignment = assignment
        self.reason = reason
        self.origin = origin
    }
}

/// A trial whose result is known already.
public struct GivenTrial: Hashable, Codable, Sendable {
    public let assignment: Assignment
    public let reason: ProposalReason
    public let loss: Loss
    /// Metrics that the study decides by, beside the objective.
    public let measured: [String: Double]

    public init(
        _ assignment: Assignment, _ reason: ProposalReason, loss: Loss, measured: [String: Double] = [:]
    ) {
        self.assignment = assignment
        self.reason = reason
        self.loss = loss
        self.measured = measured
    }
}

/// What a stage begins with.
struct StageOpening {
    let space: Space
    /// The training state that the stage's trials start from; nil: a new model.
    let origin: Checkpoint?
    /// Trials that come before the sampler is asked.
    let planned: [PlannedTrial]
    /// Trials that need no run.
    var given: [GivenTrial] = []
    /// Assignments that were left out, each with the reason.
    var skipped: [(assignment: Assignment, reason: String)] = []
    /// How many trials the stage is to have, those given aside; nil: as many as the method says.
    var count: Int?
    /// Steps of each trial before a cooldown; nil: those of the method.
    var steps: Int?
    /// Why the space is where it is, see `Stage.windows`.
    var windows: [Window] = []

    init(space: Space, origin: Checkpoint?, planned: [PlannedTrial]) {
        self.space = space
        self.origin = origin
        self.planned = planned
    }

    /// A stage that tries these first, all from its origin.
    init(
        space: Space, origin: Checkpoint?, enqueued: [Assignment],
        reason: ProposalReason = .enqueued, steps: Int? = nil, windows: [Window] = []
    ) {
        self.init(
            space: space, origin: origin, planned: enqueued.map { PlannedTrial($0, reason, from: origin) })
        self.steps = steps
        self.windows = windows
    }

    /// A stage of just these.
    static func only(_ planned: [PlannedTrial], given: [GivenTrial] = [], in space: Space) -> Self {
        var opening = StageOpening(space: space, origin: nil, planned: planned)
        opening.given = given
        opening.count = planned.count
        return opening
    }
}
