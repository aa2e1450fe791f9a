import FleetModel

/// What may be spent.
extension Engine {
    /// When the wall-clock budget ends.
    var wallDeadline: Timestamp? {
        guard let start = startedAt, let hours = plan.budget.wallHours else { return nil }
        return Timestamp(seconds: start.seconds + hours * 3600)
    }

    mutating func checkBudget(_ effects: inout [Effect]) {
        guard phase == .open, let spent = spentBudget else { return }
        phase = .draining(spent)
        tell(.budgetSpent(spent), &effects)
    }

    private var spentBudget: BudgetSpent? {
        if let hours = plan.budget.wallHours, let deadline = wallDeadline, now >= deadline {
            return .wallHours(spent: now.since(startedAt!) / 3600, limit: hours)
        }
        if let hours = plan.budget.gpuHours, slotHours >= hours {
            return .gpuHours(spent: slotHours, limit: hours)
        }
        if let limit = plan.budget.trials, trialBudgetIsSpent,
            stages.count < plan.method.stageCount
                || stages[stages.count - 1].trials.count < stages[stages.count - 1].planned,
            stages[stages.count - 1].isAtRest, !stages[stages.count - 1].canResume
        {
            return .trials(limit: limit)
        }
        return nil
    }

    /// No more trials may be proposed.
    var trialBudgetIsSpent: Bool { proposedTrials >= plan.budget.trials ?? .max }

    /// Trials proposed in all stages of its own.
    var proposedTrials: Int { stages.dropFirst(inherited).reduce(0) { $0 + $1.trials.count - $1.given } }

    /// The last run in flight has ended: closes the stage with what there is.
    mutating func drained(_ spent: BudgetSpent, _ effects: inout [Effect]) {
        let index = stages.count - 1
        for trial in stages[index].trials where !trial.hasEnded {
            close(trial.id, .cancelled(because: .budgetSpent(spent)), &effects)
        }
        close(index, &effects)
        finish(.budgetSpent(spent), &effects)
    }
}
