import FleetModel
import Foundation
import Glibc
import Spawn
import Testing

@testable import FleetLink

/// Transfers that are cut in the middle, for real.
@Suite(.serialized, .timeLimit(.minutes(3))) struct `a relay under faults` {
    static let checkpoint = Homes.checkpoint()
    static let megabytes = 128

    /// Bytes on the disk of what has come so far.
    static func landed(_ homes: Homes) -> Int {
        let tree = homes.incoming(checkpoint, at: "b") + "/tree"
        return names(in: tree).reduce(0) { sum, name in
            var status = stat()
            return lstat(tree + "/" + name, &status) == 0 ? sum + Int(status.st_blocks) * 512 : sum
        }
    }

    static func bulkProcess(of home: String) -> Int32? {
        names(in: "/proc").compactMap { Int32($0) }.first { pid in
            let words = (contents("/proc/\(pid)/cmdline") ?? []).split(separator: 0)
                .map { String(decoding: $0, as: UTF8.self) }
            return words.contains(home) && words.contains("--bulk")
        }
    }

    /// Begins a transfer and kills the agent of `victim` when some of it has come.
    static func cut(_ homes: Homes, killing victim: String) -> RelayFailure? {
        let watcher = Monitor(false)
        onOwnThread {
            while landed(homes) < 8 << 20 { usleep(500) }
            if let pid = bulkProcess(of: homes.home(victim)) { kill(pid, SIGKILL) }
            watcher.use { $0 = true }
        }
        let ending = homes.bring(checkpoint, from: ["a"], to: ["b"])["b"]
        watcher.wait { $0 ? () : nil }
        if case .failure(let failure) = ending { return failure }
        return nil
    }

    @Test(arguments: ["a", "b"])
    func `an agent killed in the middle: nothing has its name, and what came is not sent again`(
        victim: String
    ) throws {
        let homes = try Homes(["a", "b"])
        let bytes = [UInt8].noise(Self.megabytes << 20)
        let root = try homes.put(["weights": bytes], as: Self.checkpoint, at: "a")
        let failure = try #require(Self.cut(homes, killing: victim))
        #expect(failure.description.contains("node \(victim)"))
        #expect(!FileManager.default.fileExists(atPath: homes.path(of: Self.checkpoint, at: "b")))
        let landed = Self.landed(homes)
        #expect(landed < bytes.count)
        let sent = try #require(try homes.bring(Self.checkpoint, from: ["a"], to: ["b"])["b"]?.get())
        #expect(sent <= bytes.count - landed + Lane.window * CheckpointRelay.batchSize)
        #expect(Homes.contents(homes.path(of: Self.checkpoint, at: "b")) == Homes.contents(root))
    }

    @Test func `what was damaged on the disk between two attempts is found and sent again`() throws {
        let homes = try Homes(["a", "b"])
        let root = try homes.put(
            ["weights": .noise(Self.megabytes << 20)], as: Self.checkpoint, at: "a")
        _ = try #require(Self.cut(homes, killing: "b"))
        let file = open(homes.incoming(Self.checkpoint, at: "b") + "/tree/weights", O_WRONLY)
        pwrite(file, [1, 2, 3], 3, 100)
        close(file)
        _ = try homes.bring(Self.checkpoint, from: ["a"], to: ["b"])["b"]?.get()
        #expect(Homes.contents(homes.path(of: Self.checkpoint, at: "b")) == Homes.contents(root))
    }

    @Test func `an agent that dies holds up none of the others`() throws {
        let homes = try Homes(["a", "b", "c"])
        let root = try homes.put(
            ["weights": .noise(Self.megabytes << 20)], as: Self.checkpoint, at: "a")
        onOwnThread {
            while Self.landed(homes) < 8 << 20 { usleep(500) }
            if let pid = Self.bulkProcess(of: homes.home("b")) { kill(pid, SIGKILL) }
        }
        let endings = homes.bring(Self.checkpoint, from: ["a"], to: ["b", "c"])
        guard case .failure? = endings["b"], case .success? = endings["c"] else {
            Issue.record("it ended as \(endings)")
            return
        }
        #expect(Homes.contents(homes.path(of: Self.checkpoint, at: "c")) == Homes.contents(root))
    }

    @Test func `a disk with too little room is told before anything is sent`() throws {
        let homes = try Homes(["a", "b"])
        try homes.put(["weights": .noise(20 << 20)], as: Self.checkpoint, at: "a")
        guard mount("none", homes.home("b"), "tmpfs", 0, "size=24m") == 0 else {
            Issue.record("a small disk needs root: \(String(cString: strerror(errno)))")
            return
        }
        defer { umount(homes.home("b")) }
        guard case .failure(let failure) = homes.bring(Self.checkpoint, from: ["a"], to: ["b"])["b"] else {
            Issue.record("it found room")
            return
        }
        #expect(
            failure.description.contains("needs 20 MiB more") && failure.description.contains("make room"))
        #expect(Self.landed(homes) == 0)
    }

    @Test func `two at once to one node: the second is told, and the first goes on`() throws {
        let homes = try Homes(["a", "b"])
        try homes.put(["weights": .noise(Self.megabytes << 20)], as: Self.checkpoint, at: "a")
        let second = Monitor<Result<Int, RelayFailure>?>(nil)
        onOwnThread {
            while Self.landed(homes) < 4 << 20 { usleep(500) }
            let ending = homes.bring(Self.checkpoint, from: ["a"], to: ["b"])["b"]
            second.use { $0 = ending }
        }
        #expect(try homes.bring(Self.checkpoint, from: ["a"], to: ["b"])["b"]?.get() != nil)
        if case .failure(let failure) = second.wait(for: { $0 }) {
            #expect(failure.description.contains("being received"))
        }
    }
}
