import TrainerKit

/// What a stage's trial takes over from the checkpoint that it starts from; TRAINER_FACTS section 1.
enum WarmStart: String, CaseIterable {
    /// Way A: the weights alone; moments, iteration and data begin anew.
    case weights
    /// Way B: weights, iteration and place in the data; moments begin anew.
    case counters
    /// Way C: all of it, with the new rates written into a copy of the optimiser's state.
    case everything
}

/// `trainer.settings` of this plugin.
struct MegatronSettings {
    let repository: String
    let entry: String
    let python: String
    let tokenizer: Tokenizer?
    let data: DataSource
    let split: String
    let warmStart: WarmStart
    let schedule: Schedule
    /// nil: `auto`, and not chosen yet.
    let microBatch: Int?
    let layout: Layout
    let arguments: ExtraArguments
    let wanted: Intervals.Wanted
    /// Samples of one evaluation, rounded up to whole batches.
    let evaluateSamples: Int
    let trainSamples: Int?
    /// Samples that a checkpoint from elsewhere has seen.
    let startSamples: Int?
    /// Of nodes that form a gang: where all of them save.
    let sharedFolder: String?
    let environment: [String: String]
    /// Further flags that the space may hold.
    let tunable: [String]

    init(_ settings: inout SettingsReader) {
        // Not checked: a study is written where there need be no Megatron.
        repository = settings.path("repository", .unchecked)
        entry = settings.string("entry", default: "pretrain_gpt.py")
        python = settings.string("python", default: "python3")
        tokenizer = settings.nested("tokenizer", Tokenizer.init)
        data = DataSource.read("data", &settings)
        split = settings.string("split", default: "99,1,0")
        let ways = WarmStart.allCases.map(\.rawValue)
        let way = settings.choice("warm_start", among: ways, default: WarmStart.everything.rawValue)
        warmStart = WarmStart(rawValue: way) ?? .everything
        schedule = Schedule.read("schedule", &settings)
        microBatch =
            settings.value("micro_batch")?.isAuto == true
            ? nil : settings.int("micro_batch", default: 1, in: 1...)
        layout = settings.nested("parallel", Layout.init) ?? Layout()
        arguments = ExtraArguments("args", &settings)
        wanted = Intervals.Wanted(
            log: settings.int("log_every", default: 10, in: 1...),
            evaluate: settings.optionalInt("evaluate_every", in: 1...),
            save: settings.optionalInt("save_every", in: 1...))
        evaluateSamples = settings.int("evaluate_samples", default: 2048, in: 1...)
        trainSamples = settings.optionalInt("train_samples", in: 1...)
        startSamples = settings.optionalInt("start_samples", in: 0...)
        sharedFolder = settings.optionalPath("shared_folder", .unchecked)
        environment = settings.texts("environment")
        tunable = settings.strings("tunable", default: []).map(ExtraArguments.bare)
        for misfit in sizes.misfits(layout) {
            settings.complain(at: ["args", misfit.flag], found: misfit.found, expected: misfit.expected)
        }
    }

    /// Whether each GPU holds all of the model: its own count of parameters is then the model's.
    var isWholeModelOnEachGPU: Bool {
        layout.tensor * layout.pipeline == 1 && !hasFlag(["--expert-", "--num-experts"])
    }

    /// Whether the log may hold losses whose names are not known here: mixtures of experts, predictions of
    /// several tokens, several validation sets, other entries.
    var namesItsLosses: Bool {
        entry != "pretrain_gpt.py"
            || hasFlag(["--moe-", "--num-experts", "--mtp-", "--multiple-validation"])
    }

    private func hasFlag(_ beginnings: [String]) -> Bool {
        let words = arguments.flags(without: [])
        return words.contains { word in beginnings.contains { word.hasPrefix($0) } }
    }

    /// The model's sizes as `args` say them.
    var sizes: ModelSizes {
        ModelSizes(
            layers: arguments.int("num-layers"), hidden: arguments.int("hidden-size"),
            heads: arguments.int("num-attention-heads"), sequence: arguments.int("seq-length"))
    }
}
