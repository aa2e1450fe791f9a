import FoundationEssentials
import Glibc
import Spawn

/// A second file for what a program prints, in a folder that other nodes see. What cannot be written there
/// is left out: the run does not depend on it.
struct Mirror {
    private let descriptor: Int32

    /// Makes the file, and its folder, if they are not there.
    init(_ path: String) {
        let folder = path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        // Open as long as the plugin lives: there is one a process.
        descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
    }

    func append(_ bytes: [UInt8]) {
        if descriptor >= 0 { try? writeAll(bytes, to: descriptor) }
    }
}
