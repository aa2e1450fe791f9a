public import FleetModel

// A bulk channel is a second stream to an agent, for bytes that would hold up control messages. Its first
// line is the agent's hello, as everywhere. Then, as often as wanted: one line with a `BulkRequest`, and
// behind it the bytes that the request announces; one line with a `BulkAnswer`, and behind it the bytes that
// the answer announces. Answers come in the order of the requests, which may be written without waiting.

/// Coordinator to agent.
public enum BulkRequest: Hashable, Codable, Sendable {
    /// The end of what a run wrote, at most `limit` bytes; answered by `bytes`, none where there is nothing.
    case log(run: RunKey, stream: LogStream, limit: Int)
}

/// Which of a run's logs.
public enum LogStream: String, Hashable, Codable, Sendable, CaseIterable {
    case stdout, stderr
}

/// Agent to coordinator.
public enum BulkAnswer: Hashable, Codable, Sendable {
    /// So many bytes follow.
    case bytes(count: Int)
    /// The request could not be carried out; nothing was changed, and the channel goes on.
    case refused(reason: String)
}
