import Foundation
import Simulation

/// What `coordinator simulate` shows: settings side by side.
struct ForecastTable: Encodable {
    /// One setting and its forecast.
    struct Row: Encodable {
        let setting: String
        let forecast: Forecast
        /// How long its simulations took, all of them.
        let seconds: Double
    }

    let rows: [Row]
    let metric: String
    /// Of the study that the model was fitted to; nil: losses are made up.
    let trialsFitted: Int?

    init(rows: [Row], metric: String, like past: PastStudy?) {
        self.rows = rows
        self.metric = metric
        trialsFitted = past?.trials
    }

    var lines: [String] {
        let best = trialsFitted == nil ? "best loss (made up)" : "best \(metric)"
        let head = [
            "setting", "wall time", "GPU hours", "utilisation", "completed", "pruned", "failed", best,
        ]
        return Text.table([head] + rows.map(cells)) + [""] + failures + [effort]
    }

    private func cells(of row: Row) -> [String] {
        let forecast = row.forecast
        return [
            row.setting, words(forecast.wallHours) { Text.duration($0 * 3600) },
            words(forecast.gpuHours, amount),
            words(forecast.utilisation) { String(format: "%.1f %%", 100 * $0) },
            words(forecast.completed, count), words(forecast.pruned, count), words(forecast.failed, count),
            words(forecast.bestLoss) { Text.number($0) },
        ]
    }

    private var failures: [String] {
        rows.filter { $0.forecast.failures > 0 }.map { row in
            "\(row.setting): \(row.forecast.failures) of \(row.forecast.simulations) simulations ended "
                + "without a result"
        }
    }

    private var effort: String {
        let (seconds, simulations) = (
            rows.reduce(0) { $0 + $1.seconds }, rows.reduce(0) { $0 + $1.forecast.simulations }
        )
        let decisions = rows.reduce(0) {
            $0 + ($1.forecast.decisions?.mean ?? 0) * Double($1.forecast.simulations)
        }
        let fitted = trialsFitted.map { ", like \($0) trials" } ?? ""
        return "\(simulations) simulations\(fitted) in \(amount(seconds)) s: \(count(decisions)) decisions, "
            + "\(count(decisions / max(seconds, 0.001))) a second"
    }

    /// `2.1 (1.9 to 2.4)`; one number where they are the same.
    private func words(_ interval: Forecast.Interval?, _ text: (Double) -> String) -> String {
        guard let interval else { return "–" }
        let (low, median, high) = (text(interval.low), text(interval.median), text(interval.high))
        return low == high ? median : "\(median) (\(low) to \(high))"
    }

    private func count(_ number: Double) -> String { "\(Int(number.rounded()))" }

    /// Three digits, and all before the point.
    private func amount(_ number: Double) -> String {
        number < 1000 ? Text.number(number, digits: 3) : count(number)
    }
}

/// On a terminal: how many simulations are done and how long the rest takes.
struct SimulationProgress {
    private let count: Int
    private var done = 0
    private let begin = Date()
    private let isShown = isatty(STDERR_FILENO) == 1

    init(count: Int) {
        self.count = count
    }

    /// Before each simulation.
    mutating func tell() {
        if isShown, done > 0 {
            let left = Date().timeIntervalSince(begin) / Double(done) * Double(count - done)
            write("\rsimulated \(done) of \(count), about \(Text.duration(left)) left \u{1B}[K")
        }
        done += 1
    }

    func end() { if isShown { write("\r\u{1B}[K") } }

    private func write(_ text: String) { Terminal.write(text.utf8, to: STDERR_FILENO) }
}
