import FleetModel
import Foundation
import Testing
import Wire

/// What an agent writes, and what is made of it.
@Suite struct `news of an agent` {
    static let run = RunKey(
        study: StudyID(rawValue: "gpt-1a2b")!, run: RunID(trial: TrialID(stage: 0, number: 3), attempt: 1))
    static let events: [RunEvent] = [
        .started(pid: 4_711, startTime: 88),
        .report(report: Report(step: 1, metrics: ["loss": .value(2.5), "µ \"": .notFinite(.nan)])),
        .note(text: "one\ntwo"), .checkpoint(name: "step_1", step: 1), .ended(ending: .completed),
    ]

    static func lines(_ lines: NewsLine...) throws -> [UInt8] { try lines.flatMap { try Lines.encode($0) } }

    /// A piece of a run's file, behind the line that announces it.
    static func piece(_ bytes: some Collection<UInt8>, from: Int = 100) throws -> [UInt8] {
        try lines(.events(run: run, from: from, bytes: bytes.count)) + bytes
    }

    static func news(of bytes: [UInt8], pieces: Int) throws -> [News] {
        var reader = NewsReader()
        var news: [News] = []
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            news += try reader.take(bytes[start..<min(start + pieces, bytes.count)])
        }
        return news
    }

    @Test(arguments: [1, 2, 7, 64, 1 << 20])
    func `it is the same however it is cut, and events are placed as in their file`(pieces: Int) throws {
        let file = try Self.events.flatMap { try Lines.encode($0) }
        let slot = Inventory.Entry(slot: .cpu(index: 0), state: .free)
        let held = Inventory.Entry(slot: .cpu(index: 0), state: .held(by: Self.run))
        let whole = Inventory(hostname: "n", gpus: .noDriver, slots: [slot], plugins: [])
        let bytes: [UInt8] =
            try Self.lines(.beat, .inventory(inventory: whole), .slots(changed: [held]))
            + Self.piece(file) + Self.lines(.complaint(text: "last"))
        let news: [News] = try Self.news(of: bytes, pieces: pieces)
        var end = 100
        let placed = try Self.events.map { event in
            end += try Lines.encode(event).count
            return PlacedEvent(end: end, event: event)
        }
        let expected: [News] = [
            .inventory(whole), .inventory(whole.changing([held])), .events(run: Self.run, events: placed),
            .complaint(text: "last"),
        ]
        #expect(news == expected)
    }

    @Test func `lines of a file that are no events are skipped, and what looks like news among them too`()
        throws
    {
        let line = try Lines.encode(Self.events[0])
        let file: [UInt8] =
            try Array("garbage\n\n\u{0}\u{1}\n".utf8) + Self.lines(.complaint(text: "no")) + line
        let news: [News] = try Self.news(of: Self.piece(file, from: 0) + Self.lines(.beat), pieces: 1 << 20)
        let placed = PlacedEvent(end: file.count, event: Self.events[0])
        #expect(news == [News.events(run: Self.run, events: [placed])])
        #expect(try Self.news(of: Self.piece(Array("x\n".utf8)), pieces: 9).isEmpty)
    }

    @Test(arguments: [-1, Int.min, Int.max - 3])
    func `a piece from where no file goes ends the connection`(from: Int) throws {
        let bytes = try Self.piece(try Lines.encode(Self.events[0]), from: from)
        #expect(throws: LineSplitter.LineTooLong.self) { try Self.news(of: bytes, pieces: bytes.count) }
    }

    @Test(arguments: [-1, NewsReader.longestPiece + 1, Int.max])
    func `a piece that is longer than the longest line, or shorter than nothing, ends the connection`(
        bytes: Int
    )
        throws
    {
        let line = try Self.lines(.events(run: Self.run, from: 0, bytes: bytes))
        #expect(throws: LineSplitter.LineTooLong.self) { try Self.news(of: line, pieces: 1 << 20) }
    }
}
