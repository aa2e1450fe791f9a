import Foundation
import Testing

/// The rules of the repository, as tests over its files.
@Suite struct TidyTests {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    struct Source: CustomTestStringConvertible, Sendable {
        let path: String
        let lines: [String]
        var testDescription: String { path }

        func imports(_ module: String) -> Bool {
            lines.contains { line in
                let words = line.split(separator: " ")
                guard let index = words.firstIndex(of: "import"), index <= 1 else { return false }
                return words.last.map(String.init) == module
            }
        }
    }

    /// Swift files below the named folders.
    static func sources(_ folders: String...) -> [Source] {
        folders.flatMap { folder -> [Source] in
            let base = root.appending(path: folder)
            guard let files = FileManager.default.enumerator(at: base, includingPropertiesForKeys: nil) else {
                return []
            }
            return files.compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }.map { file in
                let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
                let path = file.path.dropFirst(root.path.count + 1)
                return Source(path: String(path), lines: text.components(separatedBy: "\n"))
            }
        }.sorted { $0.path < $1.path }
    }

    static let everything = sources("Sources", "agents", "plugins", "Tests", "Benchmarks")

    @Test func `there are sources to check`() {
        #expect(Self.everything.count > 50)
    }

    @Test(arguments: sources("Sources/StudyCore", "Sources/FleetModel"))
    func `the core imports nothing that has a clock, a file or a thread`(source: Source) {
        for module in ["Foundation", "FoundationEssentials", "Glibc", "Dispatch", "Synchronization"] {
            #expect(!source.imports(module), "\(source.path) imports \(module)")
        }
    }

    @Test(arguments: sources("Sources/Search", "Sources/Simulation"))
    func `search and simulation take nothing from the system but mathematics, in one file`(source: Source) {
        for module in ["Foundation", "FoundationEssentials", "Dispatch", "Synchronization"] {
            #expect(!source.imports(module), "\(source.path) imports \(module)")
        }
        if source.imports("Glibc") { #expect(source.path.hasSuffix("/Math.swift")) }
    }

    @Test(
        arguments: sources("Sources/StudyCore", "Sources/Search", "Sources/FleetModel", "Sources/Simulation"))
    func `the core draws from its own generator and waits for nothing`(source: Source) {
        let banned = [
            "SystemRandomNumberGenerator", ".random(in: ", ".randomElement()", ".shuffled()", ".shuffle()",
            " async ",
            "await ", "Task {", "ContinuousClock", "Date()", "NSLock", "Mutex",
        ]
        for (number, line) in source.lines.enumerated() where !line.isComment {
            for word in banned where line.contains(word) && !line.contains("using:") {
                Issue.record("\(source.path):\(number + 1) has \(word)")
            }
        }
    }

    @Test(arguments: sources("agents", "plugins", "Sources/Wire", "Sources/Spawn", "Sources/TrainerKit"))
    func `what runs on GPU hosts uses FoundationEssentials and links no database and no SSH`(source: Source) {
        for module in ["Foundation", "GRDB", "CLibSSH", "Yams", "StudyCore", "Search"] {
            #expect(!source.imports(module), "\(source.path) imports \(module)")
        }
    }

    @Test func `each third-party package is imported by one folder of ours`() {
        for module in ["Crypto", "GRDB", "Yams"] {
            let homes = Set(Self.everything.filter { $0.imports(module) }.map(\.folder))
            #expect(homes.count <= 1, "\(module) is imported by \(homes.sorted())")
        }
    }

    @Test(arguments: sources("Sources", "agents", "plugins", "Benchmarks"))
    func `a file has at most 600 lines`(source: Source) {
        #expect(source.lines.count <= 600)
    }

    @Test(arguments: sources("Tests"))
    func `a test file has at most 800 lines`(source: Source) {
        #expect(source.lines.count <= 800)
    }

    @Test(arguments: everything)
    func `a function has at most 70 lines`(source: Source) {
        for function in Functions.of(source.lines) {
            #expect(function.length <= 70, "\(source.path):\(function.line) has \(function.length) lines")
        }
    }

    @Test func `functions are short as a rule`() {
        let lengths = Self.sources("Sources", "agents", "plugins")
            .flatMap { Functions.of($0.lines) }.map(\.length).sorted()
        #expect(lengths[lengths.count / 2] <= 10)
        #expect(lengths[lengths.count * 95 / 100] <= 40)
    }

    @Test(arguments: everything)
    func `no file holds a word that hides work or meaning`(source: Source) {
        let banned = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "Mana" + "ger", "Help" + "er", "Util" + "s"]
        for (number, line) in source.lines.enumerated() {
            for word in banned where line.contains(word) && !line.contains("FileManager") {
                Issue.record("\(source.path):\(number + 1) says \(word)")
            }
        }
    }

    @Test(arguments: everything)
    func `an unchecked Sendable says what protects it`(source: Source) {
        for (number, line) in source.lines.enumerated() where line.contains("@unchecked " + "Sendable") {
            let above = source.lines[max(0, number - 6)..<number]
            #expect(above.contains { $0.isComment }, "\(source.path):\(number + 1)")
        }
    }

    @Test(arguments: sources("Sources", "agents", "plugins"))
    func `nothing starts a shell`(source: Source) {
        for (number, line) in source.lines.enumerated() where !line.isComment {
            for word in ["/bin/sh", "/bin/bash", "\"sh\"", "\"bash\"", "system(", "popen("]
            where line.contains(word) {
                Issue.record("\(source.path):\(number + 1) has \(word)")
            }
        }
    }

    @Test func `every folder in the README's map exists, and every target's folder is in the map`() throws {
        let readme = try String(contentsOf: Self.root.appending(path: "README.md"), encoding: .utf8)
        let rows = readme.split(separator: "\n").filter { $0.hasPrefix("| `") }
        let mapped = Set(
            rows.flatMap { row in
                row.split(separator: "|")[0].split(separator: "`").map(String.init).filter {
                    $0.contains("/")
                }
            })
        for folder in mapped {
            #expect(
                FileManager.default.fileExists(atPath: Self.root.appending(path: folder).path), "\(folder)")
        }
        for place in ["Sources", "agents", "plugins"] {
            let names = try FileManager.default.contentsOfDirectory(
                atPath: Self.root.appending(path: place).path)
            for name in names {
                #expect(mapped.contains("\(place)/\(name)"), "\(place)/\(name) is not in the map")
            }
        }
    }
}

