import BusyStudy
import FleetModel
import Foundation
import Journal
import StudyCore
import Testing

@Suite struct ReaderTests {
    let folder = Folder()

    @Test func `readers see whole batches while one writes`() async throws {
        var study = BusyStudy.small()
        let journal = try Journal.create(at: folder.journal, engine: study.engine)
        var batches: [[Step]] = []
        var engines = [study.engine]
        for _ in 0..<40 {
            batches.append(study.next(10))
            engines.append(study.engine)
        }
        let (path, states) = (folder.journal, engines)
        try await withThrowingTaskGroup { group in
            for _ in 0..<2 {
                group.addTask {
                    let reader = try JournalReader(at: path)
                    var seen = 0
                    while seen < states.count - 1 {
                        let engine = try reader.restore()
                        // Never half a batch, never an older one again.
                        seen = try #require(states[seen...].firstIndex(of: engine))
                    }
                }
            }
            for (index, batch) in batches.enumerated() {
                try journal.append(batch, engine: states[index + 1])
            }
            try await group.waitForAll()
        }
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

    @Test func `a trial's reports come in order of arrival`() throws {
        let (_, study) = try Journal.written(at: folder.journal, steps: 300)
        let trial = try #require(study.engine.trials.first { $0.result != nil })
        let reports = try JournalReader(at: folder.journal).reports(of: trial.id)
        #expect(reports.map(\.step) == Array(1...12))
        #expect(reports.last?.metrics["validation_loss"] == Reading(trial.result!.value))
        #expect(try JournalReader(at: folder.journal).reports(of: TrialID(stage: 9, number: 0)) == [])
    }
}
