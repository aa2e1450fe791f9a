import FleetModel

/// How fast a trial trains, by the clocks of the nodes that it runs on: from report to report within each run, so
/// that starting up, waiting, and a coordinator that was away are not in it.
public struct Speed: Hashable, Codable, Sendable {
    private var steps = 0
    private var seconds = 0.0
    private var last: Mark?

    private struct Mark: Hashable, Codable {
        let attempt: Int
        let step: Int
        let seconds: Double
    }

    /// nil before the second report of a run.
    public var secondsPerStep: Double? { steps > 0 && seconds > 0 ? seconds / Double(steps) : nil }

    mutating func take(_ report: Report, of attempt: Int) {
        guard case .value(let now)? = report.metrics[Report.elapsedSeconds] else { return }
        if let last, last.attempt == attempt, report.step > last.step, now >= last.seconds {
            steps += report.step - last.step
            seconds += now - last.seconds
        }
        last = Mark(attempt: attempt, step: report.step, seconds: now)
    }
}
