import FleetModel
import Foundation
import Search
import StudyCore

/// What each parameter should be at a step, between and after the stages too.
struct ScheduleCourse {
    /// How many pieces a smooth schedule has unless asked otherwise.
    static let usualPieces = 20

    let space: Space
    let stages: [Schedule.Entry]
    let laws: [ParameterLaw]

    /// Equal pieces up to `last`, each with the values in its middle.
    func smooth(until last: Int, pieces: Int = usualPieces) -> [SchedulePiece] {
        let count = max(1, min(pieces, last))
        return (0..<count).map { index in
            let (first, end) = (index * last / count + 1, (index + 1) * last / count)
            return SchedulePiece(
                firstStep: first, lastStep: end, params: params(at: Double(first + end) / 2))
        }
    }

    /// Complete, derived values included.
    private func params(at step: Double) -> Assignment {
        var params = space.searched(piece(at: step).params)
        for parameter in space.parameters where params[parameter.name] != nil {
            guard let law = laws.first(where: { $0.parameter == parameter.name }),
                let value = parameter.domain.nearest(to: law.value(at: step))
            else { continue }
            params[parameter.name] = value
        }
        return space.completed(params)
    }

    /// The stage that covers the step; the last one for what comes after.
    private func piece(at step: Double) -> Schedule.Entry {
        stages.first { step <= Double($0.lastStep) + 0.5 } ?? stages[stages.count - 1]
    }
}

extension ParameterLaw {
    /// The shape that the evidence speaks for; without evidence the stages' optima, joined by straight lines on
    /// logarithms. Before the first stage's middle it is what it is there: laws run off to infinity at step 0.
    func value(at step: Double) -> Double {
        let step = max(step, points[0].step)
        guard let trend, trend.verdict.isClaim else { return joined(at: step) }
        return trend.verdict == .law ? trend(step) : trend.shapes[0](step)
    }

    private func joined(at step: Double) -> Double {
        guard let next = points.firstIndex(where: { $0.step >= step }), next > 0 else {
            return step <= points[0].step ? points[0].value : points[points.count - 1].value
        }
        let (a, b) = (points[next - 1], points[next])
        let share = (step - a.step) / (b.step - a.step)
        return exp(log(a.value) * (1 - share) + log(b.value) * share)
    }
}

extension Trend.Verdict {
    var isClaim: Bool {
        if case .notEnoughEvidence = self { false } else { true }
    }
}
