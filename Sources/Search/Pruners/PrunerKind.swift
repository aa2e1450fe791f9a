public import FleetModel

/// Every pruner there is. A new one touches its own file and this one.
public enum PrunerKind: Pruner {
    /// `none` by name: every trial runs to its end.
    case off
    /// `median` by name is the 50th.
    case percentile(PercentilePruner)
    case threshold(ThresholdPruner)
    case patience(PatiencePruner)
    case asha(ASHAPruner)
    /// `asha` of a study with several objectives.
    case paretoASHA(ParetoASHA)
    case hyperband(HyperbandPruner)
    case ashaPromotion(ASHAPromotion)
    case population(PopulationPruner)

    /// The names of those that judge each trial by itself or beside others, stop it or have it wait.
    public static let judging = [
        "none", "median", "percentile", "threshold", "patience", "asha", "hyperband", "asha-promotion",
    ]

    /// All names; `pbt` copies one trial's checkpoint to another.
    public static let names = judging + ["pbt"]

    /// It has trials wait at its rungs, without a place, until they are told to go on.
    public var pauses: Bool {
        if case .ashaPromotion = self { true } else { false }
    }

    /// Before its first trial, with the same options, by this version's rules.
    public var current: Self {
        if case .ashaPromotion(let old) = self { .ashaPromotion(old.current) } else { self }
    }

    public var rungs: [Int] {
        switch self {
        case .off: []
        case .percentile(let pruner): pruner.rungs
        case .threshold(let pruner): pruner.rungs
        case .patience(let pruner): pruner.rungs
        case .asha(let pruner): pruner.rungs
        case .paretoASHA(let pruner): pruner.rungs
        case .hyperband(let pruner): pruner.rungs
        case .ashaPromotion(let pruner): pruner.rungs
        case .population(let pruner): pruner.rungs
        }
    }

    public mutating func begin(_ trial: TrialID, at places: [Double]) {
        change(otherwise: (), Beginning(trial: trial, places: places))
    }

    public mutating func judge(_ trial: TrialID, step: Int, loss: Loss) -> Verdict {
        judge(trial, step: step, losses: [loss])
    }

    public mutating func judge(_ trial: TrialID, step: Int, losses: [Loss]) -> Verdict {
        // Nearly all reports: a pruner need not be moved for them.
        if let next = nextDecision(of: trial), step < next { return .go }
        return change(otherwise: .go, Judgement(trial: trial, step: step, losses: losses))
    }

    public mutating func resume() -> Resumption? { change(otherwise: nil, Resuming()) }

    public mutating func ended(_ trial: TrialID) { change(otherwise: (), Ending(trial: trial)) }

    public func nextDecision(of trial: TrialID) -> Int? {
        switch self {
        case .off: nil
        case .percentile(let pruner): pruner.nextDecision(of: trial)
        case .threshold(let pruner): pruner.nextDecision(of: trial)
        case .patience(let pruner): pruner.nextDecision(of: trial)
        case .asha(let pruner): pruner.nextDecision(of: trial)
        case .paretoASHA(let pruner): pruner.nextDecision(of: trial)
        case .hyperband(let pruner): pruner.nextDecision(of: trial)
        case .ashaPromotion(let pruner): pruner.nextDecision(of: trial)
        case .population(let pruner): pruner.nextDecision(of: trial)
        }
    }

    private mutating func change<C: Change>(otherwise: C.Answer, _ change: C) -> C.Answer {
        switch self {
        case .off: otherwise
        case .percentile(let pruner): make(change, on: pruner, Self.percentile)
        case .threshold(let pruner): make(change, on: pruner, Self.threshold)
        case .patience(let pruner): make(change, on: pruner, Self.patience)
        case .asha(let pruner): make(change, on: pruner, Self.asha)
        case .paretoASHA(let pruner): make(change, on: pruner, Self.paretoASHA)
        case .hyperband(let pruner): make(change, on: pruner, Self.hyperband)
        case .ashaPromotion(let pruner): make(change, on: pruner, Self.ashaPromotion)
        case .population(let pruner): make(change, on: pruner, Self.population)
        }
    }

    /// Empties `self` for the time of the call: two owners would have the pruner's tables copied each time.
    private mutating func make<C: Change, P: Pruner>(
        _ change: C, on pruner: consuming P, _ kind: (P) -> Self
    ) -> C.Answer {
        self = .off
        let answer = change.made(on: &pruner)
        self = kind(pruner)
        return answer
    }
}

/// A call that changes a pruner, as a value: so one switch over the kinds serves all of them.
private protocol Change {
    associatedtype Answer
    func made<P: Pruner>(on pruner: inout P) -> Answer
}

private struct Beginning: Change {
    let trial: TrialID
    let places: [Double]

    func made<P: Pruner>(on pruner: inout P) { pruner.begin(trial, at: places) }
}

private struct Judgement: Change {
    let trial: TrialID
    let step: Int
    let losses: [Loss]

    func made<P: Pruner>(on pruner: inout P) -> Verdict { pruner.judge(trial, step: step, losses: losses) }
}

private struct Resuming: Change {
    func made<P: Pruner>(on pruner: inout P) -> Resumption? { pruner.resume() }
}

private struct Ending: Change {
    let trial: TrialID

    func made<P: Pruner>(on pruner: inout P) { pruner.ended(trial) }
}
