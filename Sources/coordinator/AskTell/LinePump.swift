import Glibc

/// Answers lines.
protocol LineService {
    /// Takes one line. Its reply is among those of the next `settle`.
    mutating func take(_ line: LineBuffer.Line)
    /// The replies to what was taken since the last call, in order, once they may be given.
    mutating func settle() throws -> String
}

/// Reads lines from one descriptor and writes their replies to another. A client may write any number of lines
/// before it reads: while it does not read, replies wait here and lines are still taken.
struct LinePump {
    /// With so many bytes of replies waiting no more lines are taken.
    private static let mostWaiting = 64 << 20
    /// As soon as anything can be written, the kernel takes so many bytes without blocking.
    private static let chunk = 4096
    /// Replies to lines that arrived together are given together, unless that takes longer.
    private static let patience = Duration.milliseconds(5)

    private let input: Int32
    private let output: Int32
    private var lines = LineBuffer()
    private var replies = ReplyBuffer()

    init(input: Int32, output: Int32) {
        self.input = input
        self.output = output
    }

    /// Runs to the end of the input, and until every reply is written.
    mutating func run(_ service: inout some LineService) throws {
        var isOpen = true
        while isOpen || replies.count > 0 {
            let ready = try poll(reading: isOpen && replies.count < Self.mostWaiting, patience: -1)
            if ready.canWrite { try writeChunk() }
            guard ready.canRead else { continue }
            isOpen = try lines.read(from: input)
            try answer(&service, isAtEnd: !isOpen)
        }
    }

    private mutating func answer(_ service: inout some LineService, isAtEnd: Bool) throws {
        var begin = ContinuousClock.now
        var lines = LineBuffer()
        swap(&lines, &self.lines)
        defer { swap(&lines, &self.lines) }
        try lines.takeLines(isAtEnd: isAtEnd) { line in
            service.take(line)
            guard ContinuousClock.now - begin > Self.patience else { return }
            try give(service.settle())
            begin = .now
        }
        try give(service.settle())
    }

    /// Writes what can be written at once.
    private mutating func give(_ text: String) throws {
        replies.append(text)
        while replies.count > 0, try poll(reading: false, patience: 0).canWrite { try writeChunk() }
    }

    private func poll(reading: Bool, patience: Int32) throws -> (canRead: Bool, canWrite: Bool) {
        var watched = (
            pollfd(fd: reading ? input : -1, events: Int16(POLLIN), revents: 0),
            pollfd(fd: replies.count > 0 ? output : -1, events: Int16(POLLOUT), revents: 0)
        )
        let count = withUnsafeMutableBytes(of: &watched) { bytes in
            Glibc.poll(bytes.assumingMemoryBound(to: pollfd.self).baseAddress, 2, patience)
        }
        guard count >= 0 || errno == EINTR else { throw Disconnected(isReading: false, errno: errno) }
        guard count > 0 else { return (false, false) }
        return (watched.0.revents != 0, watched.1.revents != 0)
    }

    private mutating func writeChunk() throws {
        let written = replies.withFirst(Self.chunk) { write(output, $0.baseAddress, $0.count) }
        if written > 0 { return replies.drop(written) }
        guard errno == EINTR || errno == EAGAIN else { throw Disconnected(isReading: false, errno: errno) }
    }
}

/// Bytes on their way out.
private struct ReplyBuffer {
    private var bytes: [UInt8] = []
    private var start = 0

    var count: Int { bytes.count - start }

    mutating func append(_ text: String) { bytes += text.utf8 }

    func withFirst(_ limit: Int, _ body: (UnsafeRawBufferPointer) -> Int) -> Int {
        bytes.withUnsafeBytes {
            body(UnsafeRawBufferPointer(rebasing: $0[start..<start + min(limit, count)]))
        }
    }

    mutating func drop(_ count: Int) {
        start += count
        if start == bytes.count {
            bytes.removeAll(keepingCapacity: true)
            start = 0
        } else if start > 1 << 20 {
            bytes.removeFirst(start)
            start = 0
        }
    }
}
