import FleetModel
public import StudyCore

/// A spent budget starts no run: it is exceeded by what is in flight and by nothing else. Leases are added
/// up here from the orders alone. Nor do more trials run at once than the study allows.
public struct BudgetChecker: Checker {
    private static let promise = "the budget is exceeded by no more than the runs in flight"
    private let budget: Budget
    private let parallel: Int
    private var startedAt: Double?
    private var now = 0.0
    private var settled = 0.0
    private var open: [RunID: (since: Double, width: Int)] = [:]
    private var proposed = 0

    public init(of plan: Plan) {
        budget = plan.budget
        parallel = plan.resources.parallel ?? .max
    }

    public mutating func wrote(_ entries: [Entry], _ engine: Engine) throws(Violation) {
        for entry in entries {
            now = max(now, entry.event.at.seconds)
            startedAt = startedAt ?? now
            for effect in entry.effects {
                switch effect {
                case .launch(let order): try launch(order)
                case .tell(.proposed(let trial, _, _)):
                    if engine.trial(trial)?.isGiven == false { try propose(trial) }
                case .stop, .keep, .bring, .remove, .tell, .record, .wake, .finish: break
                }
            }
        }
        let held = Set(engine.leasing)
        for run in open.keys where !held.contains(run) {
            // Given back by an event of this batch, and a batch lies in one moment.
            settled += seconds(of: open.removeValue(forKey: run)!)
        }
    }

    private func seconds(of run: (since: Double, width: Int)) -> Double {
        (now - run.since) * Double(run.width)
    }

    private mutating func launch(_ order: RunOrder) throws(Violation) {
        let spent = (settled + open.values.reduce(0) { $0 + seconds(of: $1) }) / 3600
        if let limit = budget.gpuHours, spent > limit + 1e-9 {
            throw Violation(
                Self.promise, "\(order.run) is launched after \(spent) of \(limit) slot hours")
        }
        if let limit = budget.wallHours, let startedAt, now - startedAt >= limit * 3600 + 1e-6 {
            throw Violation(
                Self.promise, "\(order.run) is launched after \((now - startedAt) / 3600) of \(limit) hours")
        }
        open[order.run] = (now, order.lease.width)
    }

    private mutating func propose(_ trial: TrialID) throws(Violation) {
        proposed += 1
        if let limit = budget.trials, proposed > limit {
            throw Violation(Self.promise, "\(trial) is proposed, and the budget is \(limit) trials")
        }
    }

    public mutating func ended(_ engine: Engine) throws(Violation) {
        let counted = (settled + open.values.reduce(0) { $0 + seconds(of: $1) }) / 3600
        guard abs(counted - engine.slotHours) <= 1e-6 * max(1, counted) else {
            throw Violation(
                Self.promise, "the engine counts \(engine.slotHours) slot hours, there were \(counted)")
        }
    }
}
