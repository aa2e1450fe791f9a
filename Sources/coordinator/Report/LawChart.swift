import FleetModel
import Foundation
import Search
import StudyCore

/// A parameter's law: good trials, smoothed optima, the fit with its 90 % band, and the forecast.
struct LawChart {
    let law: ParameterLaw
    /// Completed trials: the middle step of their stage, and their value.
    let trials: [(step: Double, value: Double)]

    init(of law: ParameterLaw, in engine: Engine) {
        self.law = law
        trials = engine.closedStages.flatMap { closed in
            closed.stage.ranking.compactMap { trial in
                trial.assignment[law.parameter]?.number.map { (closed.middle, $0) }
            }
        }
    }

    var markup: Markup { svg([]) }

    /// A file of its own.
    var file: String { svg([.style(ReportStyle.sheet)]).source }

    private func svg(_ style: [Markup]) -> Markup {
        let last = law.next?.step ?? law.points.last!.step
        let steps = (0...60).map { law.points[0].step * pow(last / law.points[0].step, Double($0) / 60) }
        let frame = PlotFrame(
            width: 480, height: 300, x: (.log, steps),
            y: (
                .log,
                law.points.map(\.value) + trials.map(\.value)
                    + [law.next?.low, law.next?.high].compactMap(\.self)
            ))
        return frame.svg(
            "\(law.parameter) over steps", xLabel: "optimiser step t", yLabel: law.parameter,
            style + curves(steps, frame) + dots(frame))
    }

    private func curves(_ steps: [Double], _ frame: PlotFrame) -> [Markup] {
        guard let trend = law.trend else { return [] }
        let band = steps.map { step in
            let range = trend.interval(at: step)
            return (x: step, low: range.lowerBound, high: range.upperBound)
        }
        let isLaw = trend.verdict == .law
        var marks = [
            frame.band("band", band),
            frame.curve(isLaw ? "fit" : "fit doubtful", steps.map { ($0, trend($0)) }, title: law.words),
        ]
        if trend.verdict.isClaim, !isLaw {
            let shape = trend.shapes[0]
            marks.append(frame.curve("fit", steps.map { ($0, shape($0)) }, title: law.words))
        }
        return marks
    }

    private func dots(_ frame: PlotFrame) -> [Markup] {
        let small = trials.compactMap {
            frame.dot("faint", $0.step, $0.value, radius: 2.5, title: Text.number($0.value))
        }
        let large = law.points.compactMap { point in
            frame.dot(
                "optimum", point.step, point.value, radius: 5,
                title:
                    "stage \(point.stage): \(Text.number(point.value)) from \(Text.number(point.cells)) good trials"
            )
        }
        guard let next = law.next else { return small + large }
        let range = frame.curve("forecast", [(next.step, next.low), (next.step, next.high)])
        let middle = frame.dot(
            "forecast-dot", next.step, next.value, radius: 5,
            title:
                "forecast \(Text.number(next.value)), 90 %: \(Text.number(next.low)) to \(Text.number(next.high))"
        )
        return small + large + [range] + [middle].compactMap(\.self)
    }
}
