public import FleetModel

/// Something that happened, and when. Events are all that an engine ever learns.
public struct Event: Hashable, Codable, Sendable {
    public let at: Timestamp
    public let what: Happening

    public init(at: Timestamp, _ what: Happening) {
        self.at = at
        self.what = what
    }
}

/// What happened. Whatever a run says carries the offset just after it in the run's `events.jsonl`; an
/// offset that is not past the last one applied is old news and refused.
public enum Happening: Hashable, Codable, Sendable {
    /// A coordinator took up the study, for the first time or again.
    case started
    /// A node answered: the slots that it offers, with the reason where one cannot be had. Where it could not tell
    /// what it has, `failure` is why: that is not the same as having nothing.
    case nodeSurveyed(node: NodeID, slots: [OfferedSlot], failure: String? = nil)
    /// A node is given up. Its runs are tried again elsewhere.
    case nodeLost(node: NodeID)
    case runStarted(run: RunID, end: Int)
    case reported(run: RunID, end: Int, report: Report)
    case checkpointSaved(run: RunID, end: Int, name: String, step: Int)
    case noted(run: RunID, end: Int, text: String)
    case runEnded(run: RunID, end: Int, ending: RunEnding)
    /// The node did not start this run, and never will. Its trial waits until the nodes of its
    /// lease are surveyed again.
    case launchRefused(run: RunID, reason: String)
    /// The node no longer has a run that had begun there.
    case runMissing(run: RunID)
    /// The best checkpoint of a stage stands among the study's results.
    case checkpointKept(stage: Int)
    /// The checkpoint that was to be brought lies on the node, whole.
    case checkpointArrived(checkpoint: Checkpoint, node: NodeID)
    /// It could not be brought there.
    case checkpointUnreachable(checkpoint: Checkpoint, node: NodeID, reason: String)
    /// A moment that `Effect.wake` asked for has come.
    case clockReached
    /// A person wants a trial that ended to be run once more: from a training state, or from where it began.
    case retryRequested(trial: TrialID, from: Checkpoint?)
    /// A person wants the study to pause.
    case stopRequested
    /// A person changed the plan: overrides of the study file, all that count from now on.
    indirect case replanned(Plan, overrides: [Override])
    /// The study begins with the stages of another.
    indirect case inherited(Ancestry)
}

/// A slot of a node, and why it cannot be had where it cannot.
public struct OfferedSlot: Hashable, Codable, Sendable {
    public let slot: Slot
    public let unavailable: String?

    public init(_ slot: Slot, unavailable: String? = nil) {
        self.slot = slot
        self.unavailable = unavailable
    }
}

/// An event that changes nothing, because it is old news or somebody's mistake. The engine is as it was.
public enum RefusedEvent: Error, Hashable, Sendable {
    /// The offset was applied before. Normal after a reconnection: drop it.
    case alreadyApplied(run: RunID, end: Int)
    /// The run is not its trial's current one. Normal after a node comes back: stop that run.
    case notCurrent(run: RunID)
    /// No such trial, node or stage was ever named. A bug or somebody else's news: log it.
    case unknown(what: String)
    /// The study has ended; nothing counts any more.
    case studyEnded
    /// Nothing would change.
    case noChange
}
