public import FleetModel

/// Picking up after a crash or a lost link: what may not have been done, and how what a node shows differs
/// from what is recorded. All of it is computed from the state, so nothing is lost with a process.
extension Engine {
    /// Orders that a node may not have got: sent again on every connection.
    public func outstanding(on node: NodeID) -> [Effect] {
        leasing.flatMap { id -> [Effect] in
            let trial = trial(id.trial)!
            let run = trial.runs[id.attempt]
            guard run.lease.parts.contains(where: { $0.node == node }) else { return [] }
            var effects: [Effect] = run.offset == 0 ? [.launch(order(for: run))] : []
            if case .stopping(let reason) = trial.state {
                effects.append(.stop(run: id, nodes: run.lease.parts.map(\.node), because: reason))
            }
            return effects
        } + stages.indices.compactMap(keepEffect(of:)).filter { $0.isKeep(on: node) }
    }

    /// What concerns no node: alarms, and the end where it was reached.
    public var outstanding: [Effect] {
        switch phase {
        case .ended(let ending): [.finish(ending)]
        case .new, .open, .draining, .pausing: wallDeadline.map { [.wake(at: $0)] } ?? []
        }
    }

    /// Every run that was ever placed on the node, with the offset applied.
    public func offsets(on node: NodeID) -> [(run: RunID, offset: Int)] {
        trials.flatMap(\.runs).filter { run in run.lease.parts.contains { $0.node == node } }
            .map { ($0.id, $0.offset) }
    }

    /// Compares the runs that a node shows with those recorded there.
    public func reconcile(_ node: NodeID, observed: [ObservedRun]) -> Reconciliation {
        let shown = Set(observed.map(\.run))
        let missing = leasing.filter { id in
            let run = trial(id.trial)!.runs[id.attempt]
            return run.offset > 0 && !shown.contains(id)
                && run.lease.parts.contains { $0.node == node }
        }
        let leased = Set(leasing)
        return Reconciliation(
            events: missing.map { .runMissing(run: $0) },
            strays: observed.filter { $0.isAlive && !leased.contains($0.run) }.map(\.run))
    }
}

/// A run as its node shows it.
public struct ObservedRun: Hashable, Sendable {
    public let run: RunID
    public let isAlive: Bool

    public init(run: RunID, isAlive: Bool) {
        self.run = run
        self.isAlive = isAlive
    }
}

/// What follows from a node's runs.
public struct Reconciliation: Hashable, Sendable {
    /// What must have happened to recorded runs.
    public let events: [Happening]
    /// Runs that live and should not: to be stopped.
    public let strays: [RunID]
}

extension Effect {
    fileprivate func isKeep(on wanted: NodeID) -> Bool {
        if case .keep(_, let node, _) = self { node == wanted } else { false }
    }
}
