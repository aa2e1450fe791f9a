import FleetModel

/// The next stage's origin begins to travel before its stage opens.
extension Engine {
    /// So few trials are not waited for: what leads then mostly stays best, and where it does not, a copy
    /// was made in vain, which goes when the stage is closed.
    private static let mostRemaining = 4

    /// A trial has ended: with few left, what the next stage would go on from now. The lowest stands for what the
    /// method would choose, which may fit a surface for it.
    mutating func findLeader(of index: Int) {
        guard plan.method.startsWarm else { return }
        let stage = stages[index]
        let remaining = stage.planned - stage.trials.count(where: \.hasEnded)
        let repeats = plan.method.confirm == 0 || stage.trials.contains { $0.repeats != nil }
        let isLast = stages.count(where: { $0.best != nil }) + 1 >= plan.method.stageCount
        let isNear = remaining > 0 && remaining <= min(Self.mostRemaining, stage.planned / 4)
        let isOpen = stage.segment == nil && repeats && !isLast
        stages[index].leader =
            isNear && isOpen ? stage.lowestChoice(among: plan.method.candidates)?.trial : nil
    }

    /// Has the leader's checkpoint brought to the nodes on which trials of the next stage will begin: those with
    /// room, and those that the last trials of this stage are about to leave.
    mutating func bringAhead(_ effects: inout [Effect]) {
        let stage = stages[stages.count - 1]
        guard phase == .open, !wantsTrial, !trialBudgetIsSpent, let leader = stage.leader.flatMap(trial),
            let checkpoint = stage.handover(of: leader, plan.method.fidelity), isReachable(checkpoint)
        else { return }
        var room = nodes.room(for: plan.resources)
        for part in leasing.compactMap({ trial($0.trial)?.runs[$0.attempt] }).flatMap(\.lease.parts)
        where nodes.isThere(part.node) {
            if let index = room.firstIndex(where: { $0.node == part.node }) {
                room[index].places += 1
            } else {
                room.append((part.node, 1))
            }
        }
        bring(
            checkpoint, for: min(plan.method.trialsPerStage, plan.resources.parallel ?? .max), in: &room,
            &effects)
    }
}
