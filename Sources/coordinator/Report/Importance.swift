import FleetModel
import Search
import StudyCore

/// Which parameters make trials good, over the stages of a study.
struct Importance: Encodable {
    struct Entry: Encodable {
        let parameter: String
        /// 0 to 1, over all parameters 1 together.
        let share: Double
    }

    struct OfStage: Encodable {
        let stage: Int
        /// Complete trials that it was computed from.
        let trials: Int
        let parameters: [Entry]
    }

    let method = "PED-ANOVA (arXiv 2304.10255)"
    let study: String
    /// The mean over the stages, each counted by its trials; most important first. Losses of different stages
    /// are on different levels, so they are never put together. Empty where no stage had enough trials.
    let parameters: [Entry]
    let stages: [OfStage]

    init(of engine: Engine) {
        study = engine.study.rawValue
        let ranked = engine.stages.compactMap(Self.ranking)
        stages = ranked
        let total = Double(ranked.reduce(0) { $0 + $1.trials })
        let means = engine.plan.space.parameters.map { parameter in
            let sum = ranked.reduce(0.0) { sum, stage in
                let share = stage.parameters.first { $0.parameter == parameter.name }?.share ?? 0
                return sum + share * Double(stage.trials)
            }
            return Entry(parameter: parameter.name, share: total > 0 ? sum / total : 0)
        }
        parameters =
            ranked.isEmpty ? [] : means.sorted { ($1.share, $0.parameter) < ($0.share, $1.parameter) }
    }

    private static func ranking(_ stage: Stage) -> OfStage? {
        let complete = stage.ranking.count
        // A tenth of few trials is luck.
        let ranking = ParameterImportance.ranking(of: stage.history, top: complete < 40 ? 0.25 : 0.1)
        return ranking.map { ranking in
            OfStage(
                stage: stage.index, trials: complete,
                parameters: ranking.map { Entry(parameter: $0.name, share: $0.share) })
        }
    }
}
