import FleetModel
import Foundation
import Glibc
import Testing
import Wire

@testable import FleetLink

/// Checkpoints between real agents, each at the other end of a pipe.
@Suite(.timeLimit(.minutes(2))) struct `a relay` {
    static let chunk = Manifest.chunkSize
    static let checkpoint = Homes.checkpoint()

    static func files(_ megabytes: Int = 3) -> [String: [UInt8]] {
        [
            "weights/a.bin": .noise(megabytes << 20), "weights/b.bin": .noise(chunk + 17, seed: 2),
            "empty": [], "état \"q\" '\n'.json": Array("{}".utf8), "deep/er/still/x": [0],
            "zeros": Array(repeating: 0, count: 3 * chunk),
        ]
    }

    @Test func `brings a tree whole: bytes, modes, empty folders and links`() throws {
        let homes = try Homes(["a", "b"])
        let root = try homes.put(Self.files(), as: Self.checkpoint, at: "a")
        try FileManager.default.createDirectory(
            atPath: root + "/nothing", withIntermediateDirectories: true)
        symlink("../weights/a.bin", root + "/deep/link")
        chmod(root + "/weights/b.bin", 0o440)
        chmod(root + "/deep/er", 0o500)
        let sent = try #require(try homes.bring(Self.checkpoint, from: ["a"], to: ["b"])["b"]?.get())
        #expect(sent == Self.files().values.reduce(0) { $0 + $1.count })
        #expect(Homes.contents(homes.path(of: Self.checkpoint, at: "b")) == Homes.contents(root))
        #expect(!FileManager.default.fileExists(atPath: homes.incoming(Self.checkpoint, at: "b")))
    }

    @Test(arguments: 1...6)
    func `brings any tree whole`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let homes = try Homes(["a", "b"])
        var files: [String: [UInt8]] = [:]
        let letters = ["x", " ", "\"", "\n", "é", "e\u{301}", "-", "$(x)", "*", "\\", "a.b"]
        for number in 0..<Int.random(in: 1...30, using: &random) {
            let depth = Int.random(in: 0...4, using: &random)
            let folders = (0..<depth).map { _ in "d" + letters.randomElement(using: &random)! }
            let edge = Int.random(in: 0...3, using: &random) * Self.chunk
            let size = max(0, edge + Int.random(in: -2...2, using: &random))
            let name = letters.randomElement(using: &random)! + "\(number)"
            files[(folders + [name]).joined(separator: "/")] = .noise(size, seed: random.next())
        }
        let root = try homes.put(files, as: Self.checkpoint, at: "a")
        let size = files.values.reduce(0) { $0 + $1.count }
        #expect(try homes.bring(Self.checkpoint, from: ["a"], to: ["b"])["b"]?.get() == size)
        #expect(Homes.contents(homes.path(of: Self.checkpoint, at: "b")) == Homes.contents(root))
    }

    @Test func `what is there already is not sent again`() throws {
        let homes = try Homes(["a", "b"])
        try homes.put(Self.files(), as: Self.checkpoint, at: "a")
        _ = homes.bring(Self.checkpoint, from: ["a"], to: ["b"])
        #expect(try homes.bring(Self.checkpoint, from: ["a"], to: ["b"])["b"]?.get() == 0)
    }

    @Test func `of a checkpoint like another one there, only the chunks that differ are sent`() throws {
        let homes = try Homes(["a", "b"])
        let (old, new) = (Homes.checkpoint(0), Homes.checkpoint(1, step: 20))
        var files = Self.files()
        try homes.put(files, as: old, at: "a")
        _ = homes.bring(old, from: ["a"], to: ["b"])
        files["weights/a.bin"]![5 * Self.chunk] ^= 1
        files["more"] = [1, 2, 3]
        let root = try homes.put(files, as: new, at: "a")
        #expect(try homes.bring(new, from: ["a"], to: ["b"])["b"]?.get() == Self.chunk + 3)
        #expect(Homes.contents(homes.path(of: new, at: "b")) == Homes.contents(root))
    }

    @Test func `what came as the same file, as a copied chunk or from afar is there for the next one`() throws
    {
        let homes = try Homes(["a", "b"])
        let (first, second, third) = (
            Homes.checkpoint(0), Homes.checkpoint(1, step: 20), Homes.checkpoint(2, step: 30)
        )
        var files: [String: [UInt8]] = ["changes": .noise(3 << 20), "stays": .noise((1 << 20) + 5)]
        try homes.put(files, as: first, at: "a")
        _ = homes.bring(first, from: ["a"], to: ["b"])
        files["changes"]![5 * Self.chunk] ^= 1
        try homes.put(files, as: second, at: "a")
        #expect(try homes.bring(second, from: ["a"], to: ["b"])["b"]?.get() == Self.chunk)
        try FileManager.default.removeItem(atPath: homes.path(of: first, at: "b"))
        files["changes"]![2 * Self.chunk] ^= 1
        files["stays"]![Self.chunk] ^= 1
        let root = try homes.put(files, as: third, at: "a")
        #expect(try homes.bring(third, from: ["a"], to: ["b"])["b"]?.get() == 2 * Self.chunk)
        #expect(Homes.contents(homes.path(of: third, at: "b")) == Homes.contents(root))
    }

    @Test func `a chunk that a like checkpoint there only seems to have is sent after all`() throws {
        let homes = try Homes(["a", "b"])
        let (old, new) = (Homes.checkpoint(0), Homes.checkpoint(1, step: 20))
        var files = Self.files()
        try homes.put(files, as: old, at: "a")
        _ = homes.bring(old, from: ["a"], to: ["b"])
        Self.damage(homes.path(of: old, at: "b") + "/weights/a.bin", at: 7 * Self.chunk)
        files["weights/a.bin"]![5 * Self.chunk] ^= 1
        let root = try homes.put(files, as: new, at: "a")
        #expect(try homes.bring(new, from: ["a"], to: ["b"])["b"]?.get() == 2 * Self.chunk)
        #expect(Homes.contents(homes.path(of: new, at: "b")) == Homes.contents(root))
    }

    @Test func `it is so where nothing seemed to lack, and while others get everything`() throws {
        let homes = try Homes(["a", "b", "c"])
        let (old, new) = (Homes.checkpoint(0), Homes.checkpoint(1, step: 20))
        try homes.put(["weights": .noise(3 << 20)], as: old, at: "a")
        _ = homes.bring(old, from: ["a"], to: ["b"])
        Self.damage(homes.path(of: old, at: "b") + "/weights", at: 0)
        let root = try homes.put(["weights": .noise(3 << 20)], as: new, at: "a")
        // With another mode it cannot be the same file.
        chmod(root + "/weights", 0o400)
        let endings = homes.bring(new, from: ["a"], to: ["b", "c"])
        #expect(try endings.mapValues { try $0.get() } == ["b": Self.chunk, "c": 3 << 20])
        for name in ["b", "c"] {
            #expect(Homes.contents(homes.path(of: new, at: name)) == Homes.contents(root))
        }
    }

    /// Changes two bytes and neither the file's size nor its time of change: only the bytes tell.
    private static func damage(_ file: String, at offset: Int) {
        var status = stat()
        stat(file, &status)
        let descriptor = open(file, O_WRONLY)
        pwrite(descriptor, [0xff, 0xfe], 2, off_t(offset))
        futimens(descriptor, [status.st_atim, status.st_mtim])
        close(descriptor)
    }

    @Test func `reads once for several nodes, each of which gets what it lacks`() throws {
        let homes = try Homes(["a", "b", "c", "d"])
        let root = try homes.put(Self.files(), as: Self.checkpoint, at: "a")
        let size = Self.files().values.reduce(0) { $0 + $1.count }
        _ = homes.bring(Self.checkpoint, from: ["a"], to: ["c"])
        let endings = homes.bring(Self.checkpoint, from: ["a"], to: ["b", "c", "d"])
        #expect(try endings.mapValues { try $0.get() } == ["b": size, "c": 0, "d": size])
        for name in ["b", "c", "d"] {
            #expect(Homes.contents(homes.path(of: Self.checkpoint, at: name)) == Homes.contents(root))
        }
    }

    @Test func `takes the next source where one does not have it`() throws {
        let homes = try Homes(["a", "b", "c"])
        try homes.put(Self.files(1), as: Self.checkpoint, at: "b")
        #expect(try homes.bring(Self.checkpoint, from: ["a", "b"], to: ["c"])["c"]?.get() ?? 0 > 0)
        let ending = homes.bring(Homes.checkpoint(9), from: ["a", "b"], to: ["c"])["c"]
        guard case .failure(let failure) = ending else {
            Issue.record("it came from nowhere")
            return
        }
        #expect(failure.description.contains("node a:") && failure.description.contains("node b:"))
        #expect(failure.description.contains("is not on this node"))
    }

    @Test func `a node that calls chunks damaged which it never got is at fault`() throws {
        let homes = try Homes(["a", "b"])
        try homes.put(["x": [1]], as: Self.checkpoint, at: "a")
        let program = homes.folder + "/liar"
        let answers = "{\"wanted\":{\"bytes\":1}}\n\u{1}{\"damaged\":{\"count\":-3,\"first\":5}}\n"
        let script = """
            #!/bin/sh
            cat \(homes.folder)/hello
            read request
            cat \(homes.folder)/answers
            sleep 5
            """
        for (name, text) in [
            ("hello", try Hello(name: "agent").line), ("answers", answers), ("liar", script),
        ] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(homes.folder)/\(name)"))
        }
        chmod(program, 0o700)
        let ending = homes.bring(
            Self.checkpoint, from: [homes.end("a")], to: [homes.end("b", agent: program)])
        guard case .failure(let failure) = ending["b"] else {
            Issue.record("it was believed")
            return
        }
        #expect(failure.description.contains("calls -3 chunks from 5 on damaged"))
    }

    @Test func `moves nothing between agents that see the same files`() throws {
        let homes = try Homes(["a", "b"])
        let root = try homes.put(Self.files(1), as: Self.checkpoint, at: "a")
        let endings = homes.bring(
            Self.checkpoint, from: [homes.end("a", hasOwnFiles: false)],
            to: [homes.end("b", hasOwnFiles: false)])
        #expect(try endings["b"]?.get() == 0)
        let place = homes.path(of: Self.checkpoint, at: "b")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: place) == root)
        #expect(FileManager.default.contents(atPath: place + "/weights/a.bin")?.count == 1 << 20)
    }

    @Test(arguments: ["a", "b"])
    func `moves the bytes where one of two that see the same files is to have its own`(own: String) throws {
        let homes = try Homes(["a", "b"])
        let root = try homes.put(Self.files(1), as: Self.checkpoint, at: "a")
        let ends = ["a", "b"].map { homes.end($0, hasOwnFiles: $0 == own) }
        let sent = try #require(try homes.bring(Self.checkpoint, from: [ends[0]], to: [ends[1]])["b"]?.get())
        #expect(sent > 1 << 20)
        #expect(Homes.contents(homes.path(of: Self.checkpoint, at: "b")) == Homes.contents(root))
    }

    @Test func `a file that was changed after it was hashed is not published, and the reason is given`()
        throws
    {
        let homes = try Homes(["a", "b"])
        let root = try homes.put(Self.files(), as: Self.checkpoint, at: "a")
        _ = homes.bring(Self.checkpoint, from: ["a"], to: ["b"])
        try FileManager.default.removeItem(atPath: homes.path(of: Self.checkpoint, at: "b"))
        Self.damage(root + "/weights/a.bin", at: 2 * Self.chunk)
        guard case .failure(let failure) = homes.bring(Self.checkpoint, from: ["a"], to: ["b"])["b"] else {
            Issue.record("a damaged chunk was taken")
            return
        }
        #expect(failure.description.contains("damaged from node a"))
        #expect(!FileManager.default.fileExists(atPath: homes.path(of: Self.checkpoint, at: "b")))
    }

    @Test func `a link out of the folder and a pipe in it are refused, with a sentence`() throws {
        let homes = try Homes(["a", "b"])
        let root = try homes.put(["x": [1]], as: Self.checkpoint, at: "a")
        symlink("../../../../../secret", root + "/leak")
        guard case .failure(let failure) = homes.bring(Self.checkpoint, from: ["a"], to: ["b"])["b"] else {
            Issue.record("it was taken")
            return
        }
        #expect(failure.description.contains("the link \"leak\" leads to \"../../../../../secret\""))
        unlink(root + "/leak")
        mkfifo(root + "/pipe", 0o600)
        guard case .failure(let other) = homes.bring(Self.checkpoint, from: ["a"], to: ["b"])["b"] else {
            Issue.record("it was taken")
            return
        }
        #expect(other.description.contains("neither file, folder nor link"))
    }
}
