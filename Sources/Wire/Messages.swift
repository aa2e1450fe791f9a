public import FleetModel

/// Coordinator to agent. Every order is small and safe to repeat: a launch of a run that the agent
/// already has, a stop of one that has ended, change nothing.
public enum Order: Hashable, Codable, Sendable {
    /// Answered by `News.inventory`, now and whenever the inventory changes.
    case survey
    /// Tell me everything about this study's runs, each from the offset that I have (absent: 0).
    /// Answered by `News.runs` and then by `News.events` for what is there and for what comes.
    case follow(study: StudyID, offsets: [RunOffset])
    /// Start a run on the slots of `spec.slots`. Refused with `News.refused` when a slot is not free.
    case launch(launch: Launch)
    case stop(run: RunKey, order: StopOrder)
    /// Remove these checkpoint folders; those that are not there are no fault.
    case removeCheckpoints(study: StudyID, checkpoints: [Checkpoint])
    /// Are you there? Answered by `News.beat`, so that a cut that nobody tells of is noticed.
    case beat
}

/// What an agent has to say to a coordinator.
public enum News: Hashable, Sendable {
    case inventory(Inventory)
    /// Every run of the study that has a folder on this node.
    case runs(study: StudyID, runs: [RunSummary])
    /// Every checkpoint of the study on this node, whoever wrote it. Comes once, behind `runs`.
    case checkpoints(study: StudyID, held: [HeldCheckpoint])
    /// In order, without gaps from the offset that was asked for.
    case events(run: RunKey, events: [PlacedEvent])
    /// The run was not started and has no folder.
    case refused(run: RunKey, reason: String)
    /// An order could not be read or carried out; nothing was changed.
    case complaint(text: String)
}

/// Agent to coordinator: a line of the link, of which `NewsReader` makes news.
public enum NewsLine: Hashable, Codable, Sendable {
    case inventory(inventory: Inventory)
    /// Of the inventory that was told last over this connection, these slots have changed and nothing else: on a node
    /// of many slots a run's end is a line of this and not of all.
    case slots(changed: [Inventory.Entry])
    case runs(study: StudyID, runs: [RunSummary])
    case checkpoints(study: StudyID, held: [HeldCheckpoint])
    /// Behind this line come so many bytes of the run's `events.jsonl`, as they stand there from byte `from` on: whole
    /// lines, at most `NewsReader.longestPiece` bytes. Nearly all that is told is reports, and so the agent need not
    /// read them.
    case events(run: RunKey, from: Int, bytes: Int)
    case refused(run: RunKey, reason: String)
    case complaint(text: String)
    /// I am here.
    case beat
}

/// A checkpoint's folder, as an agent finds it.
public struct HeldCheckpoint: Hashable, Codable, Sendable {
    /// The run that wrote it, here or elsewhere.
    public let run: RunID
    public let name: String

    public init(run: RunID, name: String) {
        self.run = run
        self.name = name
    }
}

/// How far the coordinator has durably read a run's events.
public struct RunOffset: Hashable, Codable, Sendable {
    public let run: RunID
    public let end: Int

    public init(run: RunID, end: Int) {
        self.run = run
        self.end = end
    }
}

/// A run as its folder shows it.
public struct RunSummary: Hashable, Codable, Sendable {
    public let run: RunID
    /// Whether its process lives.
    public let isAlive: Bool
    /// Size of `events.jsonl` in bytes, up to the last whole line; 0 where no line ends at the offset that
    /// was asked for, because the machine lost its power, and the file its last lines.
    public let end: Int

    public init(run: RunID, isAlive: Bool, end: Int) {
        self.run = run
        self.isAlive = isAlive
        self.end = end
    }
}
