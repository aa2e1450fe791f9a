import FleetModel
import TrainerKit

/// `args: { num-layers: 24, bf16: true }`: Megatron's own flags, passed on as they stand.
struct ExtraArguments: Hashable {
    /// Without the leading dashes, in order of names.
    private let values: [(flag: String, value: JSON)]

    /// Flags that this plugin sets, and what to write instead.
    static let reserved = [
        "train-iters": "method.steps", "train-samples": "the setting train_samples",
        "exit-interval": "method.steps", "exit-duration-in-mins": "budget.wall_hours",
        "load": "method.kind stages, or start_from", "save": "nothing: checkpoints are published by iterhpo",
        "save-interval": "the setting save_every", "ckpt-step": "start_from", "ckpt-format": "nothing",
        "finetune": "the setting warm_start", "no-load-optim": "the setting warm_start",
        "no-load-rng": "the setting warm_start", "pretrained-checkpoint": "start_from",
        "override-opt-param-scheduler": "nothing", "use-checkpoint-opt-param-scheduler": "nothing",
        "lr-decay-style": "the setting schedule", "lr-decay-iters": "schedule.decay_steps",
        "lr-decay-samples": "schedule.decay_steps", "lr-warmup-iters": "schedule.warmup_steps",
        "lr-warmup-samples": "schedule.warmup_steps", "lr-warmup-fraction": "schedule.warmup_steps",
        "lr-wsd-decay-iters": "schedule.anneal_steps", "lr-wsd-decay-samples": "schedule.anneal_steps",
        "lr-wsd-decay-style": "nothing: it is linear", "lr-warmup-init": "nothing: it is 0",
        "micro-batch-size": "the setting micro_batch",
        "rampup-batch-size": "nothing: a trial has one batch size",
        "step-batch-size-schedule": "nothing: a trial has one batch size",
        "tensor-model-parallel-size": "parallel.tensor", "pipeline-model-parallel-size": "parallel.pipeline",
        "context-parallel-size": "parallel.context", "exit-signal-handler": "nothing",
        "rerun-mode": "nothing",
        "log-interval": "the setting log_every", "eval-interval": "the setting evaluate_every",
        "eval-iters": "the setting evaluate_samples", "seed": "seed of the study",
        "data-path": "the setting data", "mock-data": "data: mock", "split": "the setting split",
        "tokenizer-type": "tokenizer.type",
    ]

    init() { values = [] }

    init(_ name: String, _ settings: inout SettingsReader) {
        guard let json = settings.value(name) else {
            values = []
            return
        }
        guard case .object(let members) = json else {
            values = []
            settings.complain(at: [name], found: json.kind, expected: "a mapping of Megatron's flags")
            return
        }
        var values: [(String, JSON)] = []
        for (key, value) in members.sorted(by: { $0.key < $1.key }) {
            let flag = Self.bare(key)
            if let instead = Self.reserved[flag.replacing("_", with: "-")] {
                settings.complain(at: [name, key], found: key, expected: instead)
            } else if Self.words(value) == nil {
                settings.complain(
                    at: [name, key], found: value.kind, expected: "true, a text, a number or a list of them")
            } else {
                values.append((flag, value))
            }
        }
        self.values = values
    }

    /// `--num-layers` and `num-layers` are the same.
    static func bare(_ flag: String) -> String { String(flag.drop { $0 == "-" }) }

    /// The words after a flag; an empty list for `true`, nil for what no flag takes.
    private static func words(_ value: JSON) -> [String]? {
        switch value {
        case .bool, .null: []
        case .array(let items):
            items.compactMap(\.scalarText).count == items.count ? items.compactMap(\.scalarText) : nil
        case .object: nil
        default: value.scalarText.map { [$0] }
        }
    }

    /// The flags, but for those that the trial or the plugin says otherwise.
    func flags(without others: Set<String>) -> [String] {
        values.flatMap { flag, value -> [String] in
            if value == .bool(false) || value == .null { return [] }
            if others.contains(flag.replacing("_", with: "-")) { return [] }
            return ["--" + flag] + (Self.words(value) ?? [])
        }
    }

    func number(_ name: String) -> Double? {
        switch value(name) {
        case .int(let int): Double(int)
        case .double(let double): double
        case .string(let text): Double(text)
        default: nil
        }
    }

    func int(_ name: String) -> Int? { number(name).flatMap { Int(exactly: $0) } }

    private func value(_ name: String) -> JSON? {
        values.first { $0.flag.replacing("_", with: "-") == name }?.value
    }

    static func == (a: ExtraArguments, b: ExtraArguments) -> Bool {
        a.flags(without: []) == b.flags(without: [])
    }

    func hash(into hasher: inout Hasher) { hasher.combine(flags(without: [])) }
}
