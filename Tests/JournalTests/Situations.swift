import FleetModel
import Foundation
import Journal
import JournalStory
import StudyCore

/// A folder that goes away with its owner, and a journal's place in it.
final class Place {
    let folder = FileManager.default.temporaryDirectory.appending(path: "journal-\(UUID().uuidString)")
    var path: String { folder.appending(path: "study.sqlite").path }

    init() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// Overwrites four bytes of the database's header, as `PRAGMA user_version` (60) and
    /// `PRAGMA application_id` (68) would.
    func patch(at offset: UInt64, _ value: UInt32) throws {
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try file.seek(toOffset: offset)
        try file.write(contentsOf: withUnsafeBytes(of: value.bigEndian) { Data($0) })
        try file.close()
    }

    /// A journal of so many steps, closed; what it tells.
    @discardableResult
    func told(steps: Int, batch: Int = 10) throws -> Story {
        var story = Story()
        let journal = try Journal.create(at: path, engine: story.engine)
        for _ in 0..<(steps / batch) {
            try journal.append((0..<batch).map { _ in story.next() }, engine: story.engine)
        }
        return story
    }
}

extension Story {
    /// The same story after so many steps.
    static func after(_ steps: Int) -> Story {
        var story = Story()
        story.tell(steps)
        return story
    }

    mutating func tell(_ steps: Int) {
        for _ in 0..<steps { _ = next() }
    }
}

extension Engine {
    /// Equal for equal states, and short in the message of a failed test.
    var mark: Int { hashValue }
}

/// The program beside this test bundle that writes a journal without end.
struct Writer {
    let process = Process()
    private let input = Pipe()
    private let output = Pipe()

    /// - Parameter isPaced: it writes one batch for each `goOn`.
    init(path: String, batch: Int, limit: Int = 0, isPaced: Bool = false) throws {
        let bundle = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.executableURL = bundle.deletingLastPathComponent().appending(path: "JournalWriter")
        process.arguments = [path, "\(batch)", "\(limit)", isPaced ? "paced" : "free"]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
    }

    func goOn() throws { try input.fileHandleForWriting.write(contentsOf: Data([0])) }

    /// Returns once the program has said `lines` lines, or ended; what it said.
    @discardableResult
    func awaitLines(_ lines: Int) throws -> Data {
        var said = Data()
        while said.count(where: { $0 == UInt8(ascii: "\n") }) < lines {
            let more = output.fileHandleForReading.availableData
            if more.isEmpty { break }
            said += more
        }
        return said
    }

    /// Kills the program once it has said `lines` more lines; the last whole line that it ever said.
    func kill(after lines: Int) throws -> String {
        let said = try awaitLines(lines)
        Foundation.kill(process.processIdentifier, SIGKILL)
        return try lastLine(said)
    }

    /// Waits for the program's own end.
    func end() throws -> String { try lastLine(Data()) }

    private func lastLine(_ before: Data) throws -> String {
        let said = before + (try output.fileHandleForReading.readToEnd() ?? Data())
        process.waitUntilExit()
        let whole = String(decoding: said, as: UTF8.self).components(separatedBy: "\n").dropLast()
        return whole.last ?? ""
    }
}
