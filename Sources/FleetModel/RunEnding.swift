/// How one run ended, as the plugin says it, or the agent where the plugin can no longer speak.
public enum RunEnding: Hashable, Codable, Sendable {
    /// All steps were done.
    case completed
    /// A stop order was obeyed.
    case stopped
    case failed(RunFailure)
}

/// Why a run failed, and the last lines that the trainer wrote to its stderr.
public struct RunFailure: Hashable, Codable, Sendable {
    /// Each case says what the coordinator does next.
    public enum Cause: Hashable, Codable, Sendable {
        /// The loss stopped being a number. Held against the trial: it fails.
        case notFinite(metric: String, step: Int, reading: Reading)
        /// The trainer ran out of memory, as `line` of its output says. Held against the trial.
        case outOfMemory(line: String)
        /// No output and no report for that long; the run was killed. Held against the trial.
        case silent(seconds: Double)
        /// The trainer ended by itself, too early or with an error. Held against the trial.
        case crashed(exit: Int)
        /// The trainer was ended by a signal that we did not send. Held against the trial.
        case killed(signal: Int)
        /// The trainer, or its plugin, refused the settings or the assignment. Held against the trial.
        case refused(reason: String)
        /// The trainer did not use the trial's values. Held against the trial: recording its result would be
        /// recording it under the wrong hyper-parameters.
        case misapplied(Discrepancy)
        /// The run's process is gone without a word (machine restarted, plugin killed).
        /// Infrastructure: tried again from the last checkpoint.
        case vanished
        /// The agent could not start it, or its disk is full. Infrastructure: tried again, elsewhere
        /// if there is an elsewhere.
        case node(reason: String)
    }

    public let cause: Cause
    /// At most 20 lines, oldest first.
    public let lastLines: [String]

    public init(_ cause: Cause, lastLines: [String] = []) {
        self.cause = cause
        self.lastLines = lastLines
    }

    /// Whether the fault is the infrastructure's and not the trial's.
    public var isInfrastructure: Bool {
        switch cause {
        case .vanished, .node: true
        case .notFinite, .outOfMemory, .silent, .crashed, .killed, .refused, .misapplied: false
        }
    }
}

extension RunFailure: CustomStringConvertible {
    public var description: String {
        switch cause {
        case .notFinite(let metric, let step, let reading): "\(metric) is \(reading) at step \(step)"
        case .outOfMemory(let line): "out of memory: \(line)"
        case .silent(let seconds): "silent for \(seconds) s"
        case .crashed(let exit): "the trainer ended with exit code \(exit)"
        case .killed(let signal): "the trainer was killed by signal \(signal)"
        case .refused(let reason): reason
        case .misapplied(let discrepancy): "\(discrepancy)"
        case .vanished: "the run's process is gone"
        case .node(let reason): reason
        }
    }
}
