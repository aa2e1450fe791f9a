import FleetModel
import FoundationEssentials
import TrainerKit
import TrainerKitTesting
import Wire

@testable import megatron

/// Where SwiftPM put this package's executables: beside the test runner.
func built(_ name: String) throws -> String {
    let runner = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return runner.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/" + name
}

/// Programs in the place of PyTorch, torchrun and `pretrain_gpt.py`, which need GPUs.
let standIns = #filePath.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/StandIns"

/// Settings as a study has them, with changes.
func studySettings(_ changes: [String: JSON] = [:], fault: String = "") -> JSON {
    let usual: [String: JSON] = [
        "repository": .string(standIns), "data": .string("mock"), "micro_batch": .int(4),
        "tokenizer": .object(["type": .string("NullTokenizer"), "vocab_size": .int(256)]),
        "environment": .object(["PYTHONPATH": .string(standIns), "STAND_IN_FAULT": .string(fault)]),
        "args": .object([
            "num-layers": .int(4), "hidden-size": .int(64), "num-attention-heads": .int(4),
            "seq-length": .int(128), "max-position-embeddings": .int(128), "bf16": .bool(true),
        ]),
    ]
    return .object(usual.merging(changes) { $1 })
}

extension TrainerContract {
    /// The plugin around the stand-ins.
    static func megatron(_ changes: [String: JSON] = [:], fault: String = "") throws -> TrainerContract {
        TrainerContract(
            plugin: try built("megatron"), settings: studySettings(changes, fault: fault),
            assignment: ["lr": .float(1e-3), "batch_size": .int(16), "weight_decay": .float(0.1)],
            metric: "validation_loss")
    }
}

/// A spec that no process reads.
func spec(
    _ assignment: Assignment = ["lr": .float(1e-4), "batch_size": .int(64)], start: RunSpec.Start = .fresh,
    steps: Int = 1000, cooldown: Int = 0, gpus: Int = 8, gang: Gang? = nil,
    metric: String = "validation_loss",
    _ settings: JSON = studySettings()
) -> RunSpec {
    RunSpec(
        key: RunKey(
            study: StudyID(rawValue: "s")!, run: RunID(trial: TrialID(stage: 1, number: 2), attempt: 0)),
        plugin: "megatron", settings: settings, assignment: assignment, start: start, steps: steps,
        cooldown: cooldown, metric: metric, seed: 3, slots: (0..<gpus).map { .gpu(index: $0) }, gang: gang,
        silenceSeconds: 60, graceSeconds: 5, baseFolder: "/tmp")
}

extension Megatron {
    /// Of settings without faults.
    init(_ settings: JSON) {
        var reader = SettingsReader(settings, baseFolder: "/tmp")
        self.init(settings: &reader)
    }

    /// What a run of `spec` is started with.
    static func command(of spec: RunSpec) throws -> Command {
        let folder = TrialFolder(path: "/tmp/megatron-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(atPath: folder.path) }
        guard case .program(let command) = try Megatron(spec.settings).explanation(of: spec, in: folder)
        else {
            throw BrokenPromise("megatron is a program")
        }
        return command
    }
}

extension Command {
    /// The word after a flag.
    func value(_ flag: String) -> String? {
        arguments.firstIndex(of: flag).map { arguments[$0 + 1] }
    }
}

/// A folder as Megatron saves it, and as iterhpo publishes it.
final class SavedFolder {
    let path = "/tmp/megatron-saved-\(UUID().uuidString)"

    init(iteration: Int, memo: Memo? = nil) throws {
        let files = path + "/" + SavedPlace.name(of: iteration)
        try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: true)
        try Data("\(iteration)".utf8).write(to: URL(filePath: path + "/" + SavedPlace.tracker))
        if let memo { try Lines.encode(memo).write(to: URL(filePath: path + "/" + Memo.file)) }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
