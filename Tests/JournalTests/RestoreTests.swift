import BusyStudy
import FleetModel
import Foundation
import Journal
import StudyCore
import Testing

@Suite struct RestoreTests {
    let folder = Folder()

    @Test func `a study that has not begun is restored as it was created`() throws {
        let engine = BusyStudy.small().engine
        let journal = try Journal.create(at: folder.journal, engine: engine)
        #expect(try journal.restore() == engine)
        #expect(try Journal.open(at: folder.journal).restore() == engine)
    }

    @Test func `appended steps restore to an equal engine`() throws {
        let (journal, study) = try Journal.written(at: folder.journal, steps: 1000)
        #expect(study.engine.trials.contains { if case .ended = $0.state { true } else { false } })
        #expect(try journal.restore() == study.engine)
        #expect(try Journal.open(at: folder.journal).restore() == study.engine)
    }

    @Test func `an empty batch changes nothing`() throws {
        let (journal, study) = try Journal.written(at: folder.journal, steps: 50)
        try journal.append([], engine: study.engine)
        #expect(try journal.restore() == study.engine)
    }

    @Test func `writing goes on after opening again`() throws {
        var (_, study) = try Journal.written(at: folder.journal, steps: 200)
        for _ in 0..<3 {
            let journal = try Journal.open(at: folder.journal)
            try journal.append(study.next(70), engine: study.engine)
        }
        #expect(try Journal.open(at: folder.journal).restore() == study.engine)
    }

    @Test func `after a snapshot only the rest is replayed`() throws {
        var (journal, study) = try Journal.written(at: folder.journal, steps: 500)
        try journal.snapshot(study.engine)
        try journal.append(study.next(500), engine: study.engine)
        #expect(try journal.restore() == study.engine)

        // What is before the snapshot would stop a replay.
        try tamper(folder.journal, "UPDATE reports SET effects = '[]' WHERE sequence < 500")
        try tamper(folder.journal, "UPDATE steps SET effects = '[]' WHERE sequence < 500")
        #expect(try journal.restore() == study.engine)
        try tamper(folder.journal, "DELETE FROM snapshots")
        #expect(throws: JournalError.diverged(path: folder.journal, sequence: 1)) { try journal.restore() }
    }

    @Test func `snapshots come by themselves, and at most two stay`() throws {
        let (_, study) = try Journal.written(at: folder.journal, steps: 11_000, batch: 500)
        let snapshots = try count(folder.journal, "SELECT count(*) FROM snapshots")
        #expect((1...2).contains(snapshots))
        #expect(try Journal.open(at: folder.journal).restore() == study.engine)
    }

    @Test func `a coordinator that is started again and again still makes snapshots`() throws {
        var (_, study) = try Journal.written(at: folder.journal, steps: 0)
        for _ in 0..<4 {
            let journal = try Journal.open(at: folder.journal)
            for _ in 0..<3 { try journal.append(study.next(500), engine: study.engine) }
        }
        #expect(try count(folder.journal, "SELECT count(*) FROM snapshots") == 1)
    }

    @Test func `whole floats, which JSON writes as ints, neither change the state nor the decisions`() throws
    {
        var study = BusyStudy(trials: 1000, steps: 12, firstRung: 3, slots: 4, hasWholeFloats: true)
        let journal = try Journal.create(at: folder.journal, engine: study.engine)
        for _ in 0..<10 { try journal.append(study.next(20), engine: study.engine) }
        #expect(try journal.restore() == study.engine)
        try journal.snapshot(study.engine)
        try journal.append(study.next(100), engine: study.engine)
        #expect(try journal.restore() == study.engine)
    }

    @Test func `a snapshot that cannot be read costs time and nothing else`() throws {
        var (journal, study) = try Journal.written(at: folder.journal, steps: 300)
        try journal.snapshot(study.engine)
        try journal.append(study.next(100), engine: study.engine)
        try tamper(folder.journal, "UPDATE snapshots SET engine = x'7B7D'")
        #expect(try journal.restore() == study.engine)
    }

    @Test func `a report whose recorded effects differ stops the replay at its step`() throws {
        let (journal, _) = try Journal.written(at: folder.journal, steps: 500)
        let sequence = try count(
            folder.journal, "SELECT min(sequence) FROM reports WHERE sequence > 250 AND effects IS NOT NULL")
        #expect(sequence > 250)
        try tamper(folder.journal, "UPDATE reports SET effects = NULL WHERE sequence = \(sequence)")
        #expect(throws: JournalError.diverged(path: folder.journal, sequence: sequence)) {
            try journal.restore()
        }
    }

    @Test func `an event that the engine refuses stops the replay at its step`() throws {
        let (journal, _) = try Journal.written(at: folder.journal, steps: 500)
        let sequence = try count(folder.journal, "SELECT max(sequence) FROM reports WHERE sequence < 400")
        try tamper(folder.journal, "UPDATE reports SET end = 1 WHERE sequence = \(sequence)")
        #expect(throws: JournalError.diverged(path: folder.journal, sequence: sequence)) {
            try journal.restore()
        }
    }

    @Test func `a step that is gone is named`() throws {
        let (journal, _) = try Journal.written(at: folder.journal, steps: 500)
        try tamper(folder.journal, "DELETE FROM reports WHERE sequence BETWEEN 300 AND 320")
        try tamper(folder.journal, "DELETE FROM steps WHERE sequence BETWEEN 300 AND 320")
        #expect(
            throws: JournalError.database(path: folder.journal, message: "step 300 is missing")
        ) { try journal.restore() }
    }

    @Test(arguments: ["plain", "a \"quoted\"\\\n\u{1}é"])
    func `every reading comes back, whatever it is and is called`(name: String) throws {
        var study = BusyStudy.small()
        let journal = try Journal.create(at: folder.journal, engine: study.engine)
        try journal.append(study.next(2), engine: study.engine)
        var engine = study.engine
        let run = try #require(engine.leasing.first { _ in true })
        let report = Report(
            step: 1,
            metrics: [
                "validation_loss": Reading(.nan), "up": Reading(.infinity), "down": Reading(-.infinity),
                "tiny": Reading(.leastNonzeroMagnitude), "third": Reading(1.0 / 3), "zero": Reading(-0.0),
                "huge": Reading(.greatestFiniteMagnitude), "round": Reading(1e22), name: Reading(1),
            ])
        let event = Event(at: Timestamp(seconds: 2_000_000.1), .reported(run: run, end: 9, report: report))
        try journal.append([Step(event: event, effects: try engine.apply(event))], engine: engine)
        #expect(try journal.restore() == engine)
        #expect(try JournalReader(at: folder.journal).reports(of: run.trial) == [report])
    }
}
