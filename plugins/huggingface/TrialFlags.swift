import FleetModel
import TrainerKit
import Wire

/// The flags that the trial decides.
struct TrialFlags {
    let spec: RunSpec
    let loop: TrainingLoop
    let values: TrialValues
    let split: BatchSplit
    let cadence: Cadence
    let origin: Origin
    let output: String
    let usesModule: Bool
    let modelFlag: String

    /// Flags of the usual scripts that are no TrainingArguments of a Trainer.
    static let notArguments: Set<String> = ["resume_from_checkpoint", "model_name_or_path"]

    /// A flag that the user fixes is left to the user.
    var all: [Flag] {
        let own =
            switch loop {
            case .trainer: batch + ofTrainer + marks + resumption
            case .accelerate: (values.batchSize == nil ? [] : batch) + ofAccelerate
            }
        return common + own + model + values.others.sorted { $0.key < $1.key }.map { Flag($0.key, $0.value) }
    }

    /// By the names that TrainingArguments and the example scripts on accelerate share.
    private var common: [Flag] {
        [
            Flag("output_dir", .string(output)),
            // NumPy takes seeds of 32 bits.
            Flag("seed", .int(Int(spec.seed & 0x7fff_ffff))),
        ] + (values.learningRate.map { [Flag("learning_rate", .double($0))] } ?? [])
    }

    private var batch: [Flag] {
        [
            Flag("per_device_train_batch_size", .int(split.perDevice)),
            Flag("gradient_accumulation_steps", .int(split.accumulation)),
        ]
    }

    private var ofTrainer: [Flag] {
        [
            Flag("max_steps", .int(spec.steps)), Flag("data_seed", .int(dataSeed)),
            Flag("report_to", .string("none")),
        ]
    }

    /// The script begins as if it were new; what it goes on from is for the module to load.
    private var ofAccelerate: [Flag] { [Flag("max_train_steps", .int(spec.steps))] }

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

    /// Where the study began with a model, the script builds it from there before a checkpoint is loaded.
    private var model: [Flag] {
        let model: String? =
            if case .weights(let folder) = origin { folder } else { spec.startFrom.filter(Origin.isModel) }
        return model.map { [Flag(modelFlag, .string($0))] } ?? []
    }

    private var resumption: [Flag] {
        origin.checkpoint.map { [Flag("resume_from_checkpoint", .string($0))] } ?? []
    }
}

extension Optional {
    fileprivate func filter(_ isWanted: (Wrapped) -> Bool) -> Wrapped? {
        flatMap { isWanted($0) ? $0 : nil }
    }
}