extension TidyTests.Source {
    /// `Sources/Journal` of `Sources/Journal/Schema.swift`; tests count as what they test.
    fileprivate var folder: String {
        path.split(separator: "/").prefix(2).joined(separator: "/")
            .replacing("Tests/", with: "Sources/").replacing("Tests", with: "")
    }
}

extension String {
    fileprivate var isComment: Bool { trimmingCharacters(in: .whitespaces).hasPrefix("//") }
}

/// Functions, initialisers and subscripts of a formatted Swift file, by indentation: the body ends at the
/// first line that closes at the indentation of its head.
private enum Functions {
    struct Found {
        let line: Int
        let length: Int
    }

    static func of(_ lines: [String]) -> [Found] {
        lines.indices.compactMap { start in
            guard isHead(lines[start]) else { return nil }
            let indent = lines[start].prefix { $0 == " " }
            guard let open = lines[start...].prefix(20).firstIndex(where: { $0.hasSuffix("{") }) else {
                return nil
            }
            guard let end = lines[open...].dropFirst().firstIndex(where: { $0 == indent + "}" }) else {
                return nil
            }
            return Found(line: start + 1, length: end - open - 1)
        }
    }

    private static func isHead(_ line: String) -> Bool {
        let words = line.trimmingCharacters(in: .whitespaces).split(separator: " ")
        guard !line.isComment, !line.hasSuffix("}") else { return false }
        let modifiers: Set<Substring> = [
            "public", "package", "private", "fileprivate", "internal", "static", "mutating", "override",
            "final",
            "nonisolated", "consuming", "borrowing", "convenience", "required", "@inline(__always)",
            "@discardableResult",
        ]
        guard let first = words.first(where: { !modifiers.contains($0) && !$0.hasPrefix("@Test") }) else {
            return false
        }
        return first == "func" || first.hasPrefix("init(") || first.hasPrefix("init<")
            || first.hasPrefix("init?(")
            || first.hasPrefix("subscript(")
    }
}
