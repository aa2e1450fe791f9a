import FleetModel
public import StudyCore

/// What may still be needed is never removed: the best of each stage, what a stage starts from, and what a
/// trial that has not ended would resume from.
public struct CheckpointsChecker: Checker {
    private static let promise = "the best checkpoint can be reached"
    /// By checkpoint, the nodes that have it.
    private var saved: [Checkpoint: Set<NodeID>] = [:]
    private var kept: Set<Checkpoint> = []

    public init() {}

    public mutating func saw(_ sight: FleetSight, _ engine: Engine) throws(Violation) {
        switch sight.what {
        case .saved(let checkpoint, let node): saved[checkpoint, default: []].insert(node)
        case .kept(let checkpoint): kept.insert(checkpoint)
        case .removed(let checkpoint, let node):
            saved[checkpoint]?.remove(node)
            if has(checkpoint) || kept.contains(checkpoint) { return }
            if let need = engine.need(of: checkpoint) {
                throw Violation(Self.promise, "\(checkpoint) was removed, and is \(need)")
            }
        case .began, .gone, .logged, .lostLines: break
        }
    }

    private func has(_ checkpoint: Checkpoint) -> Bool { saved[checkpoint]?.isEmpty == false }

    public mutating func wrote(_ entries: [Entry], _ engine: Engine) throws(Violation) {
        for effect in entries.lazy.flatMap(\.effects) {
            guard case .launch(let order) = effect, let checkpoint = order.start.checkpoint else { continue }
            for part in order.lease.parts where saved[checkpoint]?.contains(part.node) != true {
                throw Violation(
                    Self.promise,
                    "\(order.run) is to start from \(checkpoint), which is not on \(part.node)")
            }
        }
    }

    public mutating func ended(_ engine: Engine) throws(Violation) {
        for stage in engine.stages {
            guard let best = stage.leading, !best.isGiven else { continue }
            guard let checkpoint = best.checkpoint else {
                throw Violation(Self.promise, "\(best.id), the best of its stage, left none")
            }
            guard has(checkpoint) || kept.contains(checkpoint) else {
                throw Violation(Self.promise, "\(checkpoint), the best of its stage, is nowhere")
            }
        }
    }
}

extension Engine {
    /// What a checkpoint is still good for.
    fileprivate func need(of checkpoint: Checkpoint) -> String? {
        if stages.contains(where: { $0.leading?.checkpoint == checkpoint }) {
            return "the best of a stage"
        }
        if stages.last?.origin == checkpoint, !phase.isFinal { return "what the open stage starts from" }
        if let trial = trial(checkpoint.run.trial), !trial.hasEnded, trial.checkpoint == checkpoint {
            return "what \(trial.id) would resume from"
        }
        return nil
    }
}

extension StudyPhase {
    fileprivate var isFinal: Bool {
        if case .ended = self { true } else { false }
    }
}
