public import StudyCore

/// The same events give the same effects, byte for byte where there is a coding, and the same engine.
public struct ReplayChecker: Checker {
    private static let promise = "a replay gives the same bytes"
    private let first: Plan
    private let coding: Coding?
    private var entries: [Entry] = []

    public init(of plan: Plan, coding: Coding? = nil) {
        first = plan
        self.coding = coding
    }

    public mutating func wrote(_ entries: [Entry], _ engine: Engine) throws(Violation) {
        self.entries += entries
    }

    public mutating func ended(_ engine: Engine) throws(Violation) {
        var copy = Engine(study: engine.study, plan: first)
        for (number, entry) in entries.enumerated() {
            let effects: [Effect]
            do {
                effects = try copy.apply(entry.event)
            } catch {
                throw Violation(
                    Self.promise, "entry \(number), \(entry.event.what.short), is refused: \(error)")
            }
            let isSame = coding.map { $0.encodeEffects(effects) == $0.encodeEffects(entry.effects) }
            guard isSame ?? (effects == entry.effects) else {
                throw Violation(
                    Self.promise,
                    "entry \(number), \(entry.event.what.short), gives \(effects.short) "
                        + "where it gave \(entry.effects.short)")
            }
        }
        // Engines are compared as values: tables by run or slot are written in no order.
        guard copy == engine else {
            throw Violation(Self.promise, "the engines differ after \(entries.count) entries")
        }
    }
}
