import FleetModel
import Foundation

/// A folder like a checkpoint: eight large files and 200 small ones.
struct SampleTree {
    static let largeFiles = 8
    static let smallFiles = 200

    let root: String

    /// Writes it anew.
    init(at root: String, megabytes: Int, smallFiles: Int = smallFiles) throws {
        self.root = root
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        var random = SeededGenerator(seed: 1)
        for number in 0..<Self.largeFiles {
            let size = (megabytes / Self.largeFiles) << 20
            try Self.noise(size, &random).write(to: URL(fileURLWithPath: "\(root)/weights_\(number).bin"))
        }
        for number in 0..<smallFiles {
            let size = Int.random(in: 1_000...40_000, using: &random)
            try Self.noise(size, &random).write(to: URL(fileURLWithPath: "\(root)/part_\(number).json"))
        }
    }

    private init(root: String) { self.root = root }

    /// A copy in which a twentieth of the bytes differs: pieces of a MiB at any offset, and ten small files.
    func changed(at target: String) throws -> SampleTree {
        try FileManager.default.createDirectory(
            atPath: (target as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: root, toPath: target)
        var random = SeededGenerator(seed: 2)
        for number in 0..<Self.largeFiles {
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(target)/weights_\(number).bin"))
            let size = try file.seekToEnd()
            for _ in 0..<max(1, Int(size >> 20) / 20) {
                try file.seek(toOffset: UInt64.random(in: 0...(size - min(size, 1 << 20)), using: &random))
                try file.write(contentsOf: Self.noise(min(Int(size), 1 << 20), &random))
            }
            try file.close()
        }
        for number in 0..<10 {
            try Self.noise(10_000, &random).write(to: URL(fileURLWithPath: "\(target)/part_\(number).json"))
        }
        return SampleTree(root: target)
    }

    private static func noise(_ count: Int, _ random: inout SeededGenerator) -> Data {
        let words = (0..<(count + 7) / 8).map { _ in random.next() }
        return words.withUnsafeBytes { Data($0.prefix(count)) }
    }
}
