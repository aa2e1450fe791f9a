import FleetModel
import Search
import StudyCore

/// How the optimum of one parameter moves over the stages.
struct ParameterLaw: Encodable {
    /// A stage's smoothed optimum.
    struct Point: Encodable {
        let stage: Int
        /// The middle of the stage, in steps since the first one began.
        let step: Double
        let value: Double
        /// How many good trials carry it.
        let cells: Double
    }

    struct Shape: Encodable {
        let shape: String
        /// nil: too few points for so many parameters.
        let aicc: Double?
    }

    /// Where the next stage's optimum is to be expected, with 90 % confidence.
    struct Next: Encodable {
        let step: Double
        let value: Double
        let low: Double
        let high: Double
    }

    let parameter: String
    let quantity = "best value at a step of one run"
    let points: [Point]
    /// nil: too few stages, or values that have no power law.
    let scale: Double?
    let exponent: Double?
    /// With 90 % confidence.
    let exponentInterval: [Double]?
    let shapes: [Shape]
    let verdict: String
    let words: String
    let next: Next?
    /// Its numbers stand above.
    let trend: Trend?

    private enum CodingKeys: String, CodingKey {
        case parameter, quantity, points, scale, exponent, exponentInterval, shapes, verdict, words, next
    }

    /// nil for a parameter that has no logarithm, or no value in some stage.
    init?(of parameter: Parameter, _ stages: [ClosedStage]) {
        guard let low = parameter.domain.lowest, low > 0, let last = stages.last else { return nil }
        let points = stages.compactMap { closed in
            closed.optimum(of: parameter.name).map {
                Point(stage: closed.stage.index, step: closed.middle, value: $0.value, cells: $0.cells)
            }
        }
        guard points.count == stages.count else { return nil }
        self.init(of: parameter.name, points, span: last.span.count)
    }

    /// `span`: how many steps after the last point the next one is to be expected.
    init(of parameter: String, _ points: [Point], span: Int) {
        self.parameter = parameter
        self.points = points
        trend = Trend(points.map { PowerLawFit.Point(x: $0.step, y: $0.value, weight: $0.cells) })
        scale = trend.flatMap { $0.scale.isFinite ? $0.scale : nil }
        exponent = trend?.exponent
        exponentInterval = trend.map { [$0.exponentInterval().lowerBound, $0.exponentInterval().upperBound] }
        shapes = trend?.shapes.map { Shape(shape: $0.kind.rawValue, aicc: $0.criterion) } ?? []
        verdict = trend?.verdict.word ?? "not_enough_evidence"
        words =
            trend?.sentence(of: parameter, over: "t")
            ?? "\(parameter): \(points.count) stages are too few for a power law"
        let ahead = (points.last?.step ?? 0) + Double(span)
        next = trend?.forecast(at: ahead).map {
            Next(step: ahead, value: $0.value, low: $0.range.lowerBound, high: $0.range.upperBound)
        }
    }
}

extension Trend.Verdict {
    var word: String {
        switch self {
        case .law: "power_law"
        case .plateau: "plateau"
        case .step: "step"
        case .notEnoughEvidence: "not_enough_evidence"
        }
    }
}

extension Domain {
    /// nil for choices, which have no order.
    var lowest: Double? {
        switch self {
        case .float(let low, _, _): low
        case .int(let low, _, _): Double(low)
        case .categorical: nil
        }
    }
}
