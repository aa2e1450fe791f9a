import FleetModel
import Wire

/// Where a run that is not over stands, and what is to be done about it. Pure: times come from outside, in
/// seconds on the monotonic clock.
struct RunLife: Hashable {
    /// How far a stop has got.
    enum Stop: Hashable {
        case none
        /// The order is written; from `until` on the run is overdue.
        case asked(until: Double)
        /// SIGTERM was sent to all of it.
        case terminated(until: Double)
        /// SIGKILL was.
        case killed
    }

    /// What is seen of a run.
    struct Sight: Hashable {
        var hasStarted: Bool
        var hasEnded: Bool
        /// How the plugin process ended, where it was our child and is gone.
        var childExit: String?
        /// nil where it must not be asked: whoever asks holds the lock for a moment, and a plugin that
        /// comes just then would take itself for the second one.
        var lockIsFree: Bool?
    }

    /// What to do now.
    enum Verdict: Hashable {
        /// Look again when something happens, at the latest at that time.
        case wait(until: Double?)
        case terminate
        case kill
        /// Kill what is left of it. When nothing is left, write `ending` (where there is one), then its
        /// slots are free.
        case clear(ending: RunEnding?)
    }

    /// A plugin that has written `ended` may take this long to go.
    static let farewellSeconds = 2.0
    /// Between the end of the plugin's own time for a stop and our SIGTERM.
    static let spareSeconds = 5.0

    let graceSeconds: Double
    private(set) var stop = Stop.none
    private var endSeen: Double?

    /// - Parameter stopAge: for how long a stop order has been in the folder; nil where there is none.
    init(graceSeconds: Double, stopAge: Double? = nil, now: Double = 0) {
        self.graceSeconds = min(max(graceSeconds, 0), 86_400)
        if let stopAge { stop = .asked(until: now - stopAge + patience) }
    }

    private var patience: Double { 2 * graceSeconds + Self.spareSeconds }

    /// A stop order was written; the first one counts.
    mutating func askToStop(now: Double) {
        if stop == .none { stop = .asked(until: now + patience) }
    }

    /// What to do about what is seen.
    mutating func judge(_ sight: Sight, now: Double) -> Verdict {
        if sight.hasEnded {
            let since = endSeen ?? now
            endSeen = since
            let isGone = sight.lockIsFree == true || now >= since + Self.farewellSeconds
            return isGone ? .clear(ending: nil) : .wait(until: since + Self.farewellSeconds)
        }
        if sight.lockIsFree == true { return .clear(ending: ending(sight)) }
        switch stop {
        case .asked(let until) where now >= until:
            stop = .terminated(until: now + graceSeconds)
            return .terminate
        case .terminated(let until) where now >= until:
            stop = .killed
            return .kill
        case .asked(let until), .terminated(let until): return .wait(until: until)
        case .killed: return .kill
        case .none: return .wait(until: nil)
        }
    }

    /// What the plugin, which is gone, could not write any more.
    private func ending(_ sight: Sight) -> RunEnding {
        switch stop {
        case .terminated, .killed: return .stopped
        case .none, .asked:
            guard !sight.hasStarted, let exit = sight.childExit else { return .failed(RunFailure(.vanished)) }
            return .failed(RunFailure(.node(reason: "the plugin ended before it began: \(exit)")))
        }
    }
}
