import FleetModel
import Foundation
import Journal
import JournalStory
import StudyCore
import Testing

/// Promise 1: what `append` returned from is there, whatever happens to the process or the file's end.
@Suite struct CrashTests {
    @Test(arguments: [(1, 40), (7, 3), (50, 30), (1500, 4)])
    func `after kill -9 the journal holds whole batches and all that was acknowledged`(
        batch: Int, lines: Int
    ) throws {
        let place = try Place()
        let writer = try Writer(path: place.path, batch: batch)
        let acknowledged = try #require(Int(writer.kill(after: lines)))
        let engine = try Journal.open(at: place.path).restore()
        // At most the batch under way was written and not acknowledged.
        let candidates = [Story.after(acknowledged), Story.after(acknowledged + batch)]
        var story = try #require(
            candidates.first { $0.engine == engine }, "neither all nor nothing of a batch")
        let journal = try Journal.open(at: place.path)
        try journal.append([story.next()], engine: story.engine)
        #expect(try journal.restore().mark == story.engine.mark)
    }

    @Test func `two readers see whole batches, in order, while another process writes`() throws {
        let place = try Place()
        let writer = try Writer(path: place.path, batch: 5, isPaced: true)
        try writer.goOn()
        try writer.awaitLines(1)
        let readers = try [JournalReader(at: place.path), JournalReader(at: place.path)]
        var story = Story.after(5)
        for round in 0..<60 {
            // The writer is at it while the reader reads.
            try writer.goOn()
            let seen = try readers[round % 2].restore()
            while story.engine != seen, story.count < 5 * (round + 2) { story.tell(5) }
            #expect(story.engine.mark == seen.mark, "half a batch, or older than what was seen before")
        }
        #expect(story.count > 5)
        _ = try writer.kill(after: 0)
    }

    @Test func `a disk that is full is said so, nothing is half-written, and later it goes on`() throws {
        let place = try Place()
        let said = try Writer(path: place.path, batch: 20, limit: 600_000).end()
        #expect(said == JournalError.diskFull(path: place.path).description)
        let journal = try Journal.open(at: place.path)
        let engine = try journal.restore()
        var story = Story()
        while story.engine != engine, story.count < 50_000 { story.tell(20) }
        #expect(story.engine.mark == engine.mark)
        #expect(story.count > 0)
        try journal.append([story.next()], engine: story.engine)
        #expect(try journal.restore().mark == story.engine.mark)
    }

    @Test func `a log torn at any place leaves whole batches from the beginning`() throws {
        let place = try Place()
        var story = Story()
        let journal = try Journal.create(at: place.path, engine: story.engine)
        var states = [story.engine]
        for _ in 0..<12 {
            try journal.append((0..<4).map { _ in story.next() }, engine: story.engine)
            states.append(story.engine)
        }
        let log = try Data(contentsOf: URL(fileURLWithPath: place.path + "-wal"))
        let base = try Data(contentsOf: URL(fileURLWithPath: place.path))
        var seen: Set<Int> = []
        for tenth in 0...20 {
            let torn = try Place()
            try base.write(to: URL(fileURLWithPath: torn.path))
            try log.prefix(log.count * tenth / 20).write(to: URL(fileURLWithPath: torn.path + "-wal"))
            let engine = try Journal.open(at: torn.path).restore()
            seen.insert(try #require(states.firstIndex(of: engine), "half a batch at \(tenth)/20"))
        }
        #expect(seen.count > 5)
        #expect(seen.contains(12))
        _ = journal
    }
}
