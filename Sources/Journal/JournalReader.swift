public import FleetModel
import Foundation
import GRDB
public import StudyCore

/// A study as its journal had it after a batch.
public struct JournalState: Sendable {
    public let engine: Engine
    /// The last step that is in it; 0 where there is none.
    let sequence: Int
}

/// Reads a journal, also while its coordinator writes it: a reader sees whole batches and holds nobody up.
public final class JournalReader: Sendable {
    private let path: String
    private let database: DatabaseQueue

    public init(at path: String) throws(JournalError) {
        guard FileManager.default.fileExists(atPath: path) else { throw .missing(path: path) }
        do {
            var configuration = Configuration()
            configuration.readonly = true
            configuration.busyMode = .timeout(10)
            configuration.prepareDatabase { db in try Replay.check(db, path: path) }
            self.path = path
            database = try DatabaseQueue(path: path, configuration: configuration)
        } catch {
            throw .from(error, path: path)
        }
    }

    /// The engine after the last batch that is written.
    public func restore() throws(JournalError) -> Engine {
        try Replay.engine(in: database, path: path)
    }

    /// The same, to go on from with `advance`.
    public func latest() throws(JournalError) -> JournalState {
        try Replay.latest(in: database, path: path)
    }

    /// Applies the batches that have been written since. Costs what is new, not what the journal is long.
    public func advance(_ state: inout JournalState) throws(JournalError) {
        try Replay.advance(&state, in: database, path: path)
    }

    /// Every report of a trial that counted or was repeated by a resumed run, in order of arrival.
    public func reports(of trial: TrialID) throws(JournalError) -> [Report] {
        try timedReports(of: trial).map(\.report)
    }

    /// The same, with when each was applied, in seconds since 1970, and by which of the trial's runs.
    public func timedReports(
        of trial: TrialID
    ) throws(JournalError) -> [(at: Double, attempt: Int, report: Report)] {
        do {
            return try database.read { db in
                try Row.fetchAll(
                    db,
                    sql: """
                        SELECT at, attempt, step, metrics FROM reports
                        WHERE stage = ? AND trial = ? ORDER BY sequence
                        """,
                    arguments: [trial.stage, trial.number]
                ).map { (at: $0["at"], attempt: $0["attempt"], report: try Rows.metrics($0)) }
            }
        } catch {
            throw .from(error, path: path)
        }
    }
}
