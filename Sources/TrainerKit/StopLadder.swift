import Glibc

/// Stopping in steps: ask, SIGTERM, SIGKILL, each after a time of grace.
struct StopLadder {
    struct Step {
        let signal: Int32
        /// Whether it goes to the children of the program instead of its process group.
        var isForChildren = false
    }

    private var steps: [Step]
    private let grace: Double
    private var next: Double

    init(ask: Int32 = SIGTERM, ofChildren: Bool = false, grace: Double, now: Double) {
        let asked = Step(signal: ask, isForChildren: ofChildren)
        let asksByItself = ask != SIGTERM || ofChildren
        steps = (asksByItself ? [asked] : []) + [Step(signal: SIGTERM), Step(signal: SIGKILL)]
        self.grace = grace
        next = now
    }

    /// The stop file has asked already; SIGTERM comes after the first time of grace.
    static func askedByFile(grace: Double, now: Double) -> StopLadder {
        StopLadder(grace: grace, now: now + grace)
    }

    /// The step that is due.
    mutating func due(at now: Double) -> Step? {
        guard now >= next, !steps.isEmpty else { return nil }
        next = now + grace
        return steps.removeFirst()
    }

    /// Seconds until the next step is due; nil when all were taken.
    func wait(at now: Double) -> Double? {
        steps.isEmpty ? nil : max(0, next - now)
    }
}
