import FoundationEssentials
import Glibc
import Spawn
import Synchronization
import Wire

/// The other side is gone, or does not speak the protocol: the channel ends.
struct ChannelFault: Error, CustomStringConvertible {
    let description: String
}

/// What comes in on a bulk channel: lines, and bytes behind them.
struct BulkInput {
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var start = 0

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        widenPipe(descriptor)
    }

    /// The next line without its newline; nil where the stream ends.
    mutating func line() throws -> Data? {
        var scanned = start
        while true {
            if let newline = buffer[scanned...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { start = newline + 1 }
                return Data(buffer[start..<newline])
            }
            guard buffer.count - start <= Lines.longest else {
                throw ChannelFault(description: "a line of over \(Lines.longest) bytes came")
            }
            let rest = buffer.count - start
            guard case .bytes(let more) = receive(descriptor) else { return nil }
            buffer = Array(buffer[start...]) + more
            (start, scanned) = (0, rest)
        }
    }

    /// Fills the memory with what comes next.
    mutating func fill(_ memory: UnsafeMutableRawBufferPointer) throws {
        let kept = min(memory.count, buffer.count - start)
        memory.copyBytes(from: buffer[start..<start + kept])
        start += kept
        var done = kept
        while done < memory.count {
            let count = try checked("read from the channel") {
                read(descriptor, memory.baseAddress! + done, memory.count - done)
            }
            guard count > 0 else {
                throw ChannelFault(description: "the channel ended in the middle of a chunk")
            }
            done += count
        }
    }

    mutating func bytes(_ count: Int) throws -> [UInt8] {
        guard count >= 0 else { throw ChannelFault(description: "\(count) bytes were announced") }
        var bytes = [UInt8](repeating: 0, count: count)
        try bytes.withUnsafeMutableBytes { try fill($0) }
        return bytes
    }

    mutating func skip(_ count: Int) throws {
        var left = count
        while left > 0 {
            let piece = min(left, 1 << 16)
            _ = try bytes(piece)
            left -= piece
        }
    }
}

/// What goes out on a bulk channel; from several threads, whole answers each.
final class BulkOutput: Sendable {
    private let descriptor: Int32
    private let isWidePipe: Bool
    private let turn = Mutex(())

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        isWidePipe = widenPipe(descriptor)
    }

    func say(_ answer: BulkAnswer) throws { try write(try Lines.encode(answer)) }

    func write(_ bytes: some Collection<UInt8>) throws {
        try turn.withLock { _ in try writeAll(bytes, to: descriptor) }
    }

    /// Sends bytes of a file, from the page cache to the channel without coming through this process.
    func send(_ count: Int, of file: Int32, from offset: Int) throws(ChannelFault) {
        var (position, left) = (offset, count)
        while left > 0 {
            let sent: Int
            do throws(SystemError) {
                sent =
                    try isWidePipe
                    ? spliceToWidePipe(descriptor, from: file, at: &position, count: left)
                    : checked("send a file") { sendfile(descriptor, file, &position, left) }
            } catch {
                throw ChannelFault(description: error.description)
            }
            // Its length was announced: the other side must not take what follows for the rest.
            guard sent > 0 else { throw ChannelFault(description: "a file became shorter while it was sent") }
            left -= sent
        }
    }

    /// Does what may take long, and says so every few seconds, so that the other side does not give up.
    func whileBusy<Answer>(_ body: () throws -> Answer) throws -> Answer {
        let isDone = Monitor(false)
        onOwnThread { [self] in
            var waited = 0
            while !isDone.use({ $0 }) {
                usleep(50_000)
                waited += 1
                guard waited % 100 == 0 else { continue }
                isDone.use { isDone in
                    if !isDone { try? say(.busy) }
                }
            }
        }
        defer { isDone.use { $0 = true } }
        return try body()
    }
}
