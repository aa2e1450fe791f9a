import FleetModel
import Journal
import Search
import StudyCore

/// What a report is made of: the engine's state, and every trial's curve as the journal has it.
struct StudyRecord {
    let engine: Engine
    /// In the objective's own units, by rising step; thinned.
    let curves: [TrialID: [(step: Int, value: Double)]]
    let now: Timestamp

    /// More points than a plot has pixels for are left out.
    private static let longestCurve = 300

    init(engine: Engine, curves: [TrialID: [(step: Int, value: Double)]], now: Timestamp) {
        self.engine = engine
        self.curves = curves
        self.now = engine.hasEnded ? engine.now : now
    }

    init(engine: Engine, journal: JournalReader, now: Timestamp) throws(JournalError) {
        var curves: [TrialID: [(step: Int, value: Double)]] = [:]
        for trial in engine.trials {
            curves[trial.id] = Self.curve(try journal.reports(of: trial.id), engine.plan.objective.metric)
        }
        self.init(engine: engine, curves: curves, now: now)
    }

    private static func curve(_ reports: [Report], _ metric: String) -> [(step: Int, value: Double)] {
        var points: [(step: Int, value: Double)] = []
        for report in reports {
            // A resumed run repeats steps.
            guard case .value(let value)? = report.metrics[metric], report.step > points.last?.step ?? 0
            else { continue }
            points.append((report.step, value))
        }
        let stride = points.count / longestCurve + 1
        return points.enumerated().filter { index, _ in
            index % stride == 0 || index == points.count - 1
        }.map(\.element)
    }

    var direction: Direction { engine.plan.objective.direction }

    /// Steps before each stage, since the first one began.
    var offsets: [Int] { engine.stages.map { engine.steps(before: $0.index) } }

    /// The best trial of each stage that has one.
    var bests: Set<TrialID> {
        Set(engine.stages.compactMap { $0.best ?? $0.ranking.first?.id })
    }
}
