import Glibc
import Spawn

/// A connection that is being made: a socket that is on its way, or an `ssh -W` through jump hosts. It is
/// ready once the other side's first bytes can be read, so that no thread ever waits for a host that takes
/// connections and says nothing.
final class Dial: Sendable {
    let socket: Int32
    private let jump: ChildProcess?

    /// Begins to connect, without waiting for anything but the name service.
    /// - Parameter turn: which of the host's addresses is tried, counted on from one attempt to the next.
    init(_ route: Route, turn: Int) throws(LinkFailure) {
        if let command = route.jumpCommand {
            (socket, jump) = try Self.through(command, to: route.host)
        } else {
            (socket, jump) = (try Self.straight(route, turn: turn), nil)
        }
    }

    deinit {
        close(socket)
        guard let jump else { return }
        jump.signalGroup(SIGKILL)
        jump.wait()
    }

    /// What came of the connection, as far as can be told now: nil, or why it cannot come about.
    var fault: String? {
        guard jump == nil else { return nil }
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(socket, SOL_SOCKET, SO_ERROR, &code, &size)
        return code == 0 ? nil : String(cString: strerror(code))
    }

    /// Whether the other side has said something, or is gone, which whoever reads will learn.
    var isReady: Bool {
        var byte: UInt8 = 0
        return recv(socket, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) >= 0
            || (errno != EAGAIN && errno != ENOTCONN)
    }

    private static func straight(_ route: Route, turn: Int) throws(LinkFailure) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(route.host, "\(route.port)", &hints, &found)
        guard code == 0, let found else {
            throw .unreachable(host: route.host, why: String(cString: gai_strerror(code)))
        }
        defer { freeaddrinfo(found) }
        let all = Array(sequence(first: found) { $0.pointee.ai_next })
        let one = all[turn % all.count].pointee
        let flags = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let socket = Glibc.socket(one.ai_family, flags, 0)
        guard socket >= 0 else { throw .unreachable(host: route.host, why: String(cString: strerror(errno))) }
        watchOver(socket)
        if connect(socket, one.ai_addr, one.ai_addrlen) != 0, errno != EINPROGRESS {
            let why = String(cString: strerror(errno))
            close(socket)
            throw .unreachable(host: route.host, why: why)
        }
        return socket
    }

    /// A peer that is gone without a word is noticed by the system too, should we wait inside libssh.
    private static func watchOver(_ socket: Int32) {
        setOption(TCP_NODELAY, of: socket)
        setOption(TCP_USER_TIMEOUT, of: socket, to: 10_000)
        setOption(SO_KEEPALIVE, at: SOL_SOCKET, of: socket)
        setOption(TCP_KEEPIDLE, of: socket, to: 5)
        setOption(TCP_KEEPINTVL, of: socket, to: 2)
        setOption(TCP_KEEPCNT, of: socket, to: 3)
    }

    private static func through(
        _ command: [String], to host: String
    ) throws(LinkFailure) -> (Int32, ChildProcess) {
        do throws(SystemError) {
            let ends = try makeSocketPair()
            defer { close(ends.others) }
            var program = Program(command)
            (program.input, program.output, program.leadsSession) = (ends.others, ends.others, true)
            do throws(SystemError) {
                let child = try program.spawn()
                makeNonBlocking(ends.ours)
                return (ends.ours, child)
            } catch {
                close(ends.ours)
                throw error
            }
        } catch {
            throw .unreachable(host: host, why: error.description)
        }
    }
}
