public import FleetModel
import FoundationEssentials
import Glibc
import Spawn
package import Wire

/// The sizes of a micro-batch that a run may try: all give the same global batch, and so the same result but
/// for the order of sums. Less memory, more accumulation.
public struct MicroBatches: Hashable, Sendable {
    /// Samples in one forward pass of one replica, largest first.
    public let sizes: [Int]
    /// All else that the use of memory depends on: what ran out of memory once is not tried again for the
    /// same shape on the same kind of GPU.
    public let shape: String

    /// Of the divisors of `samples` up to `largest`, the largest, and from each on the next that is at most
    /// half: a trainer's start is too dear to try them all.
    ///
    /// - Parameter samples: of one replica in one optimiser step.
    public init(dividing samples: Int, upTo largest: Int = 64, shape: String) {
        var sizes: [Int] = []
        for size in stride(from: min(samples, largest), to: 0, by: -1) where samples % size == 0 {
            if let last = sizes.last, size > last / 2, size > 1 { continue }
            sizes.append(size)
        }
        self.sizes = sizes
        self.shape = shape
    }
}

extension JSON {
    /// Whether a setting leaves the micro-batch to us.
    public var isAuto: Bool { self == .string("auto") }

    /// These settings with a number in place of `micro_batch: auto`.
    func with(microBatch size: Int) -> JSON {
        guard case .object(var members) = self else { return self }
        members["micro_batch"] = .int(size)
        return .object(members)
    }
}

/// What ran out of memory on this node, kept in `learnt/micro_batches.json` of the agent's home. A file that
/// is lost or unreadable costs a few failed starts.
package struct MicroBatchMemory {
    /// nil: there is no home to keep it in.
    private let path: String?
    private let key: String

    package init(of folder: TrialFolder, plugin: String, shape: String) {
        path = Self.home(of: folder).map { $0 + "/learnt/micro_batches.json" }
        key = "\(plugin) on \(NodeKind.current): \(shape)"
    }

    /// `HOME/runs/STUDY/stage_K/trial_N/run_M` lies in the agent's home `HOME`.
    private static func home(of folder: TrialFolder) -> String? {
        let parts = folder.path.split(separator: "/")
        guard parts.count > 5, parts[parts.count - 5] == "runs" else { return nil }
        return "/" + parts.dropLast(5).joined(separator: "/")
    }

    /// The smallest size that is known not to fit.
    package var tooLarge: Int? { path.flatMap { Self.read($0)[key] } }

    package func note(tooLarge size: Int) {
        guard let path else { return }
        let folder = path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let lock = open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        defer { close(lock) }
        guard lock >= 0, flock(lock, LOCK_EX) == 0 else { return }
        var known = Self.read(path)
        known[key] = min(size, known[key] ?? size)
        guard let bytes = try? Lines.encode(known) else { return }
        try? bytes.write(to: URL(filePath: path), options: .atomic)
    }

    private static func read(_ path: String) -> [String: Int] {
        let bytes = FileManager.default.contents(atPath: path) ?? Data()
        return (try? Lines.decode([String: Int].self, from: bytes)) ?? [:]
    }
}

/// What kind of GPUs a node has, as far as the driver's files tell without a process.
enum NodeKind {
    static var current: String {
        let base = "/proc/driver/nvidia/gpus"
        let models = ((try? FileManager.default.contentsOfDirectory(atPath: base)) ?? []).compactMap { gpu in
            let bytes = FileManager.default.contents(atPath: "\(base)/\(gpu)/information") ?? Data()
            return String(decoding: bytes, as: UTF8.self).split(separator: "\n").first {
                $0.hasPrefix("Model:")
            }?.dropFirst(6).drop { $0.isWhitespace }
        }
        return models.isEmpty ? "no GPU" : Set(models).sorted().joined(separator: " and ")
    }
}
