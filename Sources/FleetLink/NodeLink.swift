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
    }

    public let node: NodeID
    private let transport: Transport
    private let home: CoordinatorHome
    let shared = Mutex(Shared())
    /// Wakes the link's thread from `poll`: an order, room in the queue, or the end.
    let bell: Bell
    let queue: EventQueue

    /// - Parameter home: where the key is that is shown to sshd.
    public init(node: NodeID, transport: Transport, home: CoordinatorHome = CoordinatorHome(at: nil)) {
        (self.node, self.transport, self.home) = (node, transport, home)
        // A side that is gone shows in what is read.
        signal(SIGPIPE, SIG_IGN)
        let bell = if case .ssh = transport { SSHLines.shared.bell } else { Bell() }
        self.bell = bell
        queue = EventQueue(roomMade: { bell.ring() })
        switch transport {
        case .ssh(let address): SSHLines.shared.add(self, to: address, home: home)
        case .pipe(let executable, let arguments):
            let line = PipeLine(link: self, executable: executable, arguments: arguments)
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
        bell.ring()
    }

    /// Opens a stream for bulk to the same agent; it does not end with the link. Blocks until the agent has
    /// said hello. Without a connection it fails at once.
    /// - Parameter patience: so long may the other side do nothing, in seconds, before the channel fails.
    public func openBulk(patience: Double = 30) throws(LinkFailure) -> BulkChannel {
        guard shared.withLock({ $0.isConnected }) else { throw .lost(why: "there is no link to \(node) now") }
        switch transport {
        case .pipe(let executable, let arguments):
            return try BulkChannel(BulkPipe(executable, arguments + ["--bulk"], patience: patience))
        case .ssh(let address):
            return try BulkChannel(SSHBulk(to: address, home: home, patience: patience))
        }
    }

    /// Ends the connection and the events. Runs go on.
    public func close() {
        shared.withLock { $0.isClosed = true }
        queue.close()
        bell.ring()
    }
}

/// What every line does, whatever carries it.
extension NodeLink {
    /// Takes in what the other side wrote: noise, its hello, then news.
    func take(_ bytes: [UInt8], _ greeting: inout Greeting) throws(LinkFailure) {
        let hadHello = greeting.hello != nil
        let lines = try greeting.take(bytes)
        if !hadHello, let hello = greeting.hello {
            shared.withLock { $0.isConnected = true }
            queue.put(.connected(hello))
        }
        for line in lines where !line.isEmpty {
            // News of a later version is no reason to end; what it meant, an earlier one need not know.
            let news =
                (try? Lines.decode(News.self, from: line))
                ?? .complaint(text: "unreadable news: \(String(decoding: line.prefix(80), as: UTF8.self))")
            if news != .beat { queue.put(.news(news)) }
        }
    }

    /// There is no connection any more, or none came about.
    func isDown(because failure: LinkFailure, retryIn delay: Double) {
        shared.withLock {
            $0.isConnected = false
            $0.orders = []
        }
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
