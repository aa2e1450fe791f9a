import BusyStudy
import FleetModel
import Foundation
import GRDB
import Journal
import StudyCore
import Synchronization
import Testing

@Suite struct ReaderTests {
    let folder = Folder()

    @Test func `readers see whole batches while one writes`() throws {
        let size = 2000
        var study = BusyStudy.small()
        let journal = try Journal.create(at: folder.journal, engine: study.engine)
        let batches = (0..<5).map { _ in Batch(steps: study.next(size), engine: study.engine) }
        let reader = try DatabaseQueue(path: folder.journal, configuration: .readOnly)
        let writer = Writer(batches, to: journal)
        var ends: [Int] = []
        while !writer.isDone { ends.append(try reader.read(lastSequence)) }
        #expect(ends.allSatisfy { $0 % size == 0 }, "\(ends.filter { $0 % size != 0 }.prefix(5))")
        #expect(ends == ends.sorted())
        // Reads fell into the writing of batches, and not only between them.
        #expect(ends.count > 10 * batches.count)
        #expect(try JournalReader(at: folder.journal).restore() == study.engine)
    }

    @Test func `a reader needs no writer`() throws {
        let (_, study) = try { try Journal.written(at: folder.journal, steps: 300) }()
        // Whoever closes last takes the WAL along.
        _ = try Journal.open(at: folder.journal)
        #expect(folder.names == ["study.sqlite"])
        let before = try Data(contentsOf: URL(fileURLWithPath: folder.journal))
        #expect(try JournalReader(at: folder.journal).restore() == study.engine)
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.journal)) == before)
    }

    @Test func `a reader holds nobody up`() throws {
        var (journal, study) = try Journal.written(at: folder.journal, steps: 100)
        let reader = try JournalReader(at: folder.journal)
        for _ in 0..<5 {
            try journal.append(study.next(10), engine: study.engine)
            #expect(try reader.restore() == study.engine)
        }
    }

    @Test func `a reader that goes on from what it has read is where one is that reads all`() throws {
        var (journal, study) = try Journal.written(at: folder.journal, steps: 100)
        let reader = try JournalReader(at: folder.journal)
        var state = try reader.latest()
        // With nothing new there is nothing to do.
        for size in [0, 1, 10, 700, 0] {
            if size > 0 { try journal.append(study.next(size), engine: study.engine) }
            try reader.advance(&state)
            #expect(state.engine == study.engine)
        }
        // Only what is new is read: a change of what is behind it is not seen.
        try tamper(folder.journal, "DELETE FROM steps WHERE sequence = 1")
        try journal.append(study.next(5), engine: study.engine)
        try reader.advance(&state)
        #expect(state.engine == study.engine)
    }

    @Test func `a trial's reports come in order of arrival`() throws {
        let (_, study) = try Journal.written(at: folder.journal, steps: 300)
        let trial = try #require(study.engine.trials.first { $0.result != nil })
        let reports = try JournalReader(at: folder.journal).reports(of: trial.id)
        #expect(reports.map(\.step) == Array(1...12))
        #expect(reports.last?.metrics["validation_loss"] == Reading(trial.result!.value))
        #expect(try JournalReader(at: folder.journal).reports(of: TrialID(stage: 9, number: 0)) == [])
    }
}

/// What one `append` takes.
private struct Batch {
    let steps: [Step]
    let engine: Engine
}

/// A thread of its own that appends batches.
private final class Writer: Sendable {
    private let state = Mutex(false)

    var isDone: Bool { state.withLock { $0 } }

    init(_ batches: [Batch], to journal: Journal) {
        Thread.detachNewThread { [self] in
            for batch in batches { try? journal.append(batch.steps, engine: batch.engine) }
            state.withLock { $0 = true }
        }
    }
}

extension Configuration {
    fileprivate static var readOnly: Configuration {
        var configuration = Configuration()
        configuration.readonly = true
        return configuration
    }
}

private func lastSequence(_ db: Database) throws -> Int {
    try Int.fetchOne(
        db,
        sql: """
            SELECT max(
                (SELECT coalesce(max(sequence), 0) FROM steps),
                (SELECT coalesce(max(sequence), 0) FROM reports))
            """) ?? 0
}
