import Glibc
import FleetModel
import TrainerKit

/// `schedule: cosine` or `schedule: { style: WSD, warmup_steps: 100, … }`
struct Schedule: Hashable {
    static let styles = ["constant", "linear", "cosine", "inverse-square-root", "WSD"]

    var style = "constant"
    /// Where the optimiser's state is new; 0 where it is kept.
    var warmupSteps = 0
    /// Share of the learning rate that the schedule ends at, where no `min_lr` says it.
    var minShare = 0.1
    /// nil: the trial's steps.
    var decaySteps: Int?
    /// Of style WSD; nil: a fifth of the trial.
    var annealSteps: Int?

    init() {}

    init(style: String) { self.style = style }

    init(_ settings: inout SettingsReader) {
        style = settings.choice("style", among: Self.styles, default: "constant")
        warmupSteps = settings.int("warmup_steps", default: 0, in: 0...)
        minShare = settings.double("min_lr_share", default: 0.1, in: 0...1)
        decaySteps = settings.optionalInt("decay_steps", in: 1...)
        annealSteps = settings.optionalInt("anneal_steps", in: 1...)
    }

    /// A text is the style alone.
    static func read(_ name: String, _ settings: inout SettingsReader) -> Schedule {
        if settings.value(name)?.kind == JSON.object([:]).kind {
            return settings.nested(name, Schedule.init) ?? Schedule()
        }
        return Schedule(style: settings.choice(name, among: styles, default: "constant"))
    }
}

/// A learning rate's schedule as Megatron counts it, in samples (core/optimizer_param_scheduler.py, `get_lr`).
struct RateCurve: Hashable {
    let style: String
    let peak: Double
    let low: Double
    /// Samples, all counted from the schedule's beginning.
    let warmup: Int
    let decay: Int
    /// Length of the anneal at the end; styles without one ignore it.
    let anneal: Int
    /// Samples at the trial's step 0.
    let origin: Int

    /// - Parameter origin: samples that the loaded schedule has counted at the trial's step 0; 0: a new one.
    init(
        _ schedule: Schedule, rates: Rates, batch: Int, steps: Int, cooldown: Int, origin: Int
    ) {
        peak = rates.lr
        low = rates.minLR
        self.origin = origin
        let isCooled = cooldown > 0
        style = isCooled ? "WSD" : schedule.style
        // A loaded schedule stands at `origin`: a warm-up that ends just there leaves the rate at its peak,
        // and lets the decay count from there.
        warmup = origin > 0 ? (style == "constant" ? 0 : origin) : schedule.warmupSteps * batch
        decay = origin + (isCooled ? steps : max(schedule.decaySteps ?? steps, 1)) * batch
        anneal = (isCooled ? cooldown : schedule.annealSteps ?? max(1, steps / 5)) * batch
    }

    /// The rate after so many samples of the schedule.
    func rate(at samples: Int) -> Double {
        if warmup > 0, samples <= warmup { return peak * Double(samples) / Double(warmup) }
        if style == "constant" { return peak }
        if samples > decay { return low }
        if style == "inverse-square-root" {
            return max(low, peak * (Double(max(warmup, 1)) / Double(max(samples, 1))).squareRoot())
        }
        return low + share(at: samples) * (peak - low)
    }

    private func share(at samples: Int) -> Double {
        let ratio = Double(samples - warmup) / Double(decay - warmup)
        switch style {
        case "linear": return 1 - ratio
        case "cosine": return 0.5 * (cos(.pi * ratio) + 1)
        default: return samples <= decay - anneal ? 1 : Double(decay - samples) / Double(anneal)
        }
    }

    var flags: [String] {
        var flags = ["--lr-decay-style", style, "--lr-warmup-samples", "\(warmup)"]
        if style != "constant" { flags += ["--lr-decay-samples", "\(decay)"] }
        if style == "WSD" {
            flags += ["--lr-wsd-decay-style", "linear", "--lr-wsd-decay-samples", "\(anneal)"]
        }
        return flags
    }
}
