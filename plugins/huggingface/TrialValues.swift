import FleetModel
import Glibc
import TrainerKit
import Wire

/// What a trial trains with: its assignment over the fixed flags.
struct TrialValues {
    /// nil: the script's own.
    let learningRate: Double?
    /// Samples in one optimiser step that are asked for; nil: the script's own.
    let batchSize: Int?
    /// Assigned values that are plain flags, by flag.
    let others: [String: JSON]
    private let schedule: String
    /// nil: the schedule takes more than a warm-up and a length.
    private let warmup: Warmup?

    private enum Warmup {
        case steps(Int)
        case share(Double)
    }

    /// The name in TrainingArguments of a parameter of the space.
    static func flag(of parameter: String) -> String { parameter == "lr" ? "learning_rate" : parameter }

    init(_ spec: RunSpec, fixed: [String: JSON], defaultRate: Double?) throws(Refusal) {
        var values = fixed
        for (name, value) in spec.assignment { values[Self.flag(of: name)] = value.json }
        learningRate =
            try values["learning_rate"].map { value throws(Refusal) in
                guard let rate = value.number, rate.isFinite, rate >= 0 else {
                    throw Refusal(
                        "found lr \(value.words.joined()), expected a number that is not negative")
                }
                return rate
            } ?? defaultRate
        batchSize = try values["batch_size"].map { value throws(Refusal) in
            guard let number = value.number, let size = Int(exactly: number), size >= 1 else {
                throw Refusal(
                    "found batch_size \(value.words.joined()), expected a whole number of at least 1")
            }
            return size
        }
        let names = Set(spec.assignment.keys.map(Self.flag)).subtracting(["learning_rate", "batch_size"])
        others = values.filter { names.contains($0.key) }
        schedule = values["lr_scheduler_type"]?.words.joined() ?? "linear"
        warmup = Self.warmup(values)
    }

    private static func warmup(_ values: [String: JSON]) -> Warmup? {
        guard values["lr_scheduler_kwargs"] == nil else { return nil }
        let steps = values["warmup_steps"]?.number ?? 0
        let ratio = values["warmup_ratio"]?.number ?? 0
        if steps >= 1 { return .steps(Int(steps)) }
        // From 5.0 on, warmup_steps below 1 is a share.
        return .share(steps > 0 ? steps : ratio)
    }

    /// The schedules of transformers/optimization.py whose course needs nothing else, with the cooldown; nil
    /// for others.
    func share(of spec: RunSpec) -> (@Sendable (_ schedulerSteps: Int) -> Double)? {
        guard let warmup, let shape = ScheduleShape(rawValue: schedule) else { return nil }
        let length = spec.trainingSteps
        let rising =
            switch warmup {
            case .steps(let steps): steps
            case .share(let share): Int((Double(length) * share).rounded(.up))
            }
        return { [steps = spec.steps, cooldown = spec.cooldown] done in
            let step = cooldown > 0 ? min(done, length - 1) : done
            let left = Double(max(0, steps - done)) / Double(cooldown + 1)
            return shape.share(step: step, of: length, warmup: rising) * (cooldown > 0 ? min(1, left) : 1)
        }
    }
}

/// Shares of the learning rate after so many steps of the schedule.
enum ScheduleShape: String {
    case constant
    case warmed = "constant_with_warmup"
    case linear
    case cosine

    func share(step: Int, of length: Int, warmup: Int) -> Double {
        if self == .constant { return 1 }
        if step < warmup { return Double(step) / Double(max(1, warmup)) }
        let progress = Double(step - warmup) / Double(max(1, length - warmup))
        return switch self {
        case .constant, .warmed: 1
        case .linear: max(0, 1 - progress)
        case .cosine: max(0, 0.5 * (1 + cos(.pi * progress)))
        }
    }
}
