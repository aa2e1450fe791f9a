import FleetModel
public import StudyCore

/// What may still be needed is never removed: the best of each stage, what a stage starts from, and what a
/// trial that has not ended would resume from.
public struct CheckpointsChecker: Checker {
    private static let promise = "the best checkpoint can be reached"
    private var saved: Set<Checkpoint> = []
    private var kept: Set<Checkpoint> = []

    public init() {}

    public mutating func saw(_ sight: FleetSight, _ engine: Engine) throws(Violation) {
        switch sight.what {
        case .saved(let checkpoint, _): saved.insert(checkpoint)
        case .kept(let checkpoint): kept.insert(checkpoint)
        case .removed(let checkpoint):
            saved.remove(checkpoint)
            if let need = engine.need(of: checkpoint) {
                throw Violation(Self.promise, "\(checkpoint) was removed, and is \(need)")
            }
        case .began, .gone, .logged, .lostLines: break
        }
    }

    public mutating func wrote(_ entries: [Entry], _ engine: Engine) throws(Violation) {
        for effect in entries.lazy.flatMap(\.effects) {
            guard case .launch(let order) = effect, let checkpoint = order.start.checkpoint else { continue }
            if !saved.contains(checkpoint) {
                throw Violation(Self.promise, "\(order.run) is to start from \(checkpoint), which is gone")
            }
        }
    }

    public mutating func ended(_ engine: Engine) throws(Violation) {
        for stage in engine.stages {
            guard let best = stage.chosen else { continue }
            guard let checkpoint = best.checkpoint else {
                throw Violation(Self.promise, "\(best.id), the best of its stage, left none")
            }
            guard saved.contains(checkpoint) || kept.contains(checkpoint) else {
                throw Violation(Self.promise, "\(checkpoint), the best of its stage, is nowhere")
            }
        }
    }
}

extension Engine {
    /// What a checkpoint is still good for.
    fileprivate func need(of checkpoint: Checkpoint) -> String? {
        if stages.contains(where: { $0.chosen?.checkpoint == checkpoint }) {
            return "the best of a stage"
        }
        if stages.last?.origin == checkpoint, !phase.isFinal { return "what the open stage starts from" }
        if let trial = trial(checkpoint.run.trial), !trial.hasEnded, trial.checkpoint == checkpoint {
            return "what \(trial.id) would resume from"
        }
        return nil
    }
}

extension Stage {
    /// The best trial, the best so far while the stage is open.
    fileprivate var chosen: Trial? {
        best.map { trials[$0.number] } ?? ranking.first
    }
}

extension StudyPhase {
    fileprivate var isFinal: Bool {
        if case .ended = self { true } else { false }
    }
}
