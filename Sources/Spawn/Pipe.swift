import Glibc

/// The two ends of a pipe, as descriptors that no child inherits unless it is given them.
package struct Pipe {
    package let reading: Int32
    package let writing: Int32

    package init() throws(SystemError) {
        var ends: [Int32] = [-1, -1]
        try checked("make a pipe") { pipe(&ends) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (reading, writing) = (ends[0], ends[1])
    }
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
    while true {
        var count = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, size in
            count = read(descriptor, buffer.baseAddress, limit)
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
