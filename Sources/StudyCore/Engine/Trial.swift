public import FleetModel
public import Search

/// One assignment of hyper-parameters and what became of it.
public struct Trial: Hashable, Codable, Sendable {
    public let id: TrialID
    public let assignment: Assignment
    public let reason: ProposalReason
    /// What the trial starts from; nil: a new model.
    public let origin: Checkpoint?
    public let proposedAt: Timestamp
    public internal(set) var state = TrialState.queued
    /// Every run so far, the current one last.
    public internal(set) var runs: [Run] = []
    public internal(set) var progress = Progress()
    /// Faults of the infrastructure so far.
    public internal(set) var faults = 0
    public internal(set) var endedAt: Timestamp?
    /// Where its run stops next, in units of the method's fidelity; nil: at the stage's end.
    public internal(set) var rung: Int?
    /// Where it stands at the rung at which it waits.
    public internal(set) var standing: Standing?
    /// Losses by the objectives beside the first one, once it has completed.
    public internal(set) var further: [Loss] = []
    /// How far it is out of the study's bounds, as a sum of shares of them; 0: it keeps all.
    public internal(set) var violation = 0.0

    /// The training state to continue from: the newest checkpoint.
    public var checkpoint: Checkpoint? { progress.checkpoints.last }

    /// The state that other trials go on from: the newest of at most `step` trial steps.
    public func handover(at step: Int) -> Checkpoint? {
        progress.checkpoints.last { $0.step <= step } ?? checkpoint
    }

    /// The number of the trial that this one repeats with another seed.
    public var repeats: Int? {
        if case .repeated(let number, _) = reason { number } else { nil }
    }

    /// The number that decides, where the trial is complete.
    public var result: Loss? {
        guard case .ended(.completed(let loss)) = state else { return nil }
        return loss
    }

    /// It came with its result, and nothing was run for it.
    public var isGiven: Bool { runs.isEmpty && result != nil }

    /// Slot-seconds that its runs have held, up to `now`.
    public func slotSeconds(at now: Timestamp) -> Double {
        runs.reduce(0) { $0 + $1.slotSeconds(at: now) }
    }
}

/// The life of a trial:
///
///     queued ──launch──▶ running ──────────▶ ended(completed | failed)
///       ▲                 │  │ └─ a rung or a pilot's segment is done ─▶ paused ──▶ queued | ended
///       │   fault of the  │    └─stop──▶ stopping ──▶ ended(pruned | cancelled)
///       └─ infrastructure ┘                  │
///       └──────────── paused ────────────────┘
///
/// Exactly one ending, and none of them is ever left.
public enum TrialState: Hashable, Codable, Sendable {
    /// Waits for a lease: new, after a fault, or paused.
    case queued
    /// Its last run holds a lease.
    case running
    /// Its run did all that it was to do for now; the trial goes on when it is told to.
    case paused
    /// Its last run was told to stop and still holds its lease. What it reports counts only where it will
    /// go on from there.
    case stopping(because: StopReason)
    case ended(TrialEnding)
}

/// Why a run is told to stop.
public enum StopReason: Hashable, Codable, Sendable {
    case pruned(PruneReason)
    /// The study is paused: the trial saves its state and goes on later.
    case paused
    /// A part of its gang was refused or lost: the other parts are of no use without it.
    case givenUp

    /// Whether the state reached is wanted.
    public var saves: Bool { self == .paused }
}

/// How a trial ended, once and for all.
public enum TrialEnding: Hashable, Codable, Sendable {
    /// All steps done; the score, as `Score` says.
    case completed(Loss)
    case pruned(PruneReason)
    case failed(TrialFailure)
    /// The study ended before the trial did.
    case cancelled(because: StudyEnding)
}

/// Why a trial failed.
public enum TrialFailure: Hashable, Codable, Sendable {
    /// The trainer or its configuration is at fault.
    case run(RunFailure)
    /// Too many faults of the infrastructure; the last of them.
    case infrastructure(faults: Int, last: RunFailure)
    /// It ran to its end and never reported the objective as a finite number.
    case noObjective(metric: String, reported: [String])
}

/// How far a trial has come, in a bounded amount of memory.
public struct Progress: Hashable, Codable, Sendable {
    /// The last step that was reported; 0 before the first.
    public internal(set) var step = 0
    /// The objective as reported last, lowest so far, and at which step.
    public internal(set) var latest: Loss?
    public internal(set) var best: Loss?
    public internal(set) var latestStep = 0
    public internal(set) var curve = Curve()
    /// Oldest first: the newest, and before it the one that other trials go on from.
    public internal(set) var checkpoints: [Checkpoint] = []
    /// Names of all metrics seen, sorted.
    public internal(set) var metrics: [String] = []
    public internal(set) var used = Used()
    /// The last finite value of each metric that the study decides by, beside its first objective.
    public internal(set) var measured: [String: Double] = [:]
    public internal(set) var speed = Speed()

