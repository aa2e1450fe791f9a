import FleetModel
import Search
import StudyCore

/// Each stage's trials in the plane of two parameters, learning rate and batch size where the space has them:
/// the darker, the better.
struct StageMaps {
    let record: StudyRecord
    private let across: Parameter
    /// nil: one numeric parameter alone, drawn against the objective.
    private let upwards: Parameter?

    /// nil without a numeric parameter.
    init?(of record: StudyRecord, importance: Importance) {
        self.record = record
        let space = record.engine.plan.space
        let numeric = space.parameters.filter { $0.domain.lowest != nil }
        let names = numeric.map(\.name)
        let byImportance = importance.parameters.map(\.parameter).filter(names.contains) + names
        guard let first = ScheduleNames.rate(names) ?? byImportance.first else { return nil }
        let second =
            ScheduleNames.batchSize(names.filter { $0 != first })
            ?? byImportance.first { $0 != first }
        across = numeric.first { $0.name == first }!
        upwards = numeric.first { $0.name == second }
    }

    var title: String {
        "\(across.name) × \(upwards?.name ?? record.engine.plan.objective.metric)"
            + (record.engine.plan.method.stageCount > 1 ? ", stage by stage" : "")
    }

    /// One picture a stage. The first shows the whole space; the others, whose spaces are small, share closer
    /// axes, so that one sees where the stages go.
    var markups: [Markup] {
        let whole = frame(over: [record.engine.plan.space], record.engine.trials)
        let later = record.engine.stages.dropFirst()
        let close = frame(over: later.map(\.space), later.flatMap(\.trials))
        return record.engine.stages.map { stage in
            .element(
                "figure", ["class": record.engine.plan.method.stageCount == 1 ? "wide-map" : "map"],
                [
                    .element("figcaption", [:], [Markup(caption(stage))]),
                    (stage.index == 0 ? whole : close).svg(
                        "trials of stage \(stage.index)", xLabel: across.name,
                        yLabel: upwards?.name ?? record.engine.plan.objective.metric,
                        marks(stage, stage.index == 0 ? whole : close)),
                ])
        }
    }

    private func frame(over spaces: [Space], _ trials: [Trial]) -> PlotFrame {
        func ends(_ name: String) -> [Double] {
            spaces.flatMap { space in space.parameters.first { $0.name == name }?.domain.ends ?? [] }
        }
        let y = upwards.map { ($0.domain.scale, ends($0.name)) } ?? (.linear, trials.compactMap(value))
        let isAlone = record.engine.plan.method.stageCount == 1
        return PlotFrame(
            width: isAlone ? 640 : 320, height: isAlone ? 340 : 260,
            x: (across.domain.scale, ends(across.name)), y: y, left: 56)
    }

    private func caption(_ stage: Stage) -> String {
        let best = stage.best ?? stage.ranking.first?.id
        guard record.engine.plan.method.stageCount > 1 else { return "" }
        guard let trial = best.flatMap(record.engine.trial), let loss = trial.result else {
            return "stage \(stage.index): nothing completed"
        }
        let words = Sentences(objective: record.engine.plan.objective).metric(loss)
        return "stage \(stage.index): best \(trial.id), \(words)"
    }

    private func marks(_ stage: Stage, _ frame: PlotFrame) -> [Markup] {
        let places = Dictionary(
            uniqueKeysWithValues: stage.ranking.enumerated().map { ($0.element.id, $0.offset) })
        let others = stage.trials.filter { places[$0.id] == nil }
        // The best is drawn last, over its neighbours.
        let dots = stage.ranking.reversed() + []
        return (window(of: stage, frame).map { [$0] } ?? [])
            + (others + dots).compactMap { mark($0, places[$0.id], stage.ranking.count, frame) }
    }

    private func mark(_ trial: Trial, _ rank: Int?, _ count: Int, _ frame: PlotFrame) -> Markup? {
        guard let x = trial.assignment[across.name]?.number,
            let y = upwards == nil ? value(trial) : trial.assignment[upwards!.name]?.number
        else { return nil }
        let title = "\(trial.id) \(trial.state.word) \(shown(trial)): \(Text.assignment(trial.assignment))"
        guard let rank else {
            if trial.hasFailed { return frame.cross("failed", x, y, title: title) }
            return frame.dot("hollow", x, y, radius: 3.5, title: title)
        }
        let shade = count > 1 ? rank * 4 / (count - 1) : 0
        if rank == 0 { return frame.dot("shade0 ring", x, y, radius: 6, title: title) }
        return frame.dot("shade\(shade)", x, y, radius: 4.5, title: title)
    }

    private func value(_ trial: Trial) -> Double? {
        (trial.result ?? trial.progress.latest)?.metric(record.direction)
    }

    private func shown(_ trial: Trial) -> String { value(trial).map { Text.number($0, digits: 5) } ?? "" }

    /// The stage's own space, where it is smaller than the study's.
    private func window(of stage: Stage, _ frame: PlotFrame) -> Markup? {
        guard let upwards, stage.space != record.engine.plan.space,
            let x = stage.space.parameters.first(where: { $0.name == across.name })?.domain.ends,
            let y = stage.space.parameters.first(where: { $0.name == upwards.name })?.domain.ends,
            x.count == 2, y.count == 2
        else { return nil }
        return frame.box("window", x[0]...x[1], y[0]...y[1])
    }
}

extension Domain {
    /// Lowest and highest; empty for choices.
    fileprivate var ends: [Double] {
        switch self {
        case .float(let low, let high, _): [low, high]
        case .int(let low, let high, _): [Double(low), Double(high)]
        case .categorical: []
        }
    }

    fileprivate var scale: PlotAxis.Scale {
        switch self {
        case .float(_, _, .log), .int(_, _, .log): .log
        default: .linear
        }
    }
}
