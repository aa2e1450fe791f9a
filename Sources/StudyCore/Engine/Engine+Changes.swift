public import FleetModel
import Search

/// A word of the study file that a person set otherwise later: its place, and what stands there now.
public struct Override: Hashable, Codable, Sendable {
    /// `["budget", "gpu_hours"]`.
    public let path: [String]
    public let value: JSON

    public init(path: [String], value: JSON) {
        self.path = path
        self.value = value
    }
}

/// The finished stages of another study that this one begins with.
public struct Ancestry: Hashable, Codable, Sendable {
    public let study: StudyID
    /// From the first on, each closed with a best.
    public let stages: [Stage]
    /// What the next stage goes on from.
    public let handover: Checkpoint
    /// It stands among the results of that study. Those of its last stage hold the state after the cooldown.
    public let isKept: Bool

    /// nil where a stage before `stage` is not closed, has no best (the study went on from an earlier one then), or
    /// left nothing to go on from.
    public init?(of engine: Engine, before stage: Int) {
        guard stage >= 1, stage <= engine.stages.count else { return nil }
        let stages = Array(engine.stages.prefix(stage))
        guard stages.allSatisfy({ $0.best != nil }), let last = stages.last,
            let best = last.best.flatMap(engine.trial),
            let handover = last.handover(of: best, engine.plan.method.fidelity)
        else { return nil }
        study = engine.study
        self.stages = stages
        self.handover = handover
        isKept = last.isKept && engine.result(of: best) == handover
    }
}

/// What a person changes about a study after it has begun.
extension Engine {
    /// The study goes on under another plan: runs in flight go on as they began, what begins from now on is new.
    /// A study that was done and has more stages now begins the next when it is started.
    mutating func replan(
        _ plan: Plan, _ overrides: [Override], _ effects: inout [Effect]
    ) throws(RefusedEvent) {
        guard plan != self.plan || overrides != self.overrides else { throw .noChange }
        self.plan = plan
        self.overrides = overrides
        tell(.replanned(overrides: overrides), &effects)
        if let last = stages.indices.last { stages[last].drop { !plan.method.wants($0) } }
        guard case .ended = phase, stages.last?.closedAt != nil,
            case .stage(let opening) = plan.method.next(after: stages, original: plan.space)
        else { return }
        phase = .ended(.stopped)
        keepAnew(&effects)
        open(opening, &effects)
    }

    /// The last stage was kept as it ended, after its cooldown; a stage between others is kept as it went on.
    private mutating func keepAnew(_ effects: inout [Effect]) {
        let last = stages.count - 1
        guard let best = stages[last].best.flatMap(trial), result(of: best) != best.checkpoint else { return }
        stages[last].isKept = false
        if let keep = keepEffect(of: last) { effects.append(keep) }
    }

    /// Whether an ended trial can be run once more: its stage is open, or its method has only one round.
    public func canRetry(_ id: TrialID) -> Bool {
        guard let last = stages.last, trial(id)?.hasEnded == true else { return false }
        return plan.method.comparesStages || (last.closedAt == nil && id.stage == last.index)
    }

    /// Has an ended trial run once more, as another trial: of its stage where that is open, or of one more stage
    /// where the method has only one round. A study that was done goes on with it when it is started.
    mutating func retry(
        _ id: TrialID, from origin: Checkpoint?, _ effects: inout [Effect]
    ) throws(RefusedEvent) {
        guard let trial = trial(id), trial.hasEnded else { throw .unknown(what: "ended trial \(id)") }
        guard canRetry(id) else { throw .noChange }
        if let origin, !isHeld(origin) { throw .unknown(what: "checkpoint \(origin)") }
        let space = stages[id.stage].space
        let again = PlannedTrial(
            space.searched(trial.assignment), .retried(of: id), from: origin ?? trial.origin)
        if stages[stages.count - 1].closedAt == nil { return stages[stages.count - 1].plan(again) }
        phase = .ended(.stopped)
        open(.only([again], in: space), &effects)
    }

    /// It lies on a node as far as is known.
    private func isHeld(_ checkpoint: Checkpoint) -> Bool {
        trial(checkpoint.run.trial)?.progress.checkpoints.contains(checkpoint) == true
    }

    /// A study that has not begun takes over the stages of another.
    mutating func inherit(_ ancestry: Ancestry, _ effects: inout [Effect]) throws(RefusedEvent) {
        guard phase == .new, stages.isEmpty else { throw .noChange }
        stages = ancestry.stages
        // Their checkpoints are the other study's to keep; it has copies of what this one needs.
        for index in stages.indices { stages[index].isKept = true }
        inherited = ancestry.stages.count
        tell(.inherited(from: ancestry.study, stages: inherited), &effects)
    }

    /// What the study's own first stage begins with; nil where the stages that it inherited are all that it is to
    /// have, or leave nothing to go on from.
    var firstOpening: StageOpening? {
        guard inherited > 0 else {
            return plan.method.first(original: plan.space, prior: plan.prior)
        }
        guard case .stage(let opening) = plan.method.next(after: stages, original: plan.space) else {
            return nil
        }
        return opening
    }
}
