import FleetModel
import Search
public import StudyCore

/// No trial waits while there is room for it. What could start is worked out here once more, slowly: for
/// each trial that waits and for a new one, whether the nodes that it may go to have the slots.
public struct StarvationChecker: Checker {
    private static let promise = "no trial waits while there is room for it"
    private let plan: Plan
    /// The sampler can run out of proposals, which is not seen from outside.
    private let proposesForEver: Bool

    public init(of plan: Plan) {
        self.plan = plan
        if case .grid = plan.sampler { proposesForEver = false } else { proposesForEver = true }
    }

    public mutating func wrote(_ entries: [Entry], _ engine: Engine) throws(Violation) {
        guard engine.phase == .open, engine.leasing.count < plan.resources.parallel ?? .max,
            let stage = engine.stages.last
        else { return }
        for trial in stage.trials where trial.state == .queued {
            try check("\(trial.id)", startingFrom: trial.checkpoint ?? trial.origin, engine)
        }
        let proposed = engine.stages.reduce(0) { $0 + $1.trials.count }
        if proposesForEver, stage.trials.count < stage.planned, proposed < plan.budget.trials ?? .max {
            try check("a new trial", startingFrom: stage.origin, engine)
        }
    }

    private func check(
        _ who: String, startingFrom checkpoint: Checkpoint?, _ engine: Engine
    ) throws(Violation) {
        let home = checkpoint.flatMap { checkpoint in
            engine.trial(checkpoint.run.trial)?.runs[checkpoint.run.attempt].lease.parts[0].node
        }
        let (gpus, perNode) = (plan.resources.gpus, plan.resources.gpusPerNode)
        let fitting = engine.nodes.filter { node in
            !node.isLost && (home == nil || node.id == home) && node.free.count >= perNode
        }
        guard fitting.count >= gpus / perNode else { return }
        throw Violation(Self.promise, "\(who) waits, and \(fitting.map(\.id)) have room for it")
    }
}
