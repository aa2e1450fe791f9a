import CLinux
package import Glibc

/// The two ends of a pipe, as descriptors that no child inherits unless it is given them.
package struct Pipe {
    package let reading: Int32
    package let writing: Int32

    package init() throws(SystemError) {
        var ends: [Int32] = [-1, -1]
        try checked("make a pipe") { linux_pipe(&ends) }
        (reading, writing) = (ends[0], ends[1])
    }
}

/// The two ends of a connection, as descriptors that no child inherits unless it is given them: what is written
/// to one is read from the other.
package func makeSocketPair() throws(SystemError) -> (ours: Int32, others: Int32) {
    var ends: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    try checked("make a pair of sockets") { socketpair(AF_UNIX, kind, 0, &ends) }
    return (ends[0], ends[1])
}

/// poll(2) for at most so many seconds; what has something has `revents`. Of descriptors below 0 nothing is asked.
package func poll(_ descriptors: inout [pollfd], seconds: Double) {
    let nanoseconds = Int64((max(0, min(seconds, 1e9)) * 1e9).rounded(.up))
    if linux_poll(&descriptors, Int32(descriptors.count), nanoseconds) >= 0 { return }
    // A signal came before anything else.
    for index in descriptors.indices { descriptors[index].revents = 0 }
}

/// Has a pipe hold 1 MiB, so that who writes and who reads wake each other seldom. False, and nothing has changed,
/// where the system does not allow it or there is no pipe.
@discardableResult
package func widenPipe(_ end: Int32) -> Bool { linux_resize_pipe(end, 1 << 20) >= 1 << 20 }

/// Moves a file's bytes to the other end of a wide pipe without them coming through this process. Once the pipe is
/// full it looks again after a millisecond, and then less often: who reads a full pipe wakes whoever waits to write at
/// each read, and with sshd's, of 32 KiB, a seventh of what both ends of a transfer cost went into that.
///
/// - Parameter offset: of the first byte; moves with what was sent.
/// - Returns: how many bytes; 0 at the file's end.
package func spliceToWidePipe(
    _ pipe: Int32, from file: Int32, at offset: inout Int, count: Int
) throws(SystemError) -> Int {
    var pause: UInt32 = 1_000
    while true {
        let moved = linux_splice_file(file, &offset, pipe, count)
        if moved >= 0 { return moved }
        switch errno {
        case EAGAIN:
            usleep(pause)
            pause = min(2 * pause, 8_000)
        case EINTR: continue
        default: throw SystemError("send a file")
        }
    }
}

/// Sets an option of a socket that is a number; one that its kind of socket does not have stays as it is.
package func setOption(
    _ option: Int32, at level: Int32 = Int32(IPPROTO_TCP), of socket: Int32, to value: Int32 = 1
) {
    var value = value
    setsockopt(socket, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
}

/// From now on reading and writing answer EAGAIN instead of waiting.
package func makeNonBlocking(_ descriptor: Int32) {
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
}

/// What one `read` gave.
package enum Received {
    case bytes([UInt8])
    /// Nothing there now.
    case nothing
    /// The other side is gone.
    case end
}

/// Reads once, at most `limit` bytes.
package func receive(_ descriptor: Int32, limit: Int = 1 << 16) -> Received {
    receive(limit: limit) { read(descriptor, $0, $1) }
}

private func receive(limit: Int, _ read: (UnsafeMutableRawPointer?, Int) -> Int) -> Received {
    while true {
        var count = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, size in
            count = read(buffer.baseAddress, limit)
            size = max(0, count)
        }
        if count > 0 { return .bytes(bytes) }
        if count == 0 { return .end }
        switch errno {
        case EINTR: continue
        case EAGAIN: return .nothing
        default: return .end
        }
    }
}

/// The two descriptors through which somebody talks, as they pass from one process to another.
package struct Handed {
    package let input: Int32
    package let output: Int32

    package init(input: Int32, output: Int32) { (self.input, self.output) = (input, output) }

    /// Lets the other side of a local socket have them too, behind an empty line.
    package func over(_ socket: Int32) throws(SystemError) {
        try checked("hand a connection over") { linux_hand_over(socket, [input, output]) }
    }
}

/// Reads once from a local socket, at most `limit` bytes, and takes what is handed over with them; then it is this
/// process that has to close it.
package func receive(_ socket: Int32, handed: inout Handed?, limit: Int = 1 << 16) -> Received {
    var ends: [Int32] = [-1, -1]
    let received = receive(limit: limit) { linux_receive(socket, $0, $1, &ends) }
    if ends[0] >= 0 { handed = Handed(input: ends[0], output: ends[1]) }
    return received
}

/// Reads and forgets what is there. For a descriptor that never blocks.
package func drain(_ descriptor: Int32) {
    while case .bytes = receive(descriptor, limit: 4_096) {}
}

/// Writes all bytes, however many calls it takes.
package func writeAll(
    _ bytes: some Collection<UInt8>, to descriptor: Int32, as attempt: String? = nil
) throws(SystemError) {
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
        let count = try checked(attempt ?? "write to descriptor \(descriptor)") {
            rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        }
        rest = rest.dropFirst(count)
    }
}
