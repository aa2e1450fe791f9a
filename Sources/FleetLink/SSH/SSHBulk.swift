import Glibc
import Spawn
import Wire

/// A bulk channel over a connection of its own.
final class SSHBulk: BulkLine {
    private static let dialSeconds = 10.0

    private let session: SSHSession
    private var said = ""
    /// Bytes that were read since the errors were. They share the other side's window.
    private var undrained = 0

    /// - Parameters:
    ///   - route: where it is known.
    ///   - patience: so long may the other side do nothing, in seconds, before it is given up.
    init(
        to address: SSHAddress, by route: Route?, home: CoordinatorHome, patience: Double
    ) throws(LinkFailure) {
        let route = if let route { route } else { try Route(to: address, home: home) }
        let dial = try Dial(route, turn: 0)
        let deadline = monotonicSeconds() + Self.dialSeconds
        while !dial.isReady {
            let left = deadline - monotonicSeconds()
            guard left > 0 else {
                throw .unreachable(host: address.host, why: "it said nothing within \(Self.dialSeconds) s")
            }
            var wait = pollfd(fd: dial.socket, events: Int16(POLLIN), revents: 0)
            _ = poll(&wait, 1, Int32(left * 1_000) + 1)
        }
        if let fault = dial.fault { throw .unreachable(host: address.host, why: fault) }
        session = try SSHSession(
            over: dial, to: address, verb: .bulk, home: home, patience: max(1, Int(patience)))
    }

    var complaints: String {
        drainErrors()
        let lines = said.split(whereSeparator: \.isNewline).joined(separator: "\n")
        return lines.isEmpty ? session.whyGone : lines
    }

    func read(into memory: UnsafeMutableRawBufferPointer) throws(LinkFailure) -> Int {
        if undrained >= 1 << 20 { drainErrors() }
        let count = try session.receiveWaiting(into: memory)
        undrained += count
        return count
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(LinkFailure) { try session.sendWaiting(bytes) }

    var isQuiet: Bool {
        drainErrors()
        if case .nothing = session.receive() { return true }
        return false
    }

    func endWriting() { session.endSending() }

    /// The session ends with its last reference.
    func end() {}

    private func drainErrors() {
        undrained = 0
        while case .bytes(let bytes) = session.receive(errors: true) {
            said = String((said + String(decoding: bytes, as: UTF8.self)).suffix(Greeting.longestBanner))
        }
    }
}
