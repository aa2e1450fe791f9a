import FleetModel
import Foundation
import GRDB
public import StudyCore

/// One event that was applied, and the effects it had.
public struct Step: Hashable, Sendable {
    public let event: Event
    public let effects: [Effect]

    public init(event: Event, effects: [Effect]) {
        self.event = event
        self.effects = effects
    }
}

/// The durable record of a study, with one writer: its coordinator. What `append` has returned from
/// survives kill -9 and power loss (WAL, synchronous FULL); batches are whole or absent.
public final class Journal: Sendable {
    private let path: String
    private let database: DatabaseQueue
    private let cursor: Cursor

    /// Where the journal ends, and when the next snapshot is due. Touched only inside `database.write`,
    /// which lets in one caller at a time.
    private final class Cursor: @unchecked Sendable {
        var sequence = 0
        var snapshotAt = 0
    }

    /// Steps between snapshots at least: about a tenth of a second of replay.
    static let snapshotInterval = 5000
    /// One more step between snapshots for so many bytes of the last one, so that writing snapshots stays
    /// a small part of writing.
    static let snapshotBytesPerStep = 300

    private init(path: String, database: DatabaseQueue) throws {
        self.path = path
        self.database = database
        cursor = Cursor()
        (cursor.sequence, cursor.snapshotAt) = try database.read { db in
            // From the last snapshot on, or a coordinator that is often started again would never make one.
            (try Replay.lastSequence(db), try Replay.lastSnapshot(db) + Self.snapshotInterval)
        }
    }

    /// A new journal for a study that has not begun. The file appears whole: there is none where this throws.
    public static func create(at path: String, engine: Engine) throws(JournalError) -> Journal {
        guard !FileManager.default.fileExists(atPath: path) else { throw .exists(path: path) }
        let fresh = path + ".new"
        remove(fresh)
        do {
            try write(engine, to: fresh)
            try FileManager.default.moveItem(atPath: fresh, toPath: path)
        } catch {
            remove(fresh)
            throw .from(error, path: path)
        }
        do {
            return try open(at: path)
        } catch {
            remove(path)
            throw error
        }
    }

    private static func write(_ engine: Engine, to path: String) throws {
        // A trainer's settings may hold secrets. What SQLite keeps beside the file is as open as the file. Where there
        // can be none, SQLite says why.
        _ = FileManager.default.createFile(
            atPath: path, contents: nil, attributes: [.posixPermissions: 0o600])
        let database = try DatabaseQueue(path: path)
        try Schema.migrator.migrate(database)
        try database.write { db in
            try db.execute(
                sql: "INSERT INTO study (id, plan) VALUES (?, ?)",
                arguments: [engine.study.rawValue, try JSONText.encode(engine.plan)])
        }
        try database.close()
    }

    private static func remove(_ path: String) {
        for suffix in ["", "-journal", "-wal", "-shm"] {
            try? FileManager.default.removeItem(atPath: path + suffix)
        }
    }

    /// The journal of a study that was begun.
    public static func open(at path: String) throws(JournalError) -> Journal {
        // SQLite would make an empty file of that name.
        guard FileManager.default.fileExists(atPath: path) else { throw .missing(path: path) }
        do {
            var configuration = Configuration()
            configuration.busyMode = .timeout(10)
            configuration.prepareDatabase { db in
                try Replay.check(db, path: path)
                try db.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
            }
            let database = try DatabaseQueue(path: path, configuration: configuration)
            try Schema.migrator.migrate(database)
            return try Journal(path: path, database: database)
        } catch {
            throw .from(error, path: path)
        }
    }

    /// The engine as it was after the last step.
    public func restore() throws(JournalError) -> Engine {
        try Replay.engine(in: database, path: path)
    }

    /// Writes steps, all or none; `engine` is the state after the last of them.
    public func append(_ steps: [Step], engine: Engine) throws(JournalError) {
        do {
            try database.write { db in
                var sequence = cursor.sequence
                for step in steps {
                    sequence += 1
                    try Rows.insert(step, sequence, db)
                }
                let isDue = sequence >= cursor.snapshotAt
                let bytes = isDue ? try Rows.snapshot(engine, sequence, db) : 0
                db.afterNextTransaction { [cursor, sequence] _ in
                    cursor.sequence = sequence
                    guard isDue else { return }
                    cursor.snapshotAt =
                        sequence + max(Self.snapshotInterval, bytes / Self.snapshotBytesPerStep)
                }
            }
        } catch {
            throw .from(error, path: path)
        }
    }

    /// Saves the state after the last step, so that starting again replays nothing.
    public func snapshot(_ engine: Engine) throws(JournalError) {
        do {
            try database.write { db in
                guard cursor.sequence > 0 else { return }
                _ = try Rows.snapshot(engine, cursor.sequence, db)
            }
        } catch {
            throw .from(error, path: path)
        }
    }
}
