import GRDB

/// The tables of `study.sqlite`. Migrations are only ever added: a released one never changes.
///
///     study      one row: the study's id and its plan
///     steps      every event that was applied and is no report, as JSON, with the effects it had
///     reports    every report that was applied, in columns; `effects` only where it had some
///     snapshots  the engine after `sequence`; a cache, the steps are the truth
///
/// `sequence` counts steps and reports together, from 1 without gaps.
enum Schema {
    /// `hpo1`, so that `file` and we know our own.
    static let applicationID = 0x6870_6F31
    /// The newest format that this program reads and writes.
    static let format = 1

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { db in
            try db.execute(
                sql: """
                    PRAGMA application_id = \(applicationID);
                    PRAGMA user_version = 1;
                    CREATE TABLE study (id TEXT NOT NULL, plan TEXT NOT NULL) STRICT;
                    CREATE TABLE steps (
                        sequence INTEGER PRIMARY KEY, at REAL NOT NULL, event TEXT NOT NULL, effects TEXT
                    ) STRICT;
                    CREATE TABLE reports (
                        sequence INTEGER PRIMARY KEY, at REAL NOT NULL, stage INTEGER NOT NULL,
                        trial INTEGER NOT NULL, attempt INTEGER NOT NULL, end INTEGER NOT NULL,
                        step INTEGER NOT NULL, metrics TEXT NOT NULL, effects TEXT
                    ) STRICT;
                    CREATE INDEX reports_of_trial ON reports (stage, trial);
                    CREATE TABLE snapshots (sequence INTEGER PRIMARY KEY, engine BLOB NOT NULL) STRICT;
                    """)
        }
        return migrator
    }
}
