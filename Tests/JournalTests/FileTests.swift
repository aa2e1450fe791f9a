import BusyStudy
import Foundation
import Journal
import StudyCore
import Testing

/// Files that are no journals, and journals of other versions.
@Suite struct FileTests {
    let folder = Folder()

    private func isRefused(_ expected: JournalError) {
        #expect(throws: expected) { try Journal.open(at: folder.journal) }
        #expect(throws: expected) { try JournalReader(at: folder.journal) }
    }

    @Test(arguments: ["hello, I am no database\n", "", String(repeating: "x", count: 10_000)])
    func `a file that is no journal is refused and left as it is`(text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: folder.journal))
        isRefused(.notAJournal(path: folder.journal))
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.journal)) == Data(text.utf8))
        #expect(folder.names == ["study.sqlite"])
    }

    @Test func `nobody else may read a journal, nor what SQLite keeps beside it`() throws {
        let journal = try Journal.written(at: folder.journal, steps: 50)
        for name in folder.names {
            let all = try FileManager.default.attributesOfItem(atPath: folder.path + "/" + name)
            #expect(all[.posixPermissions] as? Int == 0o600, "\(name)")
        }
        #expect(folder.names.contains("study.sqlite-wal"))
        withExtendedLifetime(journal) {}
    }

    @Test func `somebody else's SQLite file is refused and left as it is`() throws {
        try tamper(folder.journal, "CREATE TABLE recipes (name TEXT); INSERT INTO recipes VALUES ('soup')")
        let before = try Data(contentsOf: URL(fileURLWithPath: folder.journal))
        isRefused(.notAJournal(path: folder.journal))
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.journal)) == before)
    }

    @Test func `a newer format is refused with a sentence`() throws {
        _ = try Journal.written(at: folder.journal, steps: 50)
        try tamper(folder.journal, "PRAGMA user_version = 99")
        let expected = JournalError.newerFormat(path: folder.journal, found: 99, known: 1)
        isRefused(expected)
        #expect(
            expected.description
                == "\(folder.journal) has format 99, this coordinator reads up to format 1: install a newer iterhpo"
        )
    }

    @Test func `a file that is not there is said to be missing, and is not made`() throws {
        isRefused(.missing(path: folder.journal))
        #expect(folder.names == [])
    }

    @Test func `creating never touches a file that is there`() throws {
        let (_, study) = try Journal.written(at: folder.journal, steps: 50)
        #expect(throws: JournalError.exists(path: folder.journal)) {
            try Journal.create(at: folder.journal, engine: BusyStudy.small().engine)
        }
        #expect(try Journal.open(at: folder.journal).restore() == study.engine)
        #expect(folder.names == ["study.sqlite"])
    }

    @Test func `a create that fails leaves nothing behind`() throws {
        let path = folder.path + "/no/such/folder/study.sqlite"
        #expect(throws: JournalError.self) {
            try Journal.create(at: path, engine: BusyStudy.small().engine)
        }
        #expect(folder.names == [])
    }

    @Test func `what a create that was killed left is in nobody's way`() throws {
        try Data("half a journal".utf8).write(to: URL(fileURLWithPath: folder.journal + ".new"))
        let engine = BusyStudy.small().engine
        #expect(try Journal.create(at: folder.journal, engine: engine).restore() == engine)
        #expect(!folder.names.contains("study.sqlite.new"))
    }

    @Test func `a page that was overwritten is an error and no crash`() throws {
        _ = try Journal.written(at: folder.journal, steps: 500)
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: folder.journal))
        let size = try file.seekToEnd()
        for page in stride(from: UInt64(4096), to: size, by: 4096) {
            try file.seek(toOffset: page)
            try file.write(contentsOf: Data(repeating: 0xA5, count: 512))
        }
        try file.close()
        #expect(throws: JournalError.self) { try Journal.open(at: folder.journal).restore() }
    }
}
