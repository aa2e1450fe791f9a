import Foundation

/// Figures with what they must reach, as a table.
struct Bars {
    private var rows: [(name: String, found: String, bar: String, holds: Bool?)] = []

    /// A figure that must be at most, or at least, so much; neither: it is shown for comparison.
    mutating func add(
        _ name: String, _ value: Double, _ unit: String, atMost: Double? = nil, atLeast: Double? = nil
    ) {
        let bar = atMost.map { "<= \(Self.text($0))" } ?? atLeast.map { ">= \(Self.text($0))" } ?? ""
        let holds = atMost.map { value <= $0 } ?? atLeast.map { value >= $0 }
        rows.append((name, "\(Self.text(value)) \(unit)", bar, holds))
        print("\(name): \(rows.last!.found)")
    }

    func show() {
        print("\n" + Self.line("", "found", "bar") + "holds")
        for row in rows {
            print(Self.line(row.name, row.found, row.bar) + (row.holds.map { $0 ? "yes" : "NO" } ?? ""))
        }
    }

    private static func line(_ name: String, _ found: String, _ bar: String) -> String {
        name.padding(toLength: 62, withPad: " ", startingAt: 0)
            + found.padding(toLength: 16, withPad: " ", startingAt: 0)
            + bar.padding(toLength: 10, withPad: " ", startingAt: 0)
    }

    /// Three digits that count.
    static func text(_ value: Double) -> String {
        value == 0 || abs(value) >= 100 ? String(format: "%.0f", value) : String(format: "%.3g", value)
    }
}

extension [Double] {
    /// The value below which such a share of them lies.
    func quantile(_ share: Double) -> Double { sorted()[Swift.min(count - 1, Int(Double(count) * share))] }

    var median: Double { quantile(0.5) }
}
