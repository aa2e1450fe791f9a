import FleetModel
import Foundation
import Glibc
import Testing
import Wire

@testable import FleetLink

/// Agents that see the same files link instead of copying, and never to anything but a checkpoint.
@Suite(.timeLimit(.minutes(1))) struct `a shared file system` {
    static let checkpoint = Homes.checkpoint()

    let homes: Homes
    /// The agent that shows its files.
    let source: BulkChannel
    let shown: SharedPlace
    let manifest: [UInt8]

    init() throws {
        homes = try Homes(["a", "b", "c", "outside"])
        try homes.put(["key": Array("secret".utf8)], as: Self.checkpoint, at: "a")
        source = try homes.end("a").open()
        (shown, manifest) = try Self.offer(source)
    }

    static func offer(_ channel: BulkChannel) throws -> (SharedPlace, manifest: [UInt8]) {
        try channel.send(BulkRequest.offer(study: Homes.study, checkpoint: checkpoint))
        guard case .offered(let count, let place) = try channel.answer() else {
            throw RelayFailure("it was refused")
        }
        return (place, try channel.read(exactly: count))
    }

    /// What the agent of `b` answers to who says that the checkpoint is seen there.
    func receive(_ place: SharedPlace, _ manifest: [UInt8]? = nil) throws -> BulkAnswer {
        let manifest = manifest ?? self.manifest
        let channel = try homes.end("b").open()
        try channel.send(
            BulkRequest.receive(
                study: Homes.study, checkpoint: Self.checkpoint, bytes: manifest.count, seen: place))
        try channel.write(manifest)
        return try channel.answer()
    }

    func place(_ path: String, probe: String? = nil) -> SharedPlace {
        SharedPlace(path: path, probe: probe ?? shown.probe, word: shown.word)
    }

    var link: String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: homes.path(of: Self.checkpoint, at: "b"))
    }

    /// Puts the same files where they are no checkpoint of this name, which the manifest fits.
    func copy(to path: String) throws {
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: shown.path, toPath: path)
    }

    func isRefused(_ place: SharedPlace, _ manifest: [UInt8]? = nil) throws -> Bool {
        guard case .wanted = try receive(place, manifest) else { return false }
        return link == nil
    }

    @Test func `a checkpoint in another agent's home is linked`() throws {
        #expect(try receive(shown) == .whole)
        #expect(link == shown.path)
    }

    @Test func `one that an agent has linked itself is linked where it is`() throws {
        #expect(try receive(shown) == .whole)
        let ends = ["b", "c"].map { homes.end($0, hasOwnFiles: false) }
        #expect(try homes.bring(Self.checkpoint, from: [ends[0]], to: [ends[1]])["c"]?.get() == 0)
        let there = homes.path(of: Self.checkpoint, at: "c")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: there) == shown.path)
    }

    @Test func `a folder that is no checkpoint is not linked, whoever asks for it`() throws {
        for path in ["/outside/secrets", "/a/runs/secrets", "/a/runs/x/checkpoints/step_10"] {
            try copy(to: homes.folder + path)
            #expect(try isRefused(place(homes.folder + path)), "\(path)")
        }
        #expect(try isRefused(place("/etc")))
    }

    @Test func `neither is one behind a link or a way up`() throws {
        let outside = homes.path(of: Self.checkpoint, at: "outside")
        try copy(to: homes.folder + "/outside/real")
        try FileManager.default.createDirectory(
            atPath: (outside as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        #expect(symlink(homes.folder + "/outside/real", outside) == 0)
        let probe = homes.home("outside") + "/probe." + shown.word
        try FileManager.default.copyItem(atPath: shown.probe, toPath: probe)
        #expect(try isRefused(place(outside, probe: probe)))
        let up = homes.home("outside") + "/../a" + shown.path.dropFirst(homes.home("a").count)
        #expect(try isRefused(place(up)))
    }

    @Test func `neither is one whose files are not what the manifest says`() throws {
        let path = shown.path + "/key"
        try Data("another".utf8).write(to: URL(fileURLWithPath: path))
        #expect(try isRefused(shown))
    }

    @Test func `the probe counts in the home of the files only, where nobody else may write`() throws {
        let elsewhere = homes.home("outside") + "/probe." + shown.word
        try FileManager.default.copyItem(atPath: shown.probe, toPath: elsewhere)
        #expect(try isRefused(place(shown.path, probe: elsewhere)))
        #expect(try isRefused(place(shown.path, probe: "/dev/zero")))
        chmod(homes.home("a"), 0o777)
        #expect(try isRefused(shown))
    }

    @Test func `a link that leads anywhere else is not read, and gives way to the checkpoint`() throws {
        let path = homes.path(of: Self.checkpoint, at: "b")
        try copy(to: homes.folder + "/outside/real")
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        #expect(symlink(homes.folder + "/outside/real", path) == 0)
        let channel = try homes.end("b").open()
        try channel.send(BulkRequest.offer(study: Homes.study, checkpoint: Self.checkpoint))
        guard case .refused(let reason) = try channel.answer() else {
            Issue.record("it was offered")
            return
        }
        #expect(reason.contains("leads to \(homes.folder)/outside/real"))
        #expect(try homes.bring(Self.checkpoint, from: ["a"], to: ["b"])["b"]?.get() == 6)
        #expect(link == nil)
        #expect(FileManager.default.fileExists(atPath: homes.folder + "/outside/real/key"))
    }
}
