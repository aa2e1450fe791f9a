import FleetModel
import StudyCore

extension ParetoFront {
    /// Of a study with several objectives; nil for one with a single objective.
    init?(of engine: Engine) {
        let plan = engine.plan
        guard !plan.further.isEmpty else { return nil }
        let points = engine.trials.filter { $0.result != nil && $0.further.count == plan.further.count }.map {
            trial in
            Point(
                trial.id.description, trial.assignment,
                zip(plan.objectives, [trial.result!] + trial.further).map { $1.metric($0.direction) },
                violation: trial.violation)
        }
        self.init(of: points, by: plan.objectives)
    }

    /// As `coordinator best` prints it.
    var lines: [String] { Text.table(table) + (volumeWords.map { ["", $0] } ?? []) }
}
