import Foundation
import Search

/// A parameter's law on the terminal: the stages' optima and the fitted course, on logarithms.
enum LawPlot {
    private static let (width, height) = (56, 9)

    /// nil where there are too few points to fit.
    static func lines(_ law: ParameterLaw) -> [String]? {
        guard let trend = law.trend, let first = law.points.first, let last = law.points.last else {
            return nil
        }
        let shape = trend.verdict.isClaim && trend.verdict != .law ? trend.shapes[0] : nil
        let steps = (0..<width).map { column in
            first.step * pow(last.step / first.step, Double(column) / Double(width - 1))
        }
        let fitted = steps.map { shape?($0) ?? trend($0) }
        let all = fitted + law.points.map(\.value)
        guard var low = all.min(), var high = all.max(), low > 0, high.isFinite else { return nil }
        if high / low < 1.2 { (low, high) = (low / 1.1, high * 1.1) }
        func row(_ value: Double) -> Int {
            Int((Double(height - 1) * (1 - log(value / low) / log(high / low))).rounded())
        }
        var cells = [[Character]](repeating: [Character](repeating: " ", count: width), count: height)
        for (column, value) in fitted.enumerated() { cells[row(value)][column] = "·" }
        for point in law.points {
            let share = log(point.step / first.step) / log(last.step / first.step)
            cells[row(point.value)][Int((share * Double(width - 1)).rounded())] = "●"
        }
        return drawn(cells, law, low, high, first.step, last.step)
    }

    private static func drawn(
        _ cells: [[Character]], _ law: ParameterLaw, _ low: Double, _ high: Double, _ from: Double,
        _ to: Double
    ) -> [String] {
        let labels = [Text.number(high, digits: 3), Text.number(low, digits: 3)]
        let margin = labels.map(\.count).max()!
        let rows = cells.enumerated().map { index, row in
            let label = index == 0 ? labels[0] : index == height - 1 ? labels[1] : ""
            return String(repeating: " ", count: margin - label.count) + label + " │" + String(row)
        }
        let ends = (Text.number(from, digits: 3), "t = \(Text.number(to, digits: 3))")
        let gap = String(repeating: " ", count: max(1, width - ends.0.count - ends.1.count))
        let pad = String(repeating: " ", count: margin + 1)
        return ["\(law.parameter)(t)  ● optimum of a stage  · \(law.trend!.verdict.curve)"] + rows + [
            pad + "└" + String(repeating: "─", count: width), pad + " " + ends.0 + gap + ends.1,
        ]
    }
}

extension Trend.Verdict {
    /// What the curve beside the points is.
    fileprivate var curve: String {
        switch self {
        case .law: "power law"
        case .plateau: "plateau"
        case .step: "step"
        case .notEnoughEvidence: "power law, without enough evidence"
        }
    }
}
