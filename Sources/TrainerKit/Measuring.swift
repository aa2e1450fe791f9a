import FleetModel
import FoundationEssentials
import Glibc

/// What files take on a disk that gives out blocks of 4 KiB: `StandardMetric.checkpointMiB`. In whole blocks,
/// so that checkpoints of one shape have one size, though the counters beside their weights have more digits
/// in one than in another.
public enum DiskSize {
    private static let block = 4096

    /// - Parameter files: the bytes of each.
    /// - Returns: MiB.
    public static func mib(ofFiles files: some Sequence<Int>) -> Double {
        let blocks = files.reduce(0) { $0 + ($1 + block - 1) / block }
        return Double(blocks * block) / 1_048_576
    }

    /// MiB of all files below `folder`; nil where there is none.
    static func mib(below folder: String) -> Double? {
        let names = (try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? []
        let sizes = names.compactMap { name -> Int? in
            var status = stat()
            guard lstat(folder + "/" + name, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                return nil
            }
            return Int(status.st_size)
        }
        return sizes.isEmpty ? nil : mib(ofFiles: sizes)
    }
}

/// This process's memory.
public enum ProcessMemory {
    /// The most that it held at a time, in MiB: `StandardMetric.peakMemoryMiB` of a trainer that works in this
    /// process. `VmHWM` of proc(5), which counts kB of 1,024 bytes; nil where the kernel does not tell.
    public static var peakMiB: Double? {
        let status = FileManager.default.contents(atPath: "/proc/self/status") ?? Data()
        return peakMiB(inStatus: String(decoding: status, as: UTF8.self))
    }

    /// From the text of `/proc/PID/status`.
    package static func peakMiB(inStatus text: String) -> Double? {
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        let words = line?.split(whereSeparator: \.isWhitespace)
        guard let words, words.count == 3, words[2] == "kB", let size = Double(words[1]) else { return nil }
        return size / 1024
    }
}
