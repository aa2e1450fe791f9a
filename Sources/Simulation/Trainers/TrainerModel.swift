import FleetModel
import StudyCore

/// How trainers behave in time, and how often they fail by themselves.
public struct TrainerModel: Hashable, Sendable {
    /// From the launch to the first step.
    public var startupSeconds = 5.0
    /// One optimiser step of an ordinary run.
    public var stepSeconds = 1.0
    /// Spread of the step time from run to run: the standard deviation of its logarithm.
    public var stepSpread = 0.05
    /// Share of the stretches between two reports that take longer by a factor from a Pareto distribution.
    public var slowShare = 0.0
    /// Its index: the smaller the heavier the tail. Above 1.
    public var slowIndex = 1.5
    /// No stretch takes longer than so many times its usual time: whoever runs the trainer would end it.
    public var slowLimit = 100.0
    /// Share of runs that are slow from start to end, by `stragglerFactor`.
    public var stragglerShare = 0.0
    public var stragglerFactor = 4.0
    public var stepsPerReport = 1
    /// nil: only after the last step.
    public var stepsPerCheckpoint: Int?
    public var saveSeconds = 1.0
    /// Shares of runs that end in that way before they are done.
    public var crashShare = 0.0
    public var outOfMemoryShare = 0.0
    /// The process is gone without a word.
    public var vanishShare = 0.0
    /// It stops writing; the plugin ends it after the trainer's `silenceSeconds`.
    public var hangShare = 0.0

    public init() {}
}

/// One run of it: drawn from the run's own stream, so that it does not depend on what happens elsewhere.
struct TrainerCourse: Hashable {
    /// How it will end by itself, and at which step; nil: when it is done.
    let fault: (kind: Fault, step: Int)?
    private let stepSeconds: Double
    private var random: SeededGenerator

    enum Fault: Hashable { case crash, outOfMemory, vanish, hang }

    init(_ model: TrainerModel, steps: Int, seed: UInt64, run: RunID) {
        random = SeededGenerator(seed: seed, stream: run.number)
        let isStraggler = random.chance(model.stragglerShare)
        stepSeconds =
            model.stepSeconds * exp(model.stepSpread * random.normal())
            * (isStraggler ? model.stragglerFactor : 1)
        var mark = random.unit()
        var kind: Fault?
        for (share, candidate) in [
            (model.crashShare, Fault.crash), (model.outOfMemoryShare, .outOfMemory),
            (model.vanishShare, .vanish), (model.hangShare, .hang),
        ] where kind == nil {
            if mark < share { kind = candidate }
            mark -= share
        }
        let step = kind == .outOfMemory ? 0 : Int.random(in: 0..<max(1, steps), using: &random)
        fault = kind.map { ($0, step) }
    }

    mutating func startupSeconds(_ model: TrainerModel) -> Double {
        model.startupSeconds * (0.75 + random.unit() / 2)
    }

    /// How long so many steps take.
    mutating func seconds(ofSteps steps: Int, _ model: TrainerModel) -> Double {
        let usual = Double(steps) * stepSeconds
        guard model.slowShare > 0, random.chance(model.slowShare) else { return usual }
        return usual * min(random.pareto(index: model.slowIndex), model.slowLimit)
    }

    static func == (a: TrainerCourse, b: TrainerCourse) -> Bool {
        a.random == b.random && a.stepSeconds == b.stepSeconds
    }

    func hash(into hasher: inout Hasher) { hasher.combine(random) }
}

extension RunID {
    /// A number of its own, for its stream of chance.
    var number: UInt64 {
        UInt64(trial.stage) << 48 | UInt64(trial.number) << 16 | UInt64(attempt & 0xFFFF)
    }
}

extension TrialID {
    var streamNumber: UInt64 { 1 << 63 | UInt64(stage) << 48 | UInt64(number) << 16 }
}
