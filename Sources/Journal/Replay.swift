import FleetModel
import Foundation
import GRDB
import StudyCore

/// From rows back to an engine.
enum Replay {
    /// Refuses what is not ours or too new, before anything is read or written.
    static func check(_ db: Database, path: String) throws {
        let ours = try Int.fetchOne(db, sql: "PRAGMA application_id") == Schema.applicationID
        guard ours else { throw JournalError.notAJournal(path: path) }
        let found = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        guard found <= Schema.format else {
            throw JournalError.newerFormat(path: path, found: found, known: Schema.format)
        }
    }

    static func lastSequence(_ db: Database) throws -> Int {
        try Int.fetchOne(
            db,
            sql: """
                SELECT max(
                    (SELECT coalesce(max(sequence), 0) FROM steps),
                    (SELECT coalesce(max(sequence), 0) FROM reports))
                """) ?? 0
    }

    static func lastSnapshot(_ db: Database) throws -> Int {
        try Int.fetchOne(db, sql: "SELECT coalesce(max(sequence), 0) FROM snapshots") ?? 0
    }

    /// The engine as the file has it: the newest snapshot, and every step after it applied again.
    static func engine(in database: DatabaseQueue, path: String) throws(JournalError) -> Engine {
        try latest(in: database, path: path).engine
    }

    static func latest(in database: DatabaseQueue, path: String) throws(JournalError) -> JournalState {
        do {
            return try database.read { db in
                var state = try start(db)
                try advance(&state, db, path: path)
                return state
            }
        } catch {
            throw .from(error, path: path)
        }
    }

    static func advance(
        _ state: inout JournalState, in database: DatabaseQueue, path: String
    ) throws(JournalError) {
        do {
            let before = state
            state = try database.read { db in
                var moved = before
                try advance(&moved, db, path: path)
                return moved
            }
        } catch {
            throw .from(error, path: path)
        }
    }

    /// Effects that come out otherwise than recorded stop the replay: going on would make another study of it.
    private static func advance(_ state: inout JournalState, _ db: Database, path: String) throws {
        var (engine, sequence) = (state.engine, state.sequence)
        let steps = try Row.fetchCursor(
            db, sql: "SELECT * FROM steps WHERE sequence > ? ORDER BY sequence", arguments: [sequence])
        let reports = try Row.fetchCursor(
            db, sql: "SELECT * FROM reports WHERE sequence > ? ORDER BY sequence", arguments: [sequence])
        var (step, report) = (try steps.next()?.copy(), try reports.next()?.copy())
        while step != nil || report != nil {
            sequence += 1
            if let row = step, row["sequence"] == sequence {
                try apply(try Rows.event(row), row, sequence, &engine, path)
                step = try steps.next()?.copy()
            } else if let row = report, row["sequence"] == sequence {
                try apply(try Rows.report(row), row, sequence, &engine, path)
                report = try reports.next()?.copy()
            } else {
                throw JournalError.database(path: path, message: "step \(sequence) is missing")
            }
        }
        state = JournalState(engine: engine, sequence: sequence)
    }

    private static func start(_ db: Database) throws -> JournalState {
        // A snapshot that another version wrote or that is damaged is passed over: the steps are all there.
        let snapshots = try Row.fetchCursor(db, sql: "SELECT * FROM snapshots ORDER BY sequence DESC")
        while let row = try snapshots.next() {
            guard let engine = try? JSONDecoder().decode(Engine.self, from: row["engine"] as Data) else {
                continue
            }
            return JournalState(engine: engine, sequence: row["sequence"])
        }
        guard let row = try Row.fetchOne(db, sql: "SELECT * FROM study"),
            let study = StudyID(rawValue: row["id"])
        else { throw DatabaseError(message: "the study itself is missing") }
        return JournalState(
            engine: Engine(study: study, plan: try JSONText.decode(Plan.self, row["plan"])), sequence: 0)
    }

    private static func apply(
        _ event: Event, _ row: Row, _ sequence: Int, _ engine: inout Engine, _ path: String
    ) throws {
        let effects = try? engine.apply(event)
        guard effects == (try Rows.effects(row)) else {
            throw JournalError.diverged(path: path, sequence: sequence)
        }
    }
}
