import FleetModel
public import StudyCore

/// Watches a simulation for one promise of the design. To add one: a file beside this, and a line in
/// `Checkers.all`; a test in `Tests/SimulationTests` plants a bug that it must find.
public protocol Checker {
    /// Something happened on the fleet: the truth, whether or not the coordinator ever learns of it.
    mutating func saw(_ sight: FleetSight, _ engine: Engine) throws(Violation)
    /// A turn's events and effects are durable, and the engine stands after the last of them.
    mutating func wrote(_ entries: [Entry], _ engine: Engine) throws(Violation)
    /// The coordinator was started again; before it died, the engine was `before` after the last entry
    /// that is durable.
    mutating func recovered(_ engine: Engine, before: Engine) throws(Violation)
    /// The simulation is over.
    mutating func ended(_ engine: Engine) throws(Violation)
}

extension Checker {
    public mutating func saw(_ sight: FleetSight, _ engine: Engine) throws(Violation) {}
    public mutating func wrote(_ entries: [Entry], _ engine: Engine) throws(Violation) {}
    public mutating func recovered(_ engine: Engine, before: Engine) throws(Violation) {}
    public mutating func ended(_ engine: Engine) throws(Violation) {}
}

/// A broken promise.
public struct Violation: Error, Hashable, Sendable, CustomStringConvertible {
    public let promise: String
    public let text: String

    public init(_ promise: String, _ text: String) {
        self.promise = promise
        self.text = text
    }

    public var description: String { "\(promise): \(text)" }
}

/// What happens on the fleet.
public struct FleetSight {
    let what: What

    enum What {
        /// A process of ours is on these slots from now on.
        case began(RunID, NodeID, [Slot])
        case gone(RunID, NodeID)
        /// A line stands in the run's file.
        case logged(RunID, PlacedEvent)
        /// The disk lost the lines after this offset.
        case lostLines(RunID, after: Int)
        case saved(Checkpoint, NodeID)
        case removed(Checkpoint, NodeID)
        /// A stage's best stands among the results.
        case kept(Checkpoint)
    }

    init(_ what: What) { self.what = what }
}

/// One event that was applied, and the effects it had.
public struct Entry: Hashable, Sendable {
    public let event: Event
    public let effects: [Effect]
}

/// Every checker there is.
public enum Checkers {
    public static func all(of plan: Plan, coding: Coding? = nil) -> [any Checker] {
        [
            ReportsChecker(), LeasesChecker(), EndingsChecker(), RecoveryChecker(), BudgetChecker(of: plan),
            StarvationChecker(of: plan), CheckpointsChecker(), ReplayChecker(of: plan, coding: coding),
        ]
    }
}
