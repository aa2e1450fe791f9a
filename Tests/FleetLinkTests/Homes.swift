import FleetModel
import Foundation
import Glibc
import Synchronization
import Testing
import Wire

@testable import FleetLink

/// Agents' homes in a folder of their own, with real agents behind bulk channels.
final class Homes: Sendable {
    static let study = StudyID(rawValue: "moving-1")!

    let folder: String
    let names: [String]

    init(_ names: [String]) throws {
        folder = "/tmp/ihpo-homes-\(UInt32.random(in: 0...UInt32.max))"
        self.names = names
        for name in names {
            try FileManager.default.createDirectory(atPath: home(name), withIntermediateDirectories: true)
        }
    }

    deinit {
        // Folders that were made read-only are to go too.
        for path in FileManager.default.enumerator(atPath: folder)?.compactMap({ $0 as? String }) ?? [] {
            chmod(folder + "/" + path, 0o700)
        }
        try? FileManager.default.removeItem(atPath: folder)
    }

    func home(_ name: String) -> String { folder + "/" + name }

    static func checkpoint(_ number: Int = 0, step: Int = 10) -> Checkpoint {
        Checkpoint(
            run: RunID(trial: TrialID(stage: 0, number: number), attempt: 0), name: "step_\(step)", step: step
        )
    }

    func path(of checkpoint: Checkpoint, at name: String) -> String {
        home(name) + "/runs/" + RunKey(study: Self.study, run: checkpoint.run).folder + "/checkpoints/"
            + checkpoint.name
    }

    func incoming(_ checkpoint: Checkpoint, at name: String) -> String {
        home(name) + "/incoming/" + RunKey(study: Self.study, run: checkpoint.run).folder + "/"
            + checkpoint.name
    }

    /// Puts files there; answers their folder.
    @discardableResult
    func put(_ files: [String: [UInt8]], as checkpoint: Checkpoint, at name: String) throws -> String {
        let root = path(of: checkpoint, at: name)
        for (file, bytes) in files {
            let path = URL(fileURLWithPath: root + "/" + file)
            try FileManager.default.createDirectory(
                at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(bytes).write(to: path)
        }
        return root
    }

    func end(
        _ name: String, agent: String = `a link`.agent, hasOwnFiles: Bool = true
    ) -> CheckpointRelay.End {
        let home = home(name)
        return CheckpointRelay.End(NodeID(rawValue: name), hasOwnFiles: hasOwnFiles) {
            () throws(LinkFailure) in
            try BulkChannel(BulkPipe(agent, ["attach", "--home", home, "--bulk"], patience: 20))
        }
    }

    /// Brings it; answers by node the bytes that were sent, or why not.
    func bring(
        _ checkpoint: Checkpoint, from sources: [String], to nodes: [String]
    ) -> [String: Result<Int, RelayFailure>] {
        bring(checkpoint, from: sources.map { end($0) }, to: nodes.map { end($0) })
    }

    func bring(
        _ checkpoint: Checkpoint, from sources: [CheckpointRelay.End], to ends: [CheckpointRelay.End]
    ) -> [String: Result<Int, RelayFailure>] {
        final class Endings: Sendable {
            let all = Mutex<[String: Result<Int, RelayFailure>]>([:])
        }
        let endings = Endings()
        CheckpointRelay(checkpoint, of: Self.study).run(from: sources, to: ends) {
            node, result in
            endings.all.withLock { $0[node.rawValue] = result }
        }
        return endings.all.withLock { $0 }
    }

    /// Every file, folder and link below a folder, with its bytes and mode.
    static func contents(_ root: String) -> [String: String] {
        var found: [String: String] = [:]
        for case let path as String in FileManager.default.enumerator(atPath: root) ?? .init() {
            var status = stat()
            lstat(root + "/" + path, &status)
            let mode = String(status.st_mode, radix: 8)
            if status.st_mode & S_IFMT == S_IFLNK {
                let target = try? FileManager.default.destinationOfSymbolicLink(atPath: root + "/" + path)
                found[path] = "\(mode) -> \(target ?? "?")"
            } else {
                let bytes = FileManager.default.contents(atPath: root + "/" + path) ?? Data()
                found[path] = "\(mode) \(bytes.count) \(bytes.hashValue)"
            }
        }
        return found
    }
}

extension BulkChannel {
    /// Whether the other side ends its stream instead of saying more.
    var hasEnded: Bool {
        get throws(LinkFailure) {
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
            defer { memory.deallocate() }
            return try read(into: memory) == 0
        }
    }
}

extension [UInt8] {
    /// Bytes of which no chunk is like another, the same for the same seed.
    static func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        var random = SeededGenerator(seed: seed)
        let page = (0..<512).flatMap { _ in random.next().bytes }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + page.count)
        while bytes.count < count {
            bytes += UInt64(bytes.count).bytes
            bytes += page.dropFirst(8)
        }
        return Array(bytes.prefix(count))
    }
}

extension UInt64 {
    fileprivate var bytes: [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: self >> UInt64(8 * $0)) } }
}
