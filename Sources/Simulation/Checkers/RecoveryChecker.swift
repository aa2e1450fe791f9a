public import StudyCore

/// Starting again after a crash goes on from exactly what was durable.
public struct RecoveryChecker: Checker {
    public init() {}

    public mutating func recovered(_ engine: Engine, before: Engine) throws(Violation) {
        guard engine != before else { return }
        let parts: [(String, Bool)] = [
            ("stages", engine.stages == before.stages), ("nodes", engine.nodes == before.nodes),
            ("leases", engine.leasing.elementsEqual(before.leasing)), ("phase", engine.phase == before.phase),
            ("clock", engine.now == before.now), ("waiting", engine.waiting == before.waiting),
            ("decisions", engine.recentDecisions == before.recentDecisions),
        ]
        let different = parts.filter { !$0.1 }.map(\.0)
        throw Violation(
            "recovery equals",
            "after the restart these differ: "
                + (different.isEmpty ? "generator or totals" : different.joined(separator: ", ")))
    }
}
