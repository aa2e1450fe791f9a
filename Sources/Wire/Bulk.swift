public import FleetModel

// A bulk channel is a second stream to an agent, for bytes that would hold up control messages. Its first
// line is the agent's hello, as everywhere. Then, as often as wanted: one line with a `BulkRequest`, and
// behind it the bytes that the request announces; one line with a `BulkAnswer`, and behind it the bytes that
// the answer announces. Answers come in the order of the requests, which may be written without waiting.

/// Coordinator to agent.
public enum BulkRequest: Hashable, Codable, Sendable {
    /// The end of what a run wrote, at most `limit` bytes; answered by `bytes`, none where there is nothing.
    case log(run: RunKey, stream: LogStream, limit: Int)
    /// Answered by `offered`; `chunks` mean this checkpoint from then on.
    case offer(study: StudyID, checkpoint: Checkpoint)
    /// These chunks of what is offered, one behind the other; answered by `bytes`.
    case chunks(first: Int, count: Int)
    /// Get ready to receive the checkpoint whose manifest, of so many bytes, follows. Answered by `wanted`, which may be
    /// nothing, or by `whole` where it need not be published either: it is here already, or the node that offers it
    /// shows its files at `seen` on a file system that both share.
    case receive(study: StudyID, checkpoint: Checkpoint, bytes: Int, seen: SharedPlace?)
    /// These chunks follow, of so many bytes. Answered by `stored` or `damaged`, in whatever order.
    case store(first: Int, count: Int, bytes: Int)
    /// All that was wanted was stored: publish the checkpoint. Answered by `whole`, or by `wanted` where chunks are
    /// missing that this node had in other checkpoints, as it thought.
    case publish
}

/// Where an agent has a checkpoint, and how another one can tell whether it looks at the same file system.
public struct SharedPlace: Hashable, Codable, Sendable {
    /// Absolute path of the checkpoint's folder.
    public let path: String
    /// Absolute path of a file that holds `word`, until the next offer on the channel or its end.
    public let probe: String
    public let word: String

    public init(path: String, probe: String, word: String) {
        self.path = path
        self.probe = probe
        self.word = word
    }
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
    /// The answer takes a while. Comes every few seconds until it is there.
    case busy
    /// A manifest of so many bytes follows.
    case offered(bytes: Int, place: SharedPlace)
    /// A map of the chunks that have to be sent follows: bit `n % 8` of byte `n / 8` stands for chunk `n`.
    case wanted(bytes: Int)
    /// The chunks are verified and on the disk.
    case stored(first: Int, count: Int)
    /// One of the chunks at least is not what the manifest says; none of them that is was thrown away.
    case damaged(first: Int, count: Int)
    /// The checkpoint stands under its name, whole and verified.
    case whole
}
