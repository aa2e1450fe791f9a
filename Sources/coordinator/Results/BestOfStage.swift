import FleetModel
import Search
import StudyCore

/// `stage_K/best.json`: the stage's best trial and what it was the best of.
struct BestOfStage: Encodable {
    let stage: Int
    let trial: Int
    let metric: String
    /// The score.
    let value: Double
    /// The metric as it was reported last.
    let last: Double
    /// How trials were scored: `last`, `cooldown` or `extrapolate`.
    let score: String
    /// Why this trial was chosen, with its numbers.
    let chosenBecause: String
    let params: Assignment
    let steps: Int
    /// Optimiser steps since the first stage began at which the next stage goes on.
    let totalSteps: Int
    let space: Space
    /// By parameter: why the space is where it is; empty where it follows from the study file alone.
    let spaceBecause: [String: String]
    /// Folder of the checkpoint, beside this file; nil where the trainer makes none.
    let checkpoint: String?
    /// Trial whose checkpoint the stage started from.
    let startedFrom: String?
    let completed: Int
    let pruned: Int
    let failed: Int

    /// nil while the stage is open.
    init?(of stage: Stage, in engine: Engine) {
        guard let id = stage.best, let best = engine.trial(id), let loss = best.result else { return nil }
        let plan = engine.plan
        score = plan.method.score(of: best, in: stage).name
        chosenBecause = stage.choice.map { Sentences(objective: plan.objective).line($0.reason) } ?? ""
        self.stage = stage.index
        trial = id.number
        metric = plan.objective.metric
        value = loss.metric(plan.objective.direction)
        last = (best.progress.latest ?? loss).metric(plan.objective.direction)
        params = best.assignment
        steps = best.progress.step
        totalSteps = engine.steps(before: stage.index) + engine.course(of: best).training
        space = stage.space
        spaceBecause = Dictionary(
            uniqueKeysWithValues: stage.windows.map { ($0.parameter, Sentences.reasons(for: $0)) })
        checkpoint = best.checkpoint == nil ? nil : "ckpt"
        startedFrom = stage.origin?.run.trial.description
        completed = stage.ranking.count
        pruned = stage.trials.count(where: \.wasPruned)
        failed = stage.trials.count(where: \.hasFailed)
    }
}
