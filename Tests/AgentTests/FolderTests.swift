import FleetModel
import FoundationEssentials
import Spawn
import Testing
import Wire

@testable import agent

/// An empty folder that is removed with the test.
final class Scratch {
    let path: String

    init() throws {
        path = "/tmp/iterhpo-" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

@Suite struct `an agent's home` {
    @Test func `that cannot be made is refused in plain words`() throws {
        let scratch = try Scratch()
        try Data().write(to: URL(filePath: scratch.path + "/file"))
        for (path, why) in [("/proc/x/y", "No such file"), (scratch.path + "/file/x", "Not a directory")] {
            let fault = #expect(throws: AgentError.self) { try Home(opening: path) }
            let text = try #require(fault?.description)
            #expect(text.hasPrefix("cannot make the agent's home \(path): \(why)"), "\(text)")
        }
    }

    @Test func `is made with all that it is in`() throws {
        let scratch = try Scratch()
        #expect(try Home(opening: scratch.path + "/a//b/c/").path == scratch.path + "/a/b/c")
    }
}

@Suite struct `trial folders` {
    let scratch: Scratch
    let folder: TrialFolder

    init() throws {
        scratch = try Scratch()
        folder = TrialFolder(path: scratch.path)
    }

    func write(_ text: String) throws { try Data(text.utf8).write(to: URL(filePath: folder.events)) }

    static func line(_ event: RunEvent) throws -> String {
        String(decoding: try Lines.encode(event), as: UTF8.self)
    }

    static let started = RunEvent.started(pid: 1, startTime: 2)

    /// Everything that a reader gets, piece by piece.
    func everything(from start: Int = 0) -> [PlacedEvent] {
        var events: [PlacedEvent] = []
        var offset = start
        while case let piece = EventReader.piece(of: folder.events, from: offset), piece.end > offset {
            events += piece.events
            offset = piece.end
        }
        return events
    }

    @Test func `the tail is the last whole line`() throws {
        #expect(folder.readTail() == EventTail(path: "/nowhere"))
        let first = try Self.line(Self.started)
        try write(first + "{\"report")
        #expect(folder.readTail().end == first.utf8.count)
        #expect(folder.readTail().last == Self.started)
    }

    @Test(arguments: [10, 5_000, 70_000, 3_000_000])
    func `an ending is written after a torn line of any length is cut off`(length: Int) throws {
        let first = try Self.line(Self.started)
        try write(first + String(repeating: "x", count: length))
        try folder.append(.ended(ending: .stopped))
        let text = String(decoding: try #require(contents(folder.events)), as: UTF8.self)
        #expect(text == first + (try Self.line(.ended(ending: .stopped))))
        #expect(folder.readTail().hasEnded)
    }

    @Test func `events come in pieces, each once, without the unfinished line`() throws {
        let notes = (0..<6_000).map { RunEvent.note(text: "note \($0) " + String(repeating: "n", count: 50)) }
        try write(try notes.map(Self.line).joined() + "{\"note\":{\"te")
        let events = everything()
        #expect(events.map(\.event) == notes)
        #expect(everything(from: events[2_999].end) == Array(events[3_000...]))
    }

    @Test func `a line over a megabyte is skipped, one just below is not`() throws {
        let long = RunEvent.note(text: String(repeating: "n", count: 900_000))
        try write(
            try Self.line(Self.started) + String(repeating: "x", count: 2 << 20) + "\n" + Self.line(long))
        #expect(everything().map(\.event) == [Self.started, long])
    }

    @Test func `the last lines of stderr are twenty at most`() throws {
        let text = (0..<50).map { "line \($0)\n" }.joined()
        try Data(text.utf8).write(to: URL(filePath: folder.stderr))
        #expect(folder.lastErrorLines() == (30..<50).map { "line \($0)" })
    }

    @Test func `a home whose socket's path is too long is refused`() {
        let long = scratch.path + "/" + String(repeating: "h", count: 90)
        let error = #expect(throws: AgentError.self) { try Home(opening: long) }
        #expect(error?.description.contains("at most 107") == true)
    }

    @Test func `one daemon per home`() throws {
        let home = try Home(opening: scratch.path)
        #expect(try home.takeDaemonLock())
        #expect(try !home.takeDaemonLock())
    }
}
