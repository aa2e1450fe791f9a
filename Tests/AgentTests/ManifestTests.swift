import FleetModel
import Testing

@Suite struct `a manifest` {
    typealias Entry = Manifest.Entry

    static func file(_ path: String, _ size: Int = 3, mode: UInt16 = 0o644) -> Entry {
        let chunks = (0..<Manifest.chunks(ofBytes: size)).map { number in
            ChunkDigest((0..<32).map { UInt8(truncatingIfNeeded: $0 * 7 + number) })
        }
        return Entry(path: path, mode: mode, kind: .file(size: size, chunks: chunks))
    }

    static func folder(_ path: String) -> Entry { Entry(path: path, mode: 0o755, kind: .folder) }

    static func link(_ path: String, to target: String) -> Entry {
        Entry(path: path, mode: 0o777, kind: .link(target: target))
    }

    static let sample = try! Manifest([
        folder("deep"), folder("deep/er"), file("deep/er/x", 2 * Manifest.chunkSize + 1), file("deep.txt", 0),
        file("a \"b\"\n'c'"), link("deep/er/up", to: "../../a \"b\"\n'c'"), link("here", to: "deep/er"),
    ])

    static func refusal(_ entries: Entry...) -> String? {
        do {
            _ = try Manifest(entries)
            return nil
        } catch {
            return error.description
        }
    }

    @Test func `reads back what it wrote`() throws {
        #expect(try Manifest(bytes: Self.sample.bytes) == Self.sample)
        #expect(try Manifest(bytes: Manifest([]).bytes).entries.isEmpty)
    }

    @Test func `has one form, whatever order its entries came in`() throws {
        let again = try Manifest(Self.sample.entries.shuffled())
        #expect(again.bytes == Self.sample.bytes)
    }

    @Test func `numbers the chunks of all files through`() {
        let places = (0..<Self.sample.chunkCount).map { Self.sample.place(ofChunk: $0) }
        #expect(places.map(\.length) == [3, Manifest.chunkSize, Manifest.chunkSize, 1])
        #expect(places.map(\.offset) == [0, 0, Manifest.chunkSize, 2 * Manifest.chunkSize])
        #expect(
            places.map { Self.sample.entries[$0.entry].path }
                == ["a \"b\"\n'c'", "deep/er/x", "deep/er/x", "deep/er/x"])
    }

    @Test func `cut off anywhere or longer than it should be, it is refused`() {
        let bytes = Self.sample.bytes
        for length in bytes.indices {
            #expect(throws: ManifestFault.self) { try Manifest(bytes: Array(bytes[..<length])) }
        }
        #expect(throws: ManifestFault.self) { try Manifest(bytes: bytes + [0]) }
    }

    @Test func `with any byte changed it is refused, or is another one`() {
        let bytes = Self.sample.bytes
        for place in bytes.indices {
            for change in [UInt8(1), 0x80] {
                var other = bytes
                other[place] ^= change
                if let manifest = try? Manifest(bytes: other) { #expect(manifest != Self.sample) }
            }
        }
    }

    @Test(arguments: [
        "/etc/passwd", "..", "../x", "a/../../x", ".", "a/./b", "", "a//b", "a/", "nul\0", "x/..",
        String(repeating: "x", count: 256),
    ])
    func `a path that could leave the folder is refused by name`(path: String) throws {
        let text = try #require(Self.refusal(Self.folder("a"), Self.folder("x"), Self.file(path)))
        #expect(text.contains("\"\(path)\""))
    }

    @Test(arguments: [
        "/etc/passwd", "..", "../..", "../../x", "a/../../x", "x/..", "", "./x", "x//y", "deep/../../../x",
    ])
    func `a link out of the folder, or that might lead out, is refused`(target: String) throws {
        let text = try #require(Self.refusal(Self.link("l", to: target)))
        #expect(text.contains("\"l\"") && text.contains("same checkpoint"))
    }

    @Test func `a link to the folder's own top is one, and no higher`() {
        #expect(Self.refusal(Self.folder("d"), Self.link("d/l", to: "..")) == nil)
        #expect(Self.refusal(Self.folder("d"), Self.link("d/l", to: "../..")) != nil)
    }

    @Test func `the same path twice is refused, also where letters are composed differently`() throws {
        #expect(try #require(Self.refusal(Self.file("x"), Self.folder("x"))).contains("twice"))
        // Equal strings in Swift, two names for the system.
        #expect(Self.refusal(Self.file("\u{e9}"), Self.file("e\u{301}")) == nil)
    }

    @Test func `something in a file, behind a link or in no folder is refused`() throws {
        for parent in [Self.file("p"), Self.link("p", to: "q")] {
            let text = try #require(Self.refusal(Self.folder("q"), parent, Self.file("p/x")))
            #expect(text.contains("\"p/x\" is not in a folder"))
        }
        #expect(Self.refusal(Self.file("nowhere/x")) != nil)
        // The folder has the other form of the letter.
        #expect(Self.refusal(Self.folder("\u{e9}"), Self.file("e\u{301}/x")) != nil)
    }

    @Test func `digests that do not fit the size, and modes beyond permissions, are refused`() throws {
        let short = Entry(path: "x", mode: 0o644, kind: .file(size: Manifest.chunkSize + 1, chunks: []))
        #expect(try #require(Self.refusal(short)).contains("has 0 digests; its size needs 2"))
        #expect(try #require(Self.refusal(Self.file("x", mode: 0o4755))).contains("mode 2541"))
        #expect(Self.refusal(Entry(path: "x", mode: 0, kind: .file(size: -1, chunks: []))) != nil)
    }

    @Test func `numbers that promise more than there is take no memory`() {
        var bytes = Array("ihpo-manifest-1\n".utf8)
        bytes += [0, 4, 0, 0, 0xff, 0xff, 0xff, 0xff]
        #expect(throws: ManifestFault.tooLarge(what: "the number of entries")) {
            try Manifest(bytes: bytes)
        }
        bytes.replaceSubrange(20..<24, with: [0, 0, 0, 1])
        bytes += [
            UInt8(ascii: "f"), 1, 0xa4, 0, 1, UInt8(ascii: "x"), 0, 0, 0x3f, 0xff, 0xff, 0xff, 0xff, 0xff,
        ]
        #expect(throws: ManifestFault.self) { try Manifest(bytes: bytes) }
    }
}
