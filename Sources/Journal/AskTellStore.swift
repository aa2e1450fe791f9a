import Foundation
import GRDB

/// The changes of ask/tell studies, of any number in one file, in the order in which they were made. What
/// `append` has returned from survives kill -9, and is whole or absent (WAL). What it was told to sync, and
/// all before that, survives power loss too.
/// Setups and changes are JSON texts that only their writer reads. A study has one process at a time.
public final class AskTellStore {
    private let path: String
    private let database: DatabaseQueue
    private let study: Int64
    private let lock: StudyLock
    /// Whether commits wait for the disk.
    private var isSyncing = true
    /// Of the last change that is known to be written.
    private var sequence: Int64 = 0
    /// The setup that the study was begun with; nil where it begins now.
    public let setup: String?

    private init(path: String, database: DatabaseQueue, study name: String) throws {
        self.path = path
        self.database = database
        let row: Row? = try database.write { db in
            let known = try Row.fetchOne(
                db, sql: "SELECT id, setup FROM studies WHERE name = ?", arguments: [name])
            if let known { return known }
            try db.execute(sql: "INSERT INTO studies (name) VALUES (?)", arguments: [name])
            return try Row.fetchOne(
                db, sql: "SELECT id, setup FROM studies WHERE name = ?", arguments: [name])
        }
        guard let row else { throw JournalError.database(path: path, message: "study \(name) is not there") }
        study = row["id"]
        lock = try StudyLock(path: path, study: study, name: name)
        // What another process wrote before it gave the study up is seen only now.
        setup = try database.read { [study] db in
            try String.fetchOne(db, sql: "SELECT setup FROM studies WHERE id = ?", arguments: [study])
        }
    }

    /// Opens a study, or makes room for one. The file is made where there is none.
    /// - Throws: where the file is another program's, is newer, cannot be written, or where another process
    ///   has the study.
    public static func open(at path: String, study: String) throws(JournalError) -> AskTellStore {
        do {
            var configuration = Configuration()
            configuration.busyMode = .timeout(10)
            configuration.prepareDatabase { db in
                try check(db, path: path)
                try db.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
            }
            let database = try DatabaseQueue(path: path, configuration: configuration)
            try migrator.migrate(database)
            return try AskTellStore(path: path, database: database, study: study)
        } catch {
            throw .from(error, path: path)
        }
    }

    /// `hpo2`, so that `file` and we know our own.
    private static let applicationID = 0x6870_6F32
    /// The newest format that this program reads and writes.
    private static let format = 1

    private static func check(_ db: Database, path: String) throws {
        let id = try Int.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        let tables = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") ?? 0
        guard id == applicationID || (id == 0 && tables == 0) else {
            throw JournalError.notAJournal(path: path)
        }
        let found = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        guard found <= format else {
            throw JournalError.newerFormat(path: path, found: found, known: format)
        }
    }

    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { db in
            try db.execute(
                sql: """
                    PRAGMA application_id = \(applicationID);
                    PRAGMA user_version = \(format);
                    CREATE TABLE studies (
                        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, setup TEXT
                    ) STRICT;
                    CREATE TABLE changes (
                        study INTEGER NOT NULL REFERENCES studies, sequence INTEGER NOT NULL,
                        change TEXT NOT NULL, PRIMARY KEY (study, sequence)
                    ) STRICT, WITHOUT ROWID;
                    """)
        }
        return migrator
    }

    /// Says what the study is made of, once, before its first change.
    public func begin(setup: String) throws(JournalError) {
        try write(synced: true) { [study] db in
            try db.execute(sql: "UPDATE studies SET setup = ? WHERE id = ?", arguments: [setup, study])
        }
    }

    /// Every change that is written, in order.
    public func forEachChange(_ body: (String) throws -> Void) throws {
        sequence = try database.read { [study] db in
            var last: Int64 = 0
            let rows = try Row.fetchCursor(
                db, sql: "SELECT sequence, change FROM changes WHERE study = ? ORDER BY sequence",
                arguments: [study])
            while let row = try rows.next() {
                last = row[0]
                try body(row[1])
            }
            return last
        }
    }

    /// Writes changes, all or none.
    /// - Parameter synced: whether to wait for the disk, which takes most of the time.
    public func append(_ changes: [String], synced: Bool) throws(JournalError) {
        let (first, study) = (sequence + 1, study)
        try write(synced: synced) { db in
            let insert = try db.cachedStatement(sql: "INSERT INTO changes VALUES (?, ?, ?)")
            for (index, change) in changes.enumerated() {
                try insert.execute(arguments: [study, first + Int64(index), change])
            }
        }
        sequence += Int64(changes.count)
    }

    private func write(synced: Bool, _ body: (Database) throws -> Void) throws(JournalError) {
        do {
            try database.writeWithoutTransaction { db in
                if synced != isSyncing {
                    try db.execute(sql: "PRAGMA synchronous = \(synced ? "FULL" : "NORMAL")")
                    isSyncing = synced
                }
                try db.inTransaction {
                    try body(db)
                    return .commit
                }
            }
        } catch {
            throw .from(error, path: path)
        }
    }
}
