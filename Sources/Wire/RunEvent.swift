public import FleetModel

/// One line of `events.jsonl`: what happened to a run, told by the plugin; by the agent only where the
/// plugin is certainly gone.
///
///     {"started":{"pid":4711,"startTime":88214}}
///     {"report":{"report":{"step":10,"metrics":{"validation_loss":2.1}}}}
///     {"checkpoint":{"name":"step_200","step":200}}
///     {"ended":{"ending":{"completed":{}}}}
///
/// `started` comes first, `ended` last and once.
public enum RunEvent: Hashable, Codable, Sendable {
    /// `pid` leads the run's own session and process group. `startTime` is field 22 of
    /// `/proc/PID/stat` (clock ticks after boot): pid and start time together name a process for good.
    case started(pid: Int32, startTime: UInt64)
    case report(report: Report)
    /// A complete checkpoint stands at `checkpoints/NAME`.
    case checkpoint(name: String, step: Int)
    /// Something a person should know: a value was rounded, a garbage line was skipped. One line.
    case note(text: String)
    case ended(ending: RunEnding)

    /// Whether this is `ended`.
    public var isEnding: Bool {
        if case .ended = self { true } else { false }
    }

    /// With this begins the line of `ended`, and no other.
    public static let beginningOfEnding = Array(#"{"ended":"#.utf8)
}

/// A run event with its place: the byte offset in `events.jsonl` just after its line. Offsets grow from
/// event to event, so a reader that keeps the last one applies each event exactly once.
public struct PlacedEvent: Hashable, Codable, Sendable {
    public let end: Int
    public let event: RunEvent

    public init(end: Int, event: RunEvent) {
        self.end = end
        self.event = event
    }
}

/// The contents of `stop` in a trial folder: while that file exists, the run is to end.
public struct StopOrder: Hashable, Codable, Sendable {
    /// Whether a checkpoint of the state reached is wanted (the trial will go on later).
    public let save: Bool
    /// For the log: `outranked at step 50`.
    public let reason: String

    public init(save: Bool, reason: String) {
        self.save = save
        self.reason = reason
    }
}
