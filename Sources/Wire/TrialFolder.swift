/// The names in a trial folder, which is the truth about a run on its node:
///
///     spec.json       what to run: a `RunSpec`; written by the agent under a temporary name, then renamed
///     lock            held with flock(2) by the plugin as long as it lives: held = the run is alive
///     events.jsonl    append-only `RunEvent`s; written by who holds the lock
///     stop            a `StopOrder`, when the run is to end; written by the agent, renamed into place
///     stdout.log, stderr.log   what plugin and trainer wrote
///     checkpoints/    one folder a checkpoint, renamed into place when complete
///     work/           the trainer's own files, where its plugin makes that folder
///
/// Starting a plugin on a folder is idempotent: whoever loses the race for `lock`, or finds `ended` in
/// `events.jsonl`, exits without a trace.
public struct TrialFolder: Hashable, Sendable {
    /// Absolute, without a slash at the end.
    public let path: String

    public init(path: String) {
        self.path = path
    }

    public var spec: String { path + "/spec.json" }
    public var lock: String { path + "/lock" }
    public var events: String { path + "/events.jsonl" }
    public var stop: String { path + "/stop" }
    public var stdout: String { path + "/stdout.log" }
    public var stderr: String { path + "/stderr.log" }
    /// The file of one of the logs.
    public func log(_ stream: LogStream) -> String {
        switch stream {
        case .stdout: stdout
        case .stderr: stderr
        }
    }

    public var checkpoints: String { path + "/checkpoints" }
    public var work: String { path + "/work" }

    /// Every process of a run has this variable in its environment, set to the trial folder's path, so
    /// that the agent finds those that left the process group.
    public static let environmentMark = "ITERHPO_TRIAL_FOLDER"
}
