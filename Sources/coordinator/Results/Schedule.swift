import FleetModel
import Search
import StudyCore

/// The optima of the stages as a schedule, with a power law for each numeric parameter:
/// `value(t) ≈ scale · t^exponent`, t in optimiser steps since the first stage began.
struct Schedule: Encodable {
    /// What the best trial of a stage used, and over which steps.
    struct Entry: Encodable {
        let stage: Int
        let firstStep: Int
        let lastStep: Int
        let trial: String
        let value: Double
        let params: Assignment
    }

    struct Law: Encodable {
        let parameter: String
        /// nil: too few stages, or values that have no power law.
        let scale: Double?
        let exponent: Double?
        let exponentInterval: [Double]?
        let words: String
    }

    let metric: String
    let stages: [Entry]
    let powerLaws: [Law]

    init(of engine: Engine) {
        let plan = engine.plan
        metric = plan.objective.metric
        let bests = engine.stages.compactMap { $0.best.flatMap(engine.trial) }
        stages = bests.map { best in
            let before = engine.steps(before: best.id.stage)
            return Entry(
                stage: best.id.stage, firstStep: before + 1,
                lastStep: before + engine.course(of: best).training, trial: best.id.description,
                value: best.result!.metric(plan.objective.direction), params: best.assignment)
        }
        powerLaws =
            stages.count < 2
            ? []
            : plan.space.parameters.compactMap { [stages] parameter in
                let points = stages.compactMap { entry in
                    entry.params[parameter.name]?.number.map {
                        PowerLawFit.Point(x: Double(entry.lastStep), y: $0)
                    }
                }
                return points.count == stages.count ? Law(of: parameter.name, points) : nil
            }
    }
}

extension Schedule.Law {
    init(of parameter: String, _ points: [PowerLawFit.Point]) {
        self.parameter = parameter
        let fit = PowerLawFit(points)
        scale = fit?.scale
        exponent = fit?.exponent
        exponentInterval = fit?.exponentInterval.map { [$0.lowerBound, $0.upperBound] }
        words = fit?.sentence(of: parameter, over: "t") ?? "\(parameter): no power law fits its values"
    }
}
