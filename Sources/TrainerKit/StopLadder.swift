import Glibc

/// Stopping in steps: ask, SIGTERM, SIGKILL, each after a time of grace.
struct StopLadder {
    private var signals: [Int32]
    private let grace: Double
    private var next: Double

    init(ask: Int32 = SIGTERM, grace: Double, now: Double) {
        signals = (ask == SIGTERM ? [] : [ask]) + [SIGTERM, SIGKILL]
        self.grace = grace
        next = now
    }

    /// The stop file has asked already; SIGTERM comes after the first time of grace.
    static func askedByFile(grace: Double, now: Double) -> StopLadder {
        StopLadder(grace: grace, now: now + grace)
    }

    /// The signal that is due.
    mutating func due(at now: Double) -> Int32? {
        guard now >= next, !signals.isEmpty else { return nil }
        next = now + grace
        return signals.removeFirst()
    }

    /// Seconds until the next signal is due; nil when all were sent.
    func wait(at now: Double) -> Double? {
        signals.isEmpty ? nil : max(0, next - now)
    }
}
