import Glibc

/// Bytes that were read, cut into lines.
struct LineBuffer {
    enum Line {
        /// Without its end.
        case whole(UnsafeBufferPointer<UInt8>)
        /// More than `longest` bytes.
        case tooLong
    }

    /// Bytes of a line without its end, at most.
    static let longest = 1 << 20
    private static let chunk = 1 << 16

    private var bytes: [UInt8] = []
    /// So many of them belong to a line whose end was looked for.
    private var searched = 0
    /// Whether what comes next belongs to a line that was found too long.
    private var isSkipping = false

    /// Waits for input.
    /// - Returns: false at its end.
    mutating func read(from descriptor: Int32) throws(Disconnected) -> Bool {
        let old = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: Self.chunk))
        let count = bytes.withUnsafeMutableBytes { buffer in
            Glibc.read(descriptor, buffer.baseAddress.map { $0 + old }, Self.chunk)
        }
        let problem = errno
        bytes.removeLast(Self.chunk - max(count, 0))
        guard count >= 0 || problem == EINTR || problem == EAGAIN else {
            throw Disconnected(isReading: true, errno: problem)
        }
        return count != 0
    }

    /// Hands over and forgets the lines that are whole; at the end of the input also a last one without end.
    mutating func takeLines(isAtEnd: Bool, _ body: (Line) throws -> Void) rethrows {
        var start = 0
        try bytes.withUnsafeBufferPointer { all in
            while let end = Self.newline(in: all, from: start + searched) {
                let length = end - start
                if !isSkipping { try body(Self.line(UnsafeBufferPointer(rebasing: all[start..<end]))) }
                (isSkipping, searched) = (false, 0)
                start += length + 1
            }
            searched = all.count - start
            if !isSkipping, searched > Self.longest {
                try body(.tooLong)
                isSkipping = true
            }
            if isAtEnd, !isSkipping, searched > 0 {
                try body(Self.line(UnsafeBufferPointer(rebasing: all[start...])))
            }
        }
        if isSkipping || isAtEnd { (start, searched) = (bytes.count, 0) }
        bytes.removeFirst(start)
    }

    private static func line(_ bytes: UnsafeBufferPointer<UInt8>) -> Line {
        bytes.count > longest ? .tooLong : .whole(bytes)
    }

    private static func newline(in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        guard start < bytes.count, let base = bytes.baseAddress,
            let found = memchr(base + start, Int32(UInt8(ascii: "\n")), bytes.count - start)
        else { return nil }
        return found - UnsafeMutableRawPointer(mutating: base)
    }
}

/// The client went away, or there never was one.
struct Disconnected: Error {
    /// While its requests were read, and not while replies were written.
    let isReading: Bool
    let errno: Int32
}
