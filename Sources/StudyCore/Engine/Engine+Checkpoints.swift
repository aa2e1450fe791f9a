import FleetModel

/// Which checkpoints are worth their disk.
extension Engine {
    /// The node on whose disk a checkpoint lies: the first of the run that wrote it. nil for those of another study,
    /// which this one has among its results.
    func node(of checkpoint: Checkpoint) -> NodeID? {
        guard checkpoint.run.trial.stage >= inherited, let trial = trial(checkpoint.run.trial),
            trial.runs.indices.contains(checkpoint.run.attempt)
        else { return nil }
        return trial.runs[checkpoint.run.attempt].lease.parts[0].node
    }

    /// Forgets checkpoints of a trial and has them removed.
    mutating func remove(_ checkpoints: [Checkpoint], of id: TrialID, _ effects: inout [Effect]) {
        guard !checkpoints.isEmpty else { return }
        stages[id.stage].trials[id.number].progress.checkpoints.removeAll(where: checkpoints.contains)
        let places = checkpoints.flatMap { checkpoint in
            (copies.forget(checkpoint) + [node(of: checkpoint)].compactMap(\.self))
                .map { (node: $0, checkpoint: checkpoint) }
        }
        for node in Set(places.map(\.node)).sorted() {
            let group = places.filter { $0.node == node }.map(\.checkpoint)
            effects.append(.remove(checkpoints: group, node: node))
        }
    }

    /// A trial has ended: of its stage, those completed trials keep their checkpoints of which one may be
    /// chosen, and at least `keepBest`. One ending pushes out one trial at most.
    mutating func dropCheckpoints(after ended: TrialID, _ effects: inout [Effect]) {
        if let kept = plan.method.kept(in: stages[ended.stage]) {
            return dropCheckpoints(but: kept, of: ended.stage, &effects)
        }
        let ranked = stages[ended.stage].ranked
        let kept = max(plan.keepBest, stages[ended.stage].candidates)
        guard kept < .max else { return }
        let isKept = ranked.prefix(kept).contains(ended.number)
        let loser = isKept ? ranked.dropFirst(kept).first : ended.number
        guard let loser else { return }
        remove(
            stages[ended.stage].trials[loser].progress.checkpoints,
            of: TrialID(stage: ended.stage, number: loser), &effects)
    }

    /// Of the stage's ended trials only these keep their checkpoints, and those that others go on from.
    private mutating func dropCheckpoints(but kept: Set<Int>, of stage: Int, _ effects: inout [Effect]) {
        let origins = openOrigins
        for trial in stages[stage].trials where trial.hasEnded && !kept.contains(trial.id.number) {
            remove(trial.progress.checkpoints.filter { !origins.contains($0) }, of: trial.id, &effects)
        }
    }

    /// What trials started from that have not ended: a fault may have them start there again.
    var openOrigins: Set<Checkpoint> {
        Set(stages.last?.trials.filter { !$0.hasEnded }.compactMap(\.origin) ?? [])
    }

    /// The stage has its best: it and the next best keep their checkpoints, `keepBest` in all.
    mutating func dropCheckpoints(of stage: Int, _ effects: inout [Effect]) {
        let ranked = stages[stage].ranked
        guard let best = stages[stage].best?.number, plan.method.candidates < .max else { return }
        let kept = [best] + ranked.filter { $0 != best }.prefix(plan.keepBest - 1)
        for number in ranked where !kept.contains(number) {
            remove(
                stages[stage].trials[number].progress.checkpoints, of: TrialID(stage: stage, number: number),
                &effects)
        }
    }

    mutating func kept(_ stage: Int) throws(RefusedEvent) {
        guard stages.indices.contains(stage) else { throw .unknown(what: "stage \(stage)") }
        guard !stages[stage].isKept else { throw .noChange }
        stages[stage].isKept = true
    }
}
