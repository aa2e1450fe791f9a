import FleetModel
public import StudyCore

/// Each trial ends once, is recorded once, and nothing is launched for it afterwards.
public struct EndingsChecker: Checker {
    private static let promise = "each trial ends once"
    private var endings: [TrialID: TrialState] = [:]

    public init() {}

    public mutating func wrote(_ entries: [Entry], _ engine: Engine) throws(Violation) {
        for effect in entries.lazy.flatMap(\.effects) {
            switch effect {
            case .record(let trial): try record(trial, engine)
            case .launch(let order):
                if endings[order.run.trial] != nil {
                    throw Violation(Self.promise, "\(order.run) is launched, and its trial has ended")
                }
            case .stop, .keep, .bring, .remove, .tell, .wake, .finish: break
            }
        }
    }

    private mutating func record(_ id: TrialID, _ engine: Engine) throws(Violation) {
        guard let state = engine.trial(id)?.state, case .ended = state else {
            throw Violation(Self.promise, "\(id) is recorded and has not ended")
        }
        guard endings.updateValue(state, forKey: id) == nil else {
            throw Violation(Self.promise, "\(id) is recorded twice")
        }
    }

    public mutating func ended(_ engine: Engine) throws(Violation) {
        for trial in engine.trials where trial.state != endings[trial.id] {
            let recorded = endings[trial.id].map { "\($0)" } ?? "nothing"
            throw Violation(Self.promise, "\(trial.id) is \(trial.state), and \(recorded) was recorded")
        }
        if !engine.leasing.isEmpty {
            throw Violation(Self.promise, "the study has ended and \(engine.leasing) hold leases")
        }
    }
}
