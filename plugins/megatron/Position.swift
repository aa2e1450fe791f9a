import FleetModel
import FoundationEssentials
import TrainerKit
import Wire

/// A checkpoint as it stands on the disk: a folder that Megatron's `--load` takes (with the file
/// `latest_checkpointed_iteration.txt`), or one of its `iter_0000100`.
struct SavedPlace: Hashable {
    static let tracker = "latest_checkpointed_iteration.txt"

    /// For `--load`.
    let root: String
    /// nil: converted weights, of no iteration (`release`).
    let iteration: Int?
    /// Whether `root` is marked with this iteration, so that it needs no `--ckpt-step`.
    let isTracked: Bool
    /// What iterhpo wrote beside it; nil for a checkpoint from elsewhere.
    let memo: Memo?

    /// `iter_0000100`
    static func name(of iteration: Int) -> String {
        let digits = "\(iteration)"
        return "iter_" + String(repeating: "0", count: max(0, 7 - digits.count)) + digits
    }

    /// The folder with the files themselves.
    var files: String { root + "/" + (iteration.map(Self.name) ?? "release") }

    /// nil: neither the folder nor its name says an iteration.
    init?(at path: String) {
        let parts = path.split(separator: "/")
        let text = FileManager.default.contents(atPath: path + "/" + Self.tracker)
            .map { String(decoding: $0, as: UTF8.self).filter { !$0.isWhitespace } }
        memo = Memo(at: path)
        if let text, text == "release" || Int(text) != nil {
            (root, iteration, isTracked) = (path, Int(text), true)
        } else if let last = parts.last, last.hasPrefix("iter_"), let iteration = Int(last.dropFirst(5)) {
            root = "/" + parts.dropLast().joined(separator: "/")
            (self.iteration, isTracked) = (iteration, false)
        } else {
            return nil
        }
    }

    /// A place that was only named, for explanations: the number at its name's end is its iteration.
    init(unread path: String) {
        let digits = String(path.reversed().prefix { $0.isNumber }.reversed())
        (root, iteration, isTracked, memo) = (path, Int(digits) ?? 0, true, nil)
    }
}

/// `iterhpo.json` beside a checkpoint: what its trial was trained with, so that the next knows its place in
/// the data and which values the optimiser's state holds.
struct Memo: Hashable, Codable {
    static let file = "iterhpo.json"

    /// Iteration and consumed samples at the trial's step 0; each iteration since took `batch` more.
    let iteration: Int
    let samples: Int
    let batch: Int
    /// Of the data's order.
    let seed: Int
    let rates: Rates

    init(iteration: Int, samples: Int, batch: Int, seed: Int, rates: Rates) {
        (self.iteration, self.samples, self.batch) = (iteration, samples, batch)
        (self.seed, self.rates) = (seed, rates)
    }

    init?(at folder: String) {
        guard let bytes = FileManager.default.contents(atPath: folder + "/" + Self.file),
            let memo = try? Lines.decode(Memo.self, from: bytes)
        else { return nil }
        self = memo
    }

    func samples(at iteration: Int) -> Int { samples + (iteration - self.iteration) * batch }
}

/// What the groups of an optimiser's state hold, and win with over the command line (core/optimizer and
/// core/optimizer_param_scheduler.py: `get_lr`, `get_wd`).
struct Rates: Hashable, Codable {
    let lr: Double
    let minLR: Double
    let weightDecay: Double
}

/// Where a run begins: in its trial, in the model's life and in the data.
struct Position: Hashable {
    /// Iteration and consumed samples at the trial's step 0.
    let firstIteration: Int
    let firstSamples: Int
    /// Whether `firstSamples` is known and not assumed.
    let isCertain: Bool
    /// Of the data's order; nil: the run's own.
    let seed: Int?
}
