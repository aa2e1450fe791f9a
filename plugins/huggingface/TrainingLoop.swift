import TrainerKit

/// Whose loop trains in the script: this decides which flags it takes, what a checkpoint of it is, and which of
/// the Python modules watches it.
enum TrainingLoop: String, CaseIterable {
    /// `transformers.Trainer`.
    case trainer
    /// The script's own, around `accelerate.Accelerator`.
    case accelerate

    init(_ settings: inout SettingsReader) {
        let names = Self.allCases.map(\.rawValue)
        self = Self(rawValue: settings.choice("loop", among: names, default: names[0])) ?? .trainer
        guard self == .accelerate else { return }
        let wrong = [
            ("module", "false", "nothing: only the module knows the steps of a loop of the script's own"),
            ("pass", "arguments", "flags: a script on accelerate has no TrainingArguments"),
        ]
        for (setting, value, expected) in wrong where settings.value(setting)?.words == [value] {
            settings.complain(at: [setting], found: "\(value) with loop: accelerate", expected: expected)
        }
        if settings.has("evaluate_every") {
            settings.complain(
                at: ["evaluate_every"], found: "evaluate_every with loop: accelerate",
                expected: "nothing: the script decides when it evaluates; its own flag belongs in args")
        }
    }

    /// Flags that neither the user nor the space may set.
    var ownFlags: Set<String> {
        switch self {
        case .trainer:
            [
                "output_dir", "max_steps", "per_device_train_batch_size", "gradient_accumulation_steps",
                "seed",
                "resume_from_checkpoint", "logging_steps", "logging_strategy", "eval_steps", "eval_strategy",
                "save_steps", "save_strategy", "logging_nan_inf_filter", "logging_first_step",
            ]
        case .accelerate:
            [
                "output_dir", "max_train_steps", "per_device_train_batch_size", "gradient_accumulation_steps",
                "seed", "resume_from_checkpoint",
            ]
        }
    }

    /// Written last into a checkpoint of this plugin's making: one with it is complete.
    var stateFile: String {
        switch self {
        case .trainer: "trainer_state.json"
        case .accelerate: "iterhpo.json"
        }
    }

    /// In any checkpoint that a warm start can load.
    var checkpointFile: String {
        switch self {
        case .trainer: stateFile
        case .accelerate: "optimizer.bin"
        }
    }

    var description: String {
        switch self {
        case .trainer: "transformers.Trainer"
        case .accelerate: "Accelerator.save_state"
        }
    }

    /// What a script trains with that is given no learning rate; nil: nobody but the script knows.
    var defaultLearningRate: Double? {
        switch self {
        case .trainer: 5e-5
        case .accelerate: nil
        }
    }
}
