import FoundationEssentials
import Glibc
import Spawn
import Wire

/// How checkpoints get into a trial folder: written under a temporary name, then renamed.
enum CheckpointFolder {
    static func name(ofStep step: Int) -> String { "step_\(step)" }

    /// An empty folder on the same file system; a run that ends leaves none behind.
    static func temporary(_ name: String, in folder: TrialFolder) throws -> String {
        let place = folder.checkpoints + "/.\(name).partial"
        try? FileManager.default.removeItem(atPath: place)
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        return place
    }

    /// Makes the complete folder `source` the checkpoint `name`, replacing one of that name.
    static func publish(_ source: String, as name: String, in folder: TrialFolder) throws {
        let target = folder.checkpoints + "/" + name
        try FileManager.default.createDirectory(
            atPath: folder.checkpoints, withIntermediateDirectories: true)
        if access(target, F_OK) == 0 { try FileManager.default.removeItem(atPath: target) }
        try checked("rename \(source) to \(target)") { rename(source, target) }
    }

    /// Moves a folder, to another file system too.
    static func move(_ source: String, to target: String) throws {
        if rename(source, target) == 0 { return }
        guard errno == EXDEV else { throw SystemError("rename \(source) to \(target)") }
        try FileManager.default.copyItem(atPath: source, toPath: target)
        try FileManager.default.removeItem(atPath: source)
    }

    /// Removes what an interrupted save left.
    static func removePartial(in folder: TrialFolder) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.checkpoints)) ?? []
        for name in names where name.hasPrefix(".") && name.hasSuffix(".partial") {
            try? FileManager.default.removeItem(atPath: folder.checkpoints + "/" + name)
        }
    }
}
