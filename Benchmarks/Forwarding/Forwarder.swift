import Foundation
import Glibc
package import Spawn

/// Connections to a port of loopback, each handed on to another port after a delay, with unlimited bandwidth: what
/// programs that wait for answers make of a round trip. It is not a network: each half is a loopback connection
/// with TCP's own windows, and nothing is ever lost.
package final class Forwarder: Sendable {
    /// What waits for its moment at most. Bytes each way.
    private static let capacity = 256 << 20

    package let port: Int
    private let target: Int
    /// Each way. Seconds.
    private let delay: Double
    private let listener: Int32
    private let counts = Monitor(Counts())

    /// Bytes of the target's that were handed on, and after how many all connections are cut.
    private struct Counts {
        var fromTarget = 0
        var limit = Int.max
        var open: Set<Int32> = []
    }

    /// - Parameter delay: each way, in seconds.
    package init(to target: Int, delay: Double) throws(SystemError) {
        (self.target, self.delay) = (target, delay)
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = Self.loopback(0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(listener, pointer, size) == 0 && listen(listener, 16) == 0
                    && getsockname(listener, pointer, &size) == 0
            }
        }
        guard bound else { throw SystemError("find a port to forward from") }
        (self.listener, port) = (listener, Int(UInt16(bigEndian: address.sin_port)))
        // That a side has gone shows in what is read from it.
        signal(SIGPIPE, SIG_IGN)
        onOwnThread { [self] in
            while case let client = accept(listener, nil, nil), client >= 0 { serve(client) }
        }
    }

    /// Takes no more connections.
    package func close() { shutdown(listener, Int32(SHUT_RDWR)) }

    /// Bytes of the target's that were handed on so far.
    package var bytesFromTarget: Int { counts.use { $0.fromTarget } }

    /// Cuts every connection once so many more bytes of the target's were handed on.
    package func cut(after bytes: Int) { counts.use { $0.limit = $0.fromTarget + bytes } }

    private func serve(_ client: Int32) {
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = Self.loopback(target)
        let isOpen = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isOpen else {
            for end in [client, server] { Glibc.close(end) }
            return
        }
        // A wire neither waits for more to send nor for more to acknowledge.
        for end in [client, server] { setOption(TCP_NODELAY, of: end) }
        counts.use { $0.open.formUnion([client, server]) }
        let ends = Monitor(2)
        for (from, to) in [(client, server), (server, client)] {
            onOwnThread { [self] in
                copy(from: from, to: to, counts: from == server)
                guard
                    ends.use({
                        $0 -= 1; return $0 == 0
                    })
                else { return }
                counts.use { $0.open.subtract([client, server]) }
                for end in [client, server] { Glibc.close(end) }
            }
        }
    }

    /// Reads at once and writes each piece when its time has come; ends when either side has.
    private func copy(from source: Int32, to target: Int32, counts isCounted: Bool) {
        struct Waiting {
            var pieces: [(due: Double, bytes: [UInt8])] = []
            var bytes = 0
            var isOver = false
        }
        let waiting = Monitor(Waiting())
        onOwnThread { [self] in
            while case .bytes(let bytes) = receive(source, limit: 1 << 18) {
                setOption(TCP_QUICKACK, of: source)
                let due = monotonicSeconds() + delay
                waiting.wait { waiting -> Void? in
                    guard waiting.bytes < Self.capacity else { return nil }
                    waiting.pieces.append((due, bytes))
                    waiting.bytes += bytes.count
                    return ()
                }
            }
            waiting.use { $0.isOver = true }
        }
        while true {
            let pieces = waiting.wait { waiting -> [(due: Double, bytes: [UInt8])]? in
                guard !waiting.pieces.isEmpty || waiting.isOver else { return nil }
                defer { (waiting.pieces, waiting.bytes) = ([], 0) }
                return waiting.pieces
            }
            if pieces.isEmpty { break }
            for piece in pieces {
                let left = piece.due - monotonicSeconds()
                if left > 0 { usleep(UInt32(left * 1e6)) }
                do { try writeAll(piece.bytes, to: target) } catch { break }
                if isCounted { count(piece.bytes.count) }
            }
        }
        shutdown(target, Int32(SHUT_WR))
    }

    private func count(_ bytes: Int) {
        counts.use { counts in
            counts.fromTarget += bytes
            guard counts.fromTarget >= counts.limit else { return }
            counts.limit = .max
            for end in counts.open { shutdown(end, Int32(SHUT_RDWR)) }
        }
    }

    private static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        return address
    }
}
