import StudyCore

extension Scenario {
    /// Plays it once: the promise that it breaks, and the faults that struck.
    public typealias Play = (Scenario) -> (broken: Violation?, struck: [Fault])

    /// Plays a scenario under every checker.
    public static func check(_ scenario: Scenario) -> (broken: Violation?, struck: [Fault]) {
        var study = SimulatedStudy(scenario, checkers: Checkers.all(of: scenario.plan))
        study.run()
        return (study.violation, study.struck)
    }

    /// A smaller scenario that breaks the same promise: first its faults become a script, then faults, nodes,
    /// trials and the troubles of links and trainers are left out, one after the other, as long as the
    /// promise stays broken and something can be left out (Zeller and Hildebrandt 2002, greedily). nil where
    /// no promise is broken.
    public func shrunk(playing play: Play = Scenario.check) -> Scenario? {
        let (broken, struck) = play(self)
        guard let promise = broken?.promise else { return nil }
        var smallest = self
        smallest.faults.script = struck
        guard play(smallest).broken?.promise == promise else { return self }
        while let smaller = smallest.steps.lazy.map({ $0(smallest) })
            .first(where: { $0 != smallest && play($0).broken?.promise == promise })
        {
            smallest = smaller
        }
        return smallest
    }

    /// Ways to make it smaller, the boldest first.
    private var steps: [(Scenario) -> Scenario] {
        let script = faults.script ?? []
        var steps: [(Scenario) -> Scenario] = []
        var size = script.count
        while size > 0 {
            for start in stride(from: 0, to: script.count, by: size) {
                let range = start..<min(start + size, script.count)
                steps.append { $0.without(range) }
            }
            size /= 2
        }
        for node in nodes.indices.reversed() { steps.append { $0.without(node: node) } }
        let trials = plan.method.trialsPerStage * plan.method.stageCount
        for limit in [1, 2, 3, 4, 6, 8, 12] where limit < min(trials, plan.budget.trials ?? .max) {
            steps.append { $0.changed { $0.plan = $0.plan.limited(toTrials: limit) } }
        }
        return steps + Self.soothing.map { soothe in { $0.changed(soothe) } }
    }

    private static let soothing: [@Sendable (inout Scenario) -> Void] = [
        { $0.faults.stallShare = 0 }, { $0.faults.doubleShare = 0 }, { $0.faults.overtakeShare = 0 },
        { $0.faults.delaySeconds = 0.001 }, { $0.faults.givesUpAfterSeconds = nil },
        { $0.trainer.crashShare = 0 }, { $0.trainer.outOfMemoryShare = 0 }, { $0.trainer.vanishShare = 0 },
        { $0.trainer.hangShare = 0 }, { $0.trainer.slowShare = 0 }, { $0.trainer.stragglerShare = 0 },
        { $0.losses.divergence = 0 },
    ]

    private func changed(_ change: (inout Scenario) -> Void) -> Scenario {
        var copy = self
        change(&copy)
        return copy
    }

    private func without(_ range: Range<Int>) -> Scenario {
        changed { $0.faults.script?.removeSubrange(range) }
    }

    /// The same where the others have no room for a trial, or where a fault strikes the node.
    private func without(node: Int) -> Scenario {
        let isStruck = faults.script?.contains { $0.node == nodes[node].id } ?? false
        let resources = plan.resources
        guard !isStruck, nodes.count > resources.gpus / resources.gpusPerNode else { return self }
        return changed { $0.nodes.remove(at: node) }
    }
}

extension Plan {
    fileprivate func limited(toTrials limit: Int) -> Plan {
        changed(
            budget: Budget(trials: limit, gpuHours: budget.gpuHours, wallHours: budget.wallHours))
    }
}
