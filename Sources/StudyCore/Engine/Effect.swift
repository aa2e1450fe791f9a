public import FleetModel
public import Search

/// What is to be done, in order. Each is safe to repeat: after a crash `Engine.outstanding` names those
/// that may not have been done yet.
public enum Effect: Hashable, Codable, Sendable {
    case launch(RunOrder)
    case stop(run: RunID, nodes: [NodeID], because: StopReason)
    /// Put this checkpoint among the results as the best of its stage; answered by `checkpointKept`.
    case keep(checkpoint: Checkpoint, node: NodeID, stage: Int)
    /// Copy this checkpoint to these nodes: from whichever of `from` can be read, or from the study's results
    /// where there is none. Answered for each node by `checkpointArrived` or `checkpointUnreachable`.
    case bring(checkpoint: Checkpoint, from: [NodeID], to: [NodeID])
    /// These checkpoints are needed by nothing any more. One that is on its way to the node need not arrive.
    case remove(checkpoints: [Checkpoint], node: NodeID)
    /// A decision was taken: tell people.
    case tell(Decision)
    /// A trial ended: write its results.
    case record(trial: TrialID)
    /// Send `clockReached` at that moment.
    case wake(at: Timestamp)
    /// Nothing is left to do.
    case finish(StudyEnding)
}

/// A run to start.
public struct RunOrder: Hashable, Codable, Sendable {
    public let run: RunID
    public let lease: Lease
    public let assignment: Assignment
    public let start: RunStart
    public let steps: Int
    /// The last so many of them take the learning rate down.
    public let cooldown: Int
    /// The same for all trials of a stage but repeats, so that they see the same data and start from the same weights.
    public let seed: UInt64
}

/// How a study ended.
public enum StudyEnding: Hashable, Codable, Sendable {
    case completed
    case budgetSpent(BudgetSpent)
    /// Paused by a person; starting again goes on.
    case stopped
    case failed(StudyFailure)
}

/// Which budget is spent.
public enum BudgetSpent: Hashable, Codable, Sendable {
    case trials(limit: Int)
    case gpuHours(spent: Double, limit: Double)
    case wallHours(spent: Double, limit: Double)
}

/// Why a study cannot go on.
public enum StudyFailure: Hashable, Codable, Sendable {
    /// No trial of the stage completed; one of the failures stands for all.
    case noResult(stage: Int, trials: Int, failed: Int, example: TrialID?)
    /// The best trial of the stage left no checkpoint for the next stage to start from.
    case noCheckpoint(stage: Int, best: TrialID)
}

/// What the engine decided and why, with the numbers that decided it.
public enum Decision: Hashable, Codable, Sendable {
    case stageOpened(stage: Int, from: Checkpoint?)
    /// The space of a stage, parameter by parameter, where it is narrower than the study's.
    case narrowed(stage: Int, to: [Window])
    case proposed(trial: TrialID, assignment: Assignment, because: ProposalReason)
    /// A rung was passed.
    case promoted(trial: TrialID, because: Standing)
    case pruned(trial: TrialID, because: PruneReason)
    /// `loss` is the score, `last` what the trainer reported last.
    case completed(trial: TrialID, loss: Loss, last: Loss, position: Int, of: Int)
    case failed(trial: TrialID, because: TrialFailure)
    case retried(run: RunID, because: RunFailure, from: Checkpoint?)
    /// A node did not start the trial now. It waits; nothing is held against it.
    case refused(trial: TrialID, because: String)
    case stageClosed(
        stage: Int, best: TrialID, because: ChoiceReason, loss: Loss, completed: Int, pruned: Int,
        failed: Int)
    /// The pilot's trials have come to the end of a segment: they go on to `next`, or the stages take as many
    /// steps as they have.
    case pilotJudged(stage: Int, PilotFindings, next: Int?)
    /// An assignment is left out, because no model can be made of it.
    case skipped(stage: Int, assignment: Assignment, because: String)
    /// A trial has come to a rung and waits there without a place.
    case waiting(trial: TrialID, because: Standing)
    /// It came furthest of those that wait, and no other would complete: it goes on to the end.
    case finishing(trial: TrialID)
    /// A trial is not run again with other seeds: it lost by `difference`, where seeds make `noise`.
    case notRepeated(trial: TrialID, difference: Double, noise: Double)
    /// The best are run again with another seed.
    case confirming(stage: Int, trials: [TrialID])
    /// Nothing of the stage completed: it is tried again, once, around the best of the stage before.
    case fellBack(stage: Int, failed: Int)
    case budgetSpent(BudgetSpent)
    /// The sampler has nothing left to try after so many trials `of` those planned.
    case exhausted(stage: Int, trials: Int, of: Int)
    case pausing(running: Int)
    case noted(run: RunID, text: String)
    case replanned(overrides: [Override])
    case inherited(from: StudyID, stages: Int)
    /// It is tried again; what waits for it may begin elsewhere meanwhile.
    case notBrought(checkpoint: Checkpoint, node: NodeID, because: String)
}
