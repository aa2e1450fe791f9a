public import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Synchronization
public import Wire

/// How a node is reached.
public enum Transport: Hashable, Codable, Sendable {
    /// The agent of this machine, as a child: `executable` is a path, `arguments` begin with `attach`.
    case pipe(executable: String, arguments: [String])
    /// The agent of another machine: its sshd starts `agent attach`, whatever is asked for.
    case ssh(SSHAddress)

    /// Whether both lead to the same agent, wherever it is reached.
    func isSameMachine(as other: Transport) -> Bool {
        switch (self, other) {
        case (.pipe, .pipe): self == other
        case (.ssh(let mine), .ssh(let theirs)):
            mine.user == theirs.user && !Set(mine.hostKeys).isDisjoint(with: theirs.hostKeys)
        case (.pipe, .ssh), (.ssh, .pipe): false
        }
    }
}

/// The connection to one node's agent. It begins at once, comes back by itself after any fault, and tells
/// what happens through `events`.
public final class NodeLink: Sendable {
    /// What both sides of the link share: the orders that wait, and whether it is closed.
    struct Shared {
        var orders: [UInt8] = []
        var isConnected = false
        var isClosed = false
        /// How the host is reached, once that is known.
        var route: Route?
        var idle: [IdleLine] = []
    }

    /// A line of a bulk channel that was handed back.
    ///
    /// Unchecked: a line passes from the thread that handed it back to the one that takes it up, and is never
    /// used by two at once.
    struct IdleLine: @unchecked Sendable {
        let line: any BulkLine
        let since: Double
    }

    /// Lines that wait for another use, and for how long, in seconds.
    private static let (mostIdle, idleSeconds) = (2, 15.0)

    public let node: NodeID
    private let transport: Transport
    private let home: CoordinatorHome
    let shared = Mutex(Shared())
    /// Has the link's thread look: an order, room in the queue, or the end.
    private let wake: @Sendable () -> Void
    let queue: EventQueue

    /// - Parameter home: where the key is that is shown to sshd.
    public init(node: NodeID, transport: Transport, home: CoordinatorHome = CoordinatorHome(at: nil)) {
        (self.node, self.transport, self.home) = (node, transport, home)
        // A side that is gone shows in what is read.
        signal(SIGPIPE, SIG_IGN)
        switch transport {
        case .ssh(let address):
            let number = SSHLines.shared.newNumber()
            wake = { SSHLines.shared.look(at: number) }
            queue = EventQueue(roomMade: wake)
            SSHLines.shared.add(self, as: number, to: address, home: home)
        case .pipe(let executable, let arguments):
            let bell = Bell()
            wake = { bell.ring() }
            queue = EventQueue(roomMade: wake)
            let line = PipeLine(link: self, bell: bell, executable: executable, arguments: arguments)
            onOwnThread { line.run() }
        }
    }

    /// What happens, in order, until `close`. For one listener. While it does not listen, at most
    /// `EventQueue.capacity` events wait here and the rest waits in the agent's files.
    public var events: AsyncStream<LinkEvent> {
        let queue = queue
        return AsyncStream(unfolding: { await queue.next() })
    }

    /// Sends an order. Without a connection it is dropped: on `.connected`, the listener sends everything
    /// again that is outstanding, which is safe because orders are idempotent.
    public func send(_ order: Order) {
        guard let line = try? Lines.encode(order) else {
            preconditionFailure("an order of ours is always writable: \(order)")
        }
        shared.withLock { shared in
            if shared.isConnected { shared.orders += line }
        }
        wake()
    }

    /// Opens a stream for bulk to the same agent; it does not end with the link. Blocks until the agent has
    /// said hello. Without a connection it fails at once.
    /// - Parameter patience: so long may the other side do nothing, in seconds, before the channel fails.
    public func openBulk(patience: Double = 30) throws(LinkFailure) -> BulkChannel {
        let (isConnected, route, idle) = shared.withLock { ($0.isConnected, $0.route, $0.idle.popLast()) }
        guard isConnected else { throw .lost(why: "there is no link to \(node) now") }
        if let line = idle?.line {
            if line.isQuiet { return BulkChannel(again: line, takeBack: takeBack) }
            line.end()
        }
        switch transport {
        case .pipe(let executable, let arguments):
            return try BulkChannel(
                BulkPipe(executable, arguments + ["--bulk"], patience: patience), takeBack: takeBack)
        case .ssh(let address):
            return try BulkChannel(
                SSHBulk(to: address, by: route, home: home, patience: patience), takeBack: takeBack)
        }
    }

    /// Keeps a line for a while: one transfer, or one trial's logs, is seldom the last.
    private func takeBack(_ line: any BulkLine) {
        let idle = IdleLine(line: line, since: monotonicSeconds())
        let isKept = shared.withLock { shared in
            guard shared.isConnected, shared.idle.count < Self.mostIdle else { return false }
            shared.idle.append(idle)
            return true
        }
        guard isKept else { return line.end() }
        Task { [weak self] in
            try await Task.sleep(for: .seconds(Self.idleSeconds))
            self?.endIdle(since: monotonicSeconds() - Self.idleSeconds)
        }
    }

    /// Ends the lines that wait since then or earlier.
    private func endIdle(since: Double) {
        let old = shared.withLock { shared in
            let old = shared.idle.filter { $0.since <= since }
            shared.idle.removeAll { $0.since <= since }
            return old
        }
        for idle in old { idle.line.end() }
    }

    /// Ends the connection and the events. Runs go on.
    public func close() {
        shared.withLock { $0.isClosed = true }
        endIdle(since: .infinity)
        queue.close()
        wake()
    }
}

/// What every line does, whatever carries it.
extension NodeLink {
    /// Takes in what the other side wrote.
    func take(_ bytes: [UInt8], _ talk: inout AgentTalk) throws(LinkFailure) {
        for event in try talk.take(bytes) {
            if case .connected = event { shared.withLock { $0.isConnected = true } }
            queue.put(event)
        }
    }

    /// There is no connection any more, or none came about.
    func isDown(because failure: LinkFailure, retryIn delay: Double) {
        shared.withLock {
            $0.isConnected = false
            $0.orders = []
        }
        // What cut the link has likely cut them too.
        endIdle(since: .infinity)
        queue.put(.disconnected(failure, retryIn: delay))
    }
}

/// A pipe to wake a thread that waits in `poll`.
final class Bell: Sendable {
    let descriptor: Int32
    private let rope: Int32

    init() {
        guard let pipe = try? Pipe() else { preconditionFailure("this process has no descriptor left") }
        (descriptor, rope) = (pipe.reading, pipe.writing)
        makeNonBlocking(descriptor)
        makeNonBlocking(rope)
    }

    deinit {
        close(descriptor)
        close(rope)
    }

    func ring() { _ = write(rope, [1], 1) }

    func silence() { drain(descriptor) }
}