    /// - Parameters:
    ///   - attempt: of the run that reports.
    ///   - names: metrics whose values are kept.
    mutating func take(
        _ report: Report, of attempt: Int, objective: Objective, measuring names: [String]
    ) -> Loss? {
        step = report.step
        for name in names {
            if case .value(let number)? = report.metrics[name] { measured[name] = number }
        }
        used.take(Attestation(in: report))
        speed.take(report, of: attempt)
        let new = report.metrics.keys.filter { $0 != Report.elapsedSeconds && !metrics.contains($0) }
        if !new.isEmpty { metrics = (metrics + new).sorted() }
        guard case .value(let number)? = report.metrics[objective.metric],
            let loss = Loss(number, objective.direction)
        else { return nil }
        latest = loss
        latestStep = report.step
        best = min(best ?? loss, loss)
        curve.append(step: report.step, loss)
        return loss
    }
}

/// What a trial's trainer really used, as it attested.
public struct Used: Hashable, Codable, Sendable {
    /// The highest of an optimiser step: warm-up and decay stay below it.
    public internal(set) var learningRate: Double?
    /// Samples in one optimiser step.
    public internal(set) var batchSize: Double?
    /// Samples since the data began, over all trials that this one goes on from.
    public internal(set) var consumedSamples: Double?

    mutating func take(_ attestation: Attestation) {
        if case .value(let rate)? = attestation[.learningRate] {
            learningRate = max(learningRate ?? rate, rate)
        }
        if case .value(let size)? = attestation[.globalBatchSize] { batchSize = size }
        if case .value(let samples)? = attestation[.consumedSamples] { consumedSamples = samples }
    }
}

/// A loss curve thinned to at most `Curve.limit` points, evenly over its length, for views and rankings.
public struct Curve: Hashable, Sendable {
    /// One reported loss.
    public struct Point: Hashable, Sendable {
        public let step: Int
        public let loss: Loss
    }

    static let limit = 32
    /// What stays of an ended trial's curve.
    static let limitAfterEnd = 8
    public private(set) var points: [Point] = []
    /// Only every `stride`-th report is kept.
    private var stride = 1
    private var skipped = 0

    mutating func append(step: Int, _ loss: Loss) {
        skipped += 1
        guard skipped >= stride else { return }
        skipped = 0
        points.append(Point(step: step, loss: loss))
        if points.count == Self.limit { halve() }
    }

    mutating func end() {
        while points.count > Self.limitAfterEnd { halve() }
    }

    /// Keeps every other point, the last among them.
    private mutating func halve() {
        let last = points.count - 1
        points = points.enumerated().filter { (last - $0.offset) % 2 == 0 }.map(\.element)
        stride *= 2
    }
}

/// Steps and losses in two lists, a third of the bytes of one object a point.
extension Curve: Codable {
    private enum Key: String, CodingKey {
        case steps, losses, stride, skipped
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        let steps = try fields.decode([Int].self, forKey: .steps)
        let losses = try fields.decode([Loss].self, forKey: .losses)
        points = zip(steps, losses).map(Point.init)
        stride = try fields.decode(Int.self, forKey: .stride)
        skipped = try fields.decode(Int.self, forKey: .skipped)
    }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Key.self)
        try fields.encode(points.map(\.step), forKey: .steps)
        try fields.encode(points.map(\.loss), forKey: .losses)
        try fields.encode(stride, forKey: .stride)
        try fields.encode(skipped, forKey: .skipped)
    }
}

/// One attempt to execute a trial.
public struct Run: Hashable, Codable, Sendable {
    public let id: RunID
    public let lease: Lease
    public let start: RunStart
    public let since: Timestamp
    /// When its lease was given back.
    public internal(set) var until: Timestamp?
    /// Offset in the run's `events.jsonl` up to which everything is applied; 0: it has not begun.
    public internal(set) var offset = 0

    /// Slot-seconds held up to `now`.
    func slotSeconds(at now: Timestamp) -> Double {
        (until ?? now).since(since) * Double(lease.width)
    }
}

/// Where a run's training state comes from.
public enum RunStart: Hashable, Codable, Sendable {
    case fresh
    /// Another trial's state under this trial's hyper-parameters.
    case warm(Checkpoint)
    /// This trial goes on.
    case resume(Checkpoint)

    /// The checkpoint that the run needs.
    public var checkpoint: Checkpoint? {
        switch self {
        case .fresh: nil
        case .warm(let checkpoint), .resume(let checkpoint): checkpoint
        }
    }
}
