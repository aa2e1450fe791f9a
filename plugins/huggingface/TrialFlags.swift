import FleetModel
import TrainerKit
import Wire

/// The flags that the trial decides.
struct TrialFlags {
    let spec: RunSpec
    let values: TrialValues
    let split: BatchSplit
    let cadence: Cadence
    let origin: Origin
    let output: String
    let usesModule: Bool
    let modelFlag: String

    /// Neither the user nor the space may set these.
    static let own: Set<String> = [
        "output_dir", "max_steps", "per_device_train_batch_size", "gradient_accumulation_steps", "seed",
        "resume_from_checkpoint", "logging_steps", "logging_strategy", "eval_steps", "eval_strategy",
        "save_steps", "save_strategy", "logging_nan_inf_filter", "logging_first_step",
    ]

    /// Flags of the usual scripts that are no TrainingArguments of a Trainer.
    static let notArguments: Set<String> = ["resume_from_checkpoint", "model_name_or_path"]

    /// By their names in TrainingArguments. A flag that the user fixes is left to the user.
    var all: [Flag] {
        [
            Flag("output_dir", .string(output)), Flag("max_steps", .int(spec.steps)),
            Flag("learning_rate", .double(values.learningRate)),
            Flag("per_device_train_batch_size", .int(split.perDevice)),
            Flag("gradient_accumulation_steps", .int(split.accumulation)),
            // NumPy takes seeds of 32 bits.
            Flag("seed", .int(Int(spec.seed & 0x7fff_ffff))), Flag("data_seed", .int(dataSeed)),
            Flag("report_to", .string("none")),
        ] + marks + start + values.others.sorted { $0.key < $1.key }.map { Flag($0.key, $0.value) }
    }

    /// The order of the data is one for all trials of a study, so that a place in them means the same to a
    /// warm start; from weights alone, the data begin anew and in another order.
    private var dataSeed: Int {
        if case .weights = origin { return Int(spec.seed & 0x7fff_ffff) }
        return 42
    }

    private var marks: [Flag] {
        let checkpoint = cadence.checkpoint > 0 ? cadence.checkpoint : spec.steps
        var flags = [
            Flag("logging_strategy", .string("steps")), Flag("logging_steps", .int(cadence.log)),
            Flag("save_strategy", .string("steps")), Flag("save_steps", .int(checkpoint)),
        ]
        if cadence.evaluate > 0 {
            flags += [Flag("eval_strategy", .string("steps")), Flag("eval_steps", .int(cadence.evaluate))]
        }
        if !usesModule {
            // Otherwise a loss that is no number is printed as the mean of the others.
            flags += [
                Flag("logging_nan_inf_filter", .string("false")),
                Flag("logging_first_step", .string("false")),
            ]
        }
        return flags
    }

    private var start: [Flag] {
        // Where the study began with a model, the script builds it from there before a checkpoint is loaded.
        let model: String? =
            if case .weights(let folder) = origin { folder } else { spec.startFrom.filter(Origin.isModel) }
        return (model.map { [Flag(modelFlag, .string($0))] } ?? [])
            + (origin.checkpoint.map { [Flag("resume_from_checkpoint", .string($0))] } ?? [])
    }
}

extension Optional {
    fileprivate func filter(_ isWanted: (Wrapped) -> Bool) -> Wrapped? {
        flatMap { isWanted($0) ? $0 : nil }
    }
}
