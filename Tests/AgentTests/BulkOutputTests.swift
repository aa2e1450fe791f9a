import FoundationEssentials
import Glibc
import Spawn
import Testing

@testable import agent

/// Bytes of files on their way into a channel.
@Suite struct BulkOutputTests {
    /// What the other side gets, which reads so much at a time, once the channel was full.
    private func sent(_ file: [UInt8], through ends: (others: Int32, ours: Int32), reading: Int) throws
        -> [UInt8]
    {
        let scratch = try Scratch()
        let path = scratch.path + "/file"
        try Data(file).write(to: URL(filePath: path))
        let descriptor = try OpenFile(path, O_RDONLY)
        let received = Monitor([UInt8]())
        let isRead = Monitor(false)
        onOwnThread {
            while case .bytes(let bytes) = receive(ends.others, limit: reading) {
                received.use { $0 += bytes }
            }
            isRead.use { $0 = true }
        }
        try BulkOutput(ends.ours).send(file.count - 5, of: descriptor.descriptor, from: 5)
        close(ends.ours)
        isRead.wait { $0 ? () : nil }
        close(ends.others)
        return received.use { $0 }
    }

    private static let file = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 ^ ($0 >> 9)) }

    @Test(arguments: [10_000, 1 << 20]) func `a pipe gets all of a file that is longer than it`(reading: Int)
        throws
    {
        let pipe = try Pipe()
        let found = try sent(Self.file, through: (pipe.reading, pipe.writing), reading: reading)
        #expect(found == Array(Self.file[5...]))
    }

    @Test func `a socket gets it too`() throws {
        let pair = try makeSocketPair()
        let found = try sent(Self.file, through: (pair.others, pair.ours), reading: 1 << 16)
        #expect(found == Array(Self.file[5...]))
    }

    @Test func `a file that is shorter than was announced is a fault`() throws {
        let scratch = try Scratch()
        try Data(Self.file).write(to: URL(filePath: scratch.path + "/file"))
        let file = try OpenFile(scratch.path + "/file", O_RDONLY)
        let pipe = try Pipe()
        defer { for end in [pipe.reading, pipe.writing] { close(end) } }
        let output = BulkOutput(pipe.writing)
        #expect(throws: ChannelFault.self) {
            try output.send(100, of: file.descriptor, from: Self.file.count - 50)
        }
    }

    @Test func `a reader that is gone is a fault`() throws {
        signal(SIGPIPE, SIG_IGN)
        let scratch = try Scratch()
        try Data(Self.file).write(to: URL(filePath: scratch.path + "/file"))
        let file = try OpenFile(scratch.path + "/file", O_RDONLY)
        let pipe = try Pipe()
        defer { close(pipe.writing) }
        close(pipe.reading)
        let output = BulkOutput(pipe.writing)
        #expect(throws: ChannelFault.self) { try output.send(100, of: file.descriptor, from: 0) }
    }
}
