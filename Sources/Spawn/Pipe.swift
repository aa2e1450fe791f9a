import CLinux
import Glibc

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

/// Has a pipe hold 1 MiB, as far as the system allows it, so that who writes and who reads wake each other seldom.
/// Does nothing to what is no pipe.
package func widenPipe(_ end: Int32) { _ = linux_resize_pipe(end, 1 << 20) }

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
