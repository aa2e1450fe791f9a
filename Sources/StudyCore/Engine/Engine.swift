public import FleetModel
import Search

/// The heart: the whole state of a study as one value. Time and randomness come from outside (with the
/// events, and from the seed), so the same events give the same decisions, bit for bit.
///
/// A refused event leaves the engine as it was: every handler checks before it changes anything.
public struct Engine: Hashable, Codable, Sendable {
    public let study: StudyID
    public internal(set) var plan: Plan
    /// How the plan differs from the study file that the study was begun with.
    public internal(set) var overrides: [Override] = []
    /// How many of the first stages another study ran.
    public internal(set) var inherited = 0
    public internal(set) var phase = StudyPhase.new
    /// By index; the last one is open until the study has ended.
    public internal(set) var stages: [Stage] = []
    /// Sorted by id.
    public internal(set) var nodes = Nodes()
    /// Where checkpoints lie beside the node that wrote them.
    public internal(set) var copies = Copies()
    /// The latest decisions, oldest first, at most `decisionLimit`. The journal has all of them.
    public internal(set) var recentDecisions: [TimedDecision] = []
    /// When the study began for the first time.
    public internal(set) var startedAt: Timestamp?
    /// The time of the latest event; never steps back.
    public internal(set) var now = Timestamp(seconds: 0)
    /// Why the next trial waits; nil where none does.
    public internal(set) var waiting: WaitReason?
    var random: SeededGenerator
    var spending = Spending()
    /// Runs that hold a lease, in order of launch.
    public internal(set) var leasing = Leases()

    static let decisionLimit = 12

    public init(study: StudyID, plan: Plan) {
        self.study = study
        self.plan = plan
        random = SeededGenerator(seed: plan.seed)
    }

    /// Takes note of one event and answers what is to be done about it, in order.
    public mutating func apply(_ event: Event) throws(RefusedEvent) -> [Effect] {
        if case .ended = phase, event.what != .started, !event.what.isWelcomeAtTheEnd {
            throw .studyEnded
        }
        let before = now
        now = max(now, event.at)
        var effects: [Effect] = []
        do {
            if try take(event.what, &effects) { advance(&effects) }
        } catch {
            now = before
            throw error
        }
        return effects
    }

    /// True where slots, trials or phase changed, so that there may be something new to start.
    private mutating func take(_ what: Happening, _ effects: inout [Effect]) throws(RefusedEvent) -> Bool {
        switch what {
        case .started: try begin(&effects)
        case .nodeSurveyed(let node, let slots, let failure): try survey(node, slots, failure)
        case .nodeLost(let node): try lose(node, &effects)
        case .runStarted(let run, let end): try heard(run, end)
        case .reported(let run, let end, let report): try heard(report, of: run, end, &effects)
        case .checkpointSaved(let run, let end, let name, let step):
            try heard(Checkpoint(run: run, name: name, step: step), end, &effects)
        case .noted(let run, let end, let text):
            if try heard(run, end) { tell(.noted(run: run, text: text), &effects) }
        case .runEnded(let run, let end, let ending): try ended(run, end, ending, &effects)
        case .launchRefused(let run, let reason): try refused(run, reason, &effects)
        case .runMissing(let run): try missing(run, &effects)
        case .checkpointKept(let stage): try kept(stage)
        case .checkpointArrived(let checkpoint, let node): try arrived(checkpoint, node, &effects)
        case .checkpointUnreachable(let checkpoint, let node, let reason):
            try unreachable(checkpoint, node, reason, &effects)
        case .clockReached: wakeAgain(&effects)
        case .replanned(let plan, let overrides): try replan(plan, overrides, &effects)
        case .inherited(let ancestry): try inherit(ancestry, &effects)
        case .retryRequested(let trial, let origin): try retry(trial, from: origin, &effects)
        case .stopRequested: try pause(&effects)
        }
        return what.mayFreeSomething
    }

    /// A clock that stepped back has the alarm ring too early: the next moment that is waited for is asked for
    /// once more.
    private func wakeAgain(_ effects: inout [Effect]) {
        if let next = alarms.filter({ $0 > now }).min() { effects.append(.wake(at: next)) }
    }

    /// Keeps a decision and says it.
    mutating func tell(_ decision: Decision, _ effects: inout [Effect]) {
        recentDecisions.append(TimedDecision(at: now, decision: decision))
        if recentDecisions.count > Self.decisionLimit { recentDecisions.removeFirst() }
        effects.append(.tell(decision))
    }
}

/// Where a study is.
public enum StudyPhase: Hashable, Codable, Sendable {
    case new
    case open
    /// A budget is spent: runs in flight finish, nothing is started.
    case draining(BudgetSpent)
    /// A person asked for a pause: runs save their state and stop.
    case pausing
    case ended(StudyEnding)
}

/// A decision and when it was taken.
public struct TimedDecision: Hashable, Codable, Sendable {
    public let at: Timestamp
    public let decision: Decision
}

extension Happening {
    /// What may still come in after the study has ended.
    fileprivate var isWelcomeAtTheEnd: Bool {
        switch self {
        case .checkpointKept, .nodeLost, .replanned, .retryRequested: true
        default: false
        }
    }

    /// Most events are reports, after which there is nothing new to start.
    fileprivate var mayFreeSomething: Bool {
        switch self {
        case .reported, .noted, .runStarted, .checkpointSaved, .checkpointKept, .inherited: false
        case .started, .nodeSurveyed, .nodeLost, .runEnded, .launchRefused, .runMissing, .clockReached,
            .stopRequested, .retryRequested, .checkpointArrived, .checkpointUnreachable, .replanned:
            true
        }
    }
}

extension Engine {
    /// The trial of that number, where there is one.
    public func trial(_ id: TrialID) -> Trial? {
        guard stages.indices.contains(id.stage), stages[id.stage].trials.indices.contains(id.number) else {
            return nil
        }
        return stages[id.stage].trials[id.number]
    }

    /// Every trial, in order.
    public var trials: [Trial] { stages.flatMap(\.trials) }

    /// The best trial so far: of the last stage in which one completed, or of all where they compare.
    public var best: Trial? {
        if plan.method.comparesStages {
            return stages.compactMap(\.leading).min { a, b in
                (a.violation, a.result!) < (b.violation, b.result!)
            }
        }
        return stages.reversed().lazy.compactMap(\.leading).first
    }

    /// Slot-hours spent up to the latest event.
    public var slotHours: Double { spending.slotSeconds(at: elapsed) / 3600 }

    /// Seconds from the study's beginning to the latest event.
    var elapsed: Double { startedAt.map(now.since) ?? 0 }
}
