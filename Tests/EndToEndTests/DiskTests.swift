import FleetModel
import Foundation
import StudyCore
import Testing

/// Studies on disks that are full, and later are not.
@Suite(
    .serialized, .timeLimit(.minutes(5)), .enabled(if: SmallDisk.isPossible, "needs to be allowed to mount")
)
struct DiskTests {
    @Test func `a coordinator whose disk is full ends and says so, and goes on once there is room`()
        async throws
    {
        let bench = try Bench(Yaml.search(trials: 6, steps: 60, secondsPerStep: 0.01))
        let disk = try bench.mountDisk(at: bench.out, megabytes: 8)
        // Room enough to begin; the journal takes the rest.
        try disk.fill(leaving: 400)
        let failed = try await bench.run("start")
        #expect(failed.exit == 1)
        #expect(failed.errors.contains("the disk is full: \(bench.journal) could not be written"))
        #expect(!failed.errors.contains("Error Domain"), "\(failed.errors)")
        let refused = try await bench.run("start")
        #expect(refused.exit == 1)
        #expect(refused.errors.contains("the disk is full"), "\(refused.errors)")
        try disk.free()
        let again = try await bench.run("start")
        #expect(again.exit == 0, "\(again.errors)")
        #expect(try bench.engine().trials.allSatisfy { $0.result != nil && $0.runs.count == 1 })
        #expect(try bench.differences() == [])
    }

    @Test func `while the agent's disk is full trials wait, and none is spent on it`() async throws {
        let bench = try Bench(Yaml.search(trials: 3, extra: "resources: { retries: 0 }"))
        let disk = try bench.mountDisk(at: bench.home, megabytes: 80)
        try disk.fill()
        let start = try bench.begin("start")
        while try await !bench.waitsForDisk(start) {}
        try disk.free()
        let result = await start.end()
        #expect(result.exit == 0, "\(result.errors)")
        #expect(try bench.engine().trials.allSatisfy { $0.result != nil && $0.faults == 0 })
        #expect(try bench.differences() == [])
    }

    @Test func `a trainer that dies on a full disk is tried again once there is room`() async throws {
        let faults = "garbage_at_step: 3, crash_at_step: 5, only_first_attempt: true"
        let bench = try Bench(Yaml.search(trials: 1, settings: faults))
        let disk = try bench.mountDisk(at: bench.home, megabytes: 80)
        // Room enough to begin, until the garbage, 2 MB of it, stands in the log.
        try disk.fill(leaving: 65 << 10)
        let start = try bench.begin("start")
        while try await !bench.waitsForDisk(start) {}
        try disk.free()
        let result = await start.end()
        #expect(result.exit == 0, "\(result.output) \(result.errors)")
        #expect(result.output.contains("0.0 is tried again: the disk of \(bench.home)"))
        let trial = try #require(try bench.engine().trials.first)
        #expect(trial.result != nil && trial.faults == 1, "found \(trial.state), \(trial.faults) faults")
    }
}

extension Bench {
    /// Whether `status` says that the study waits for room; looks again where it does not yet.
    fileprivate func waitsForDisk(_ coordinator: Running) async throws -> Bool {
        try #require(coordinator.isRunning)
        guard FileManager.default.fileExists(atPath: journal) else {
            try await Task.sleep(for: .milliseconds(20))
            return false
        }
        return try await run("status").output.contains("the disk of \(home) is full")
    }
}

/// A file system in memory, mounted on a folder.
final class SmallDisk: Sendable {
    private let path: String
    private var filler: String { path + "/filler" }

    /// Whether this process may mount.
    static let isPossible: Bool = {
        let path = NSTemporaryDirectory() + "hpo-mount-\(getpid())"
        defer { rmdir(path) }
        guard let disk = try? SmallDisk(at: path, megabytes: 1) else { return false }
        disk.unmount()
        return true
    }()

    struct NotMounted: Error {}

    init(at path: String, megabytes: Int) throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(megabytes)m") == 0 else { throw NotMounted() }
    }

    func unmount() {
        // Detached at once, gone with the last process that has something open there.
        umount2(path, Int32(MNT_DETACH))
    }

    /// Leaves `kibibytes`.
    func fill(leaving kibibytes: Int = 0) throws {
        let file = open(filler, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        defer { close(file) }
        for size in stride(from: 28, through: 12, by: -4).map({ off_t(1) << $0 }) {
            var code: Int32 = 0
            repeat { code = posix_fallocate(file, lseek(file, 0, SEEK_END), size) } while code == 0
            try #require(code == ENOSPC)
        }
        try #require(ftruncate(file, max(0, lseek(file, 0, SEEK_END) - off_t(kibibytes) << 10)) == 0)
    }

    func free() throws { try FileManager.default.removeItem(atPath: filler) }
}
