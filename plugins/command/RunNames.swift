import FleetModel
import TrainerKit
import Wire

/// What the names in templates stand for in one run.
struct RunNames {
    /// The names that are no hyper-parameters.
    static let all = [
        "accumulation", "anneal_from", "attempt", "checkpoint", "checkpoint_dir", "checkpoint_file",
        "cooldown", "first_step", "folder", "gpu_count", "gpus", "metric", "micro_batch", "resume_from",
        "seed", "stage", "start_from",
        "steps", "trial", "warm_from",
    ]

    let checkpointFolder: String
    private let values: [String: String]

    /// - Parameter file: the file of the program's own in a checkpoint's folder.
    init(
        _ spec: RunSpec, _ folder: TrialFolder, _ split: MicroBatchSetting.Split?,
        file: (String) -> String?
    ) {
        checkpointFolder = folder.work + "/checkpoints"
        var values = [
            "anneal_from": "\(spec.trainingSteps)", "attempt": "\(spec.key.run.attempt)",
            "checkpoint_dir": checkpointFolder, "cooldown": "\(spec.cooldown)",
            "first_step": "\(spec.firstStep)", "folder": folder.path, "gpu_count": "\(spec.gpuIndices.count)",
            "gpus": spec.gpuIndices.map { "\($0)" }.joined(separator: ","), "metric": spec.metric,
            "seed": "\(spec.seed)", "stage": "\(spec.key.run.trial.stage)", "steps": "\(spec.steps)",
            "trial": "\(spec.key.run.trial.number)",
        ]
        values["start_from"] = spec.startFrom
        values["micro_batch"] = split.map { "\($0.microBatch)" }
        values["accumulation"] = split.map { "\($0.accumulation)" }
        switch spec.start {
        case .fresh: break
        case .warm(let path):
            values["checkpoint"] = path
            values["warm_from"] = path
        case .resume(let path, _):
            values["checkpoint"] = path
            values["resume_from"] = path
        }
        values["checkpoint_file"] = values["checkpoint"].flatMap(file)
        self.values = spec.assignment.mapValues(\.description).merging(values) { parameter, _ in parameter }
    }

    /// nil for a name without a value in this run. A hyper-parameter hides a name of ours.
    subscript(name: String) -> String? { values[name] }
}
