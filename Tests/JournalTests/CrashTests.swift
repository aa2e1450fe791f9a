import BusyStudy
import Foundation
import Spawn
import Glibc
import Journal
import StudyCore
import Testing

/// What a killed process, a torn write and a full disk leave behind.
@Suite struct CrashTests {
    let folder = Folder()

    @Test(arguments: [1, 2, 7, 40, 100, 333])
    func `kill -9 loses nothing that was acknowledged, and leaves whole batches`(batches: Int) throws {
        let acknowledged = try WritingChild.killed(writing: folder.journal, batch: 7, after: batches)
        let journal = try Journal.open(at: folder.journal)
        let written = try count(folder.journal, countSteps)
        #expect(written >= acknowledged)
        #expect(written % 7 == 0)
        #expect(try journal.restore() == engineWritten(steps: written))
    }

    @Test func `writing goes on after a kill`() throws {
        _ = try WritingChild.killed(writing: folder.journal, batch: 10, after: 20)
        let written = try count(folder.journal, countSteps)
        var study = BusyStudy.child()
        _ = study.next(written)
        let journal = try Journal.open(at: folder.journal)
        try journal.append(study.next(30), engine: study.engine)
        #expect(try Journal.open(at: folder.journal).restore() == study.engine)
    }

    @Test(arguments: [1, 100, 4096, 5000, 30_000])
    func `a torn end of the WAL costs whole batches from the end`(bytes: Int) throws {
        _ = try WritingChild.killed(writing: folder.journal, batch: 7, after: 60)
        let wal = try FileHandle(forUpdating: URL(fileURLWithPath: folder.journal + "-wal"))
        let size = Int(try wal.seekToEnd())
        try #require(size > bytes)
        try wal.truncate(atOffset: UInt64(size - bytes))
        try wal.close()
        let journal = try Journal.open(at: folder.journal)
        let written = try count(folder.journal, countSteps)
        #expect(written > 0 && written % 7 == 0)
        #expect(try journal.restore() == engineWritten(steps: written))
    }

    @Test(.enabled("mounting a small disk needs root") { SmallDisk.isPossible })
    func `a full disk is said to be full, and what was acknowledged is there`() throws {
        let disk = try SmallDisk(at: folder.path, bytes: 2 << 20)
        defer { disk.remove() }
        var study = BusyStudy.child()
        let journal = try Journal.create(at: folder.journal, engine: study.engine)
        var acknowledged = study.engine
        #expect(throws: JournalError.diskFull(path: folder.journal)) {
            for _ in 0..<10_000 {
                try journal.append(study.next(20), engine: study.engine)
                acknowledged = study.engine
            }
        }
        #expect(acknowledged != BusyStudy.child().engine)
        #expect(try journal.restore() == acknowledged)
        #expect(try Journal.open(at: folder.journal).restore() == acknowledged)
    }

    @Test(.enabled("mounting a small disk needs root") { SmallDisk.isPossible })
    func `no journal is created on a full disk`() throws {
        let disk = try SmallDisk(at: folder.path, bytes: 16 << 10)
        defer { disk.remove() }
        #expect(throws: JournalError.diskFull(path: folder.journal)) {
            try Journal.create(at: folder.journal, engine: BusyStudy.small().engine)
        }
        #expect(folder.names == [])
    }
}

let countSteps = "SELECT (SELECT count(*) FROM steps) + (SELECT count(*) FROM reports)"

/// `JournalSpeed write`, which stands beside the test's executable.
enum WritingChild {
    /// Kills the child when so many batches are acknowledged. Answers how many steps it had acknowledged.
    static func killed(writing path: String, batch: Int, after batches: Int) throws -> Int {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let program = URL(fileURLWithPath: own).deletingLastPathComponent().path + "/JournalSpeed"
        let pipe = try Spawn.Pipe()
        defer { close(pipe.reading) }
        var order = Program([program, "write", path, "\(batch)"])
        (order.output, order.errors) = (pipe.writing, 2)
        let child = try order.spawn()
        close(pipe.writing)
        var text: [UInt8] = []
        while text.count(where: { $0 == UInt8(ascii: "\n") }) < batches,
            case .bytes(let more) = receive(pipe.reading)
        {
            text += more
        }
        child.signalGroup(SIGKILL)
        while case .bytes(let more) = receive(pipe.reading) { text += more }
        try #require(child.wait() == .signal(SIGKILL), "the child ended by itself")
        // A line without its end was cut by the kill, and acknowledges nothing.
        let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast()
        return Int(String(decoding: lines.last ?? [], as: UTF8.self)) ?? 0
    }
}

/// A file system of a few pages, so that it really fills up.
struct SmallDisk {
    private let path: String

    static var isPossible: Bool {
        let folder = Folder()
        guard let disk = try? SmallDisk(at: folder.path, bytes: 4096) else { return false }
        disk.remove()
        return true
    }

    init(at path: String, bytes: Int) throws {
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(bytes)") == 0 else {
            throw CocoaError(.fileWriteNoPermission)
        }
        self.path = path
    }

    func remove() {
        umount2(path, Int32(MNT_DETACH))
    }
}
