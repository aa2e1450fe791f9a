import FleetModel
import Foundation
import GRDB
import StudyCore

/// Steps as rows.
enum Rows {
    static func insert(_ step: Step, _ sequence: Int, _ db: Database) throws {
        let effects = step.effects.isEmpty ? nil : try JSONText.encode(step.effects)
        if case .reported(let run, let end, let report) = step.event.what {
            try db.cachedStatement(sql: "INSERT INTO reports VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)").execute(
                arguments: [
                    sequence, step.event.at.seconds, run.trial.stage, run.trial.number, run.attempt, end,
                    report.step, try JSONText.encode(metrics: report.metrics), effects,
                ])
        } else {
            try db.cachedStatement(sql: "INSERT INTO steps VALUES (?, ?, ?, ?)").execute(
                arguments: [
                    sequence, step.event.at.seconds, try JSONText.encode(step.event.what), effects,
                ])
        }
    }

    /// Writes a snapshot and removes all but the one before it. Answers its size in bytes.
    static func snapshot(_ engine: Engine, _ sequence: Int, _ db: Database) throws -> Int {
        let bytes = try JSONEncoder().encode(engine)
        try db.execute(
            sql: "INSERT OR REPLACE INTO snapshots (sequence, engine) VALUES (?, ?)",
            arguments: [sequence, bytes])
        try db.execute(
            sql: """
                DELETE FROM snapshots
                WHERE sequence NOT IN (SELECT sequence FROM snapshots ORDER BY sequence DESC LIMIT 2)
                """)
        return bytes.count
    }

    static func report(_ row: Row) throws -> Event {
        let trial = TrialID(stage: row["stage"], number: row["trial"])
        return Event(
            at: Timestamp(seconds: row["at"]),
            .reported(
                run: RunID(trial: trial, attempt: row["attempt"]), end: row["end"], report: try metrics(row)))
    }

    static func metrics(_ row: Row) throws -> Report {
        Report(step: row["step"], metrics: try JSONText.decode([String: Reading].self, row["metrics"]))
    }

    static func event(_ row: Row) throws -> Event {
        Event(at: Timestamp(seconds: row["at"]), try JSONText.decode(Happening.self, row["event"]))
    }

    static func effects(_ row: Row) throws -> [Effect] {
        guard let text: String = row["effects"] else { return [] }
        return try JSONText.decode([Effect].self, text)
    }
}

/// JSON as SQLite keeps it: text that a person can read with the sqlite3 shell.
enum JSONText {
    /// One for all: making an encoder costs more than using it.
    private static let encoder = {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }()
    private static let decoder = JSONDecoder()

    static func encode(_ value: some Encodable) throws -> String {
        String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// `{"loss":0.25,"up":"inf"}`, as `encode` writes it. By hand, because every report has it and
    /// JSONEncoder takes most of the time of writing one.
    static func encode(metrics: [String: Reading]) throws -> String {
        guard metrics.keys.allSatisfy(isPlain) else { return try encode(metrics) }
        let members = metrics.sorted { $0.key < $1.key }.map { name, reading in
            switch reading {
            case .value(let number): "\"\(name)\":\(number)"
            case .notFinite(let what): "\"\(name)\":\"\(what.rawValue)\""
            }
        }
        return "{" + members.joined(separator: ",") + "}"
    }

    /// Stands between quotation marks as it is.
    private static func isPlain(_ name: String) -> Bool {
        name.utf8.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
    }

    static func decode<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
        try decoder.decode(type, from: Data(text.utf8))
    }
}
