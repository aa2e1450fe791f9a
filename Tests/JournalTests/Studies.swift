import BusyStudy
import Foundation
import GRDB
import Journal
import StudyCore

/// A folder of its own for one test, removed with it.
final class Folder: Sendable {
    let path: String

    init() {
        path = FileManager.default.temporaryDirectory.path + "/journal-\(UUID().uuidString)"
        try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var journal: String { path + "/study.sqlite" }

    var names: [String] { try! FileManager.default.contentsOfDirectory(atPath: path).sorted() }
}

extension BusyStudy {
    /// Small: decisions come often.
    static func small() -> BusyStudy {
        BusyStudy(trials: 100_000, steps: 12, firstRung: 3, slots: 4)
    }
}

extension Journal {
    /// A new journal of a small study with so many steps in it.
    static func written(at path: String, steps: Int, batch: Int = 50) throws -> (Journal, BusyStudy) {
        var study = BusyStudy.small()
        let journal = try Journal.create(at: path, engine: study.engine)
        for _ in 0..<steps / batch { try journal.append(study.next(batch), engine: study.engine) }
        return (journal, study)
    }
}

/// Changes a journal behind its back.
func tamper(_ path: String, _ sql: String) throws {
    let database = try DatabaseQueue(path: path)
    try database.writeWithoutTransaction { db in try db.execute(sql: sql) }
    try database.close()
}

func count(_ path: String, _ sql: String) throws -> Int {
    let database = try DatabaseQueue(path: path)
    return try database.read { db in try Int.fetchOne(db, sql: sql) ?? 0 }
}

/// The state of the study that the child writes, after so many steps.
func engineWritten(steps: Int) -> Engine {
    var study = BusyStudy.child()
    for _ in 0..<steps { _ = study.next() }
    return study.engine
}
