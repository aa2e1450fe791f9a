import FleetModel
import Search
import StudyCore

/// The optima of the stages as a schedule, and how each numeric parameter moves along them.
///
/// A law here is of the best value at a step of one run, for the steps that follow: lr(t), which usually falls.
/// The best peak of a whole run, which rises with the tokens that it is given, is another quantity (`Prior`).
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

    let metric: String
    /// What was found, piece by piece.
    let stages: [Entry]
    let powerLaws: [ParameterLaw]
    /// The fitted course of the parameters, in equal pieces over the same steps.
    let smooth: [SchedulePiece]

    init(of engine: Engine) {
        let plan = engine.plan
        metric = plan.objective.metric
        let closed = engine.closedStages
        if case .population = plan.method {
            stages = Self.pieces(of: engine)
            powerLaws = []
            let course = ScheduleCourse(space: plan.space, stages: stages, laws: [])
            smooth = stages.isEmpty ? [] : course.smooth(until: stages.last!.lastStep)
            return
        }
        stages = closed.map { closed in
            Entry(
                stage: closed.stage.index, firstStep: closed.span.lowerBound,
                lastStep: closed.span.upperBound,
                trial: closed.best.id.description,
                value: (closed.best.progress.latest ?? closed.best.result!).metric(
                    plan.objective.direction),
                params: closed.best.assignment)
        }
        // A schedule that is replayed has nothing to say of optima.
        let isFound = plan.method.trialsPerStage > 1 && plan.method.startsWarm
        powerLaws =
            closed.count < 2 || !isFound
            ? [] : plan.space.parameters.compactMap { ParameterLaw(of: $0, closed) }
        let course = ScheduleCourse(space: plan.space, stages: stages, laws: powerLaws)
        smooth = closed.isEmpty ? [] : course.smooth(until: stages.last!.lastStep)
    }

    /// The pieces of training behind the best member of a population.
    private static func pieces(of engine: Engine) -> [Entry] {
        let direction = engine.plan.objective.direction
        guard let best = engine.best else { return [] }
        return engine.lineage(of: best.id).map { trial in
            let before = engine.steps(behind: trial.origin)
            return Entry(
                stage: trial.membership.generation, firstStep: before + 1,
                lastStep: before + max(1, engine.course(of: trial).training), trial: trial.id.description,
                value: (trial.progress.latest ?? trial.result!).metric(direction), params: trial.assignment)
        }
    }

    /// What was found, as pieces.
    var pieces: [SchedulePiece] {
        stages.map { SchedulePiece(firstStep: $0.firstStep, lastStep: $0.lastStep, params: $0.params) }
    }
}

/// Hyper-parameters over a stretch of steps, counted from 1 since the first stage began.
struct SchedulePiece: Encodable, Hashable {
    let firstStep: Int
    let lastStep: Int
    let params: Assignment
}

/// A stage that has a best trial, and where its steps lie on the way of the final model.
struct ClosedStage {
    let stage: Stage
    let best: Trial
    let span: ClosedRange<Int>
    /// By parameter: where its good trials lie.
    private let optima: [String: SmoothedOptimum]

    init(stage: Stage, best: Trial, span: ClosedRange<Int>) {
        self.stage = stage
        self.best = best
        self.span = span
        optima = stage.optima.isEmpty ? stage.smoothedOptima() : stage.optima
    }

    /// Where its optimum belongs on the axis of steps.
    var middle: Double { Double(span.lowerBound + span.upperBound) / 2 }

    /// Its good trials in one parameter, by the middle of all of them.
    func optimum(of parameter: String) -> SmoothedOptimum? { optima[parameter] }
}

extension Engine {
    /// The stages that have a best trial, in order. A stage of which nothing completed was tried again.
    var closedStages: [ClosedStage] {
        stages.compactMap { stage in
            guard let best = stage.best.flatMap(trial), best.result != nil else { return nil }
            let before = steps(before: stage.index)
            return ClosedStage(
                stage: stage, best: best, span: before + 1...before + max(1, course(of: best).training))
        }
    }
}
