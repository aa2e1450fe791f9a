import FleetModel
import FoundationEssentials
import Glibc
import Spawn
import Synchronization
import Wire

/// A connection on which the agent talks, or is about to.
final class SSHTalk {
    /// Where nothing was heard for so long, a beat is sent. Seconds.
    private static let quietSeconds = 4.5
    /// While it has no answer, others follow at this distance; after three of them the connection is dead, 9 s after
    /// it was cut. Most links that are quiet have nothing to say: so the first comes late, the others soon. Seconds.
    private static let beatSeconds = 1.5
    private static let beats = 3
    /// An order for the agent to say that it is there.
    private static let beat = (try? Lines.encode(Order.beat)) ?? Data()
    /// So many pieces are read before others have their turn.
    private static let pieces = 64
    private static let few = 1 << 10

    private let session: SSHSession
    private let link: NodeLink
    private var talk = AgentTalk()
    private var errors = ""
    /// So long may the agent take to say hello. Seconds.
    private let patience: Double
    /// When it must have said it.
    let helloDue: Double
    private var heard: Double
    private var beaten: Double
    private var unanswered = 0
    /// More may be there to read, whatever the socket says.
    private var isPaused = false

    init(_ session: SSHSession, link: NodeLink, now: Double, patience: Double) {
        (self.session, self.link, self.patience) = (session, link, patience)
        (helloDue, heard, beaten) = (now + patience, now, now)
        session.makeNonBlocking()
        isPaused = true
    }

    var isConnected: Bool { talk.isConnected }

    var wait: pollfd {
        let events = (link.queue.isFull ? 0 : POLLIN) | (session.hasPendingOutput ? POLLOUT : 0)
        return pollfd(fd: session.socket, events: Int16(events), revents: 0)
    }

    var due: Double {
        if isPaused, !link.queue.isFull { return 0 }
        return isConnected ? beatDue : helloDue
    }

    /// All links' beats fall into the same few moments, so that hundreds of idle ones seldom wake the thread.
    private var beatDue: Double {
        let due = unanswered == 0 ? heard + Self.quietSeconds : beaten + Self.beatSeconds
        return (due * 2).rounded() / 2
    }

    /// Reads, writes and watches over the silence.
    func advance(isReady: Bool, now: Double) throws(LinkFailure) {
        if isReady || isPaused { try read(now: now) }
        try watchOverSilence(now: now)
        // libssh reads the socket while it writes, too. What it found there, the socket does not tell of again.
        if send() { try read(now: now) } else if isReady { session.acknowledge() }
    }

    /// The last thing that is asked of libssh is what there is of stdout: for whatever is asked, it may take news
    /// from the socket, and nobody would be woken for them.
    private func read(now: Double) throws(LinkFailure) {
        readErrors()
        for _ in 0..<Self.pieces {
            isPaused = link.queue.isFull
            guard !isPaused else { return }
            switch session.receive() {
            case .nothing: return
            case .end: throw failure()
            case .bytes(let bytes):
                heard = now
                unanswered = 0
                try link.take(bytes, &talk)
                // That was all: libssh gives what it has, and takes up to 4 KiB from the socket at a time.
                if bytes.count < Self.few, !session.isClosed { return }
            }
        }
        isPaused = true
    }

    /// What nobody reads of stderr would hold up stdout: they share a window.
    private func readErrors() {
        while case .bytes(let bytes) = session.receive(errors: true) {
            errors = String((errors + String(decoding: bytes, as: UTF8.self)).suffix(Greeting.longestBanner))
        }
    }

    private func failure() -> LinkFailure {
        readErrors()
        return talk.failure(errors, otherwise: session.whyGone)
    }

    private func watchOverSilence(now: Double) throws(LinkFailure) {
        guard isConnected else {
            guard now >= helloDue else { return }
            readErrors()
            throw talk.silence(of: patience, errors)
        }
        // While we do not listen, silence says nothing.
        if isPaused { heard = now }
        guard now >= beatDue else { return }
        guard unanswered < Self.beats else {
            throw .lost(why: "nothing was heard for \(Int(now - heard)) s")
        }
        unanswered += 1
        beaten = now
        link.shared.withLock { $0.orders += Self.beat }
    }

    /// Whether anything was to be written.
    private func send() -> Bool {
        let hadOrders = link.shared.withLock { shared in
            guard !shared.orders.isEmpty else { return false }
            shared.orders.removeFirst(session.send(shared.orders))
            return true
        }
        guard session.hasPendingOutput else { return hadOrders }
        session.flush()
        return true
    }
}
