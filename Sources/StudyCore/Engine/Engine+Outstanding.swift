public import FleetModel

/// Picking up after a crash or a lost link: what may not have been done, and how what a node shows differs
/// from what is recorded. All of it is computed from the state, so nothing is lost with a process.
extension Engine {
    /// Orders that a node may not have got: sent again on every connection.
    public func outstanding(on node: NodeID) -> [Effect] {
        leasing(on: node).flatMap { id -> [Effect] in
            let trial = trial(id.trial)!
            let run = trial.runs[id.attempt]
            var effects: [Effect] = run.offset == 0 ? [.launch(order(for: run))] : []
            if case .stopping(let reason) = trial.state {
                effects.append(.stop(run: id, nodes: run.lease.parts.map(\.node), because: reason))
            }
            return effects
        } + stages.indices.compactMap(keepEffect(of:)).filter { $0.isKeep(on: node) }
            + copies.checkpoints.filter { copies[$0, node]?.isOnItsWay == true }.map { bring($0, to: [node]) }
    }

    /// What concerns no node that may come back by itself: alarms, the end where it was reached, and what is to be kept
    /// of a node that was given up.
    public var outstanding: [Effect] {
        let kept = stages.indices.compactMap(keepEffect(of:)).filter { effect in
            nodes.contains { $0.isLost && effect.isKeep(on: $0.id) }
        }
        switch phase {
        case .ended(let ending): return kept + [.finish(ending)]
        case .new, .open, .draining, .pausing:
            return kept + alarms.map { .wake(at: $0) }
        }
    }

    /// Moments that something waits for.
    var alarms: [Timestamp] { [wallDeadline].compactMap(\.self) + copies.retries }

    /// Runs that hold a lease on the node, sorted.
    private func leasing(on node: NodeID) -> [RunID] {
        nodes.firstIndex(of: node).map { Set(nodes[$0].leased.values).sorted() } ?? []
    }

    /// Every run that was ever placed on the node, with the offset applied.
    public func offsets(on node: NodeID) -> [(run: RunID, offset: Int)] {
        stages.dropFirst(inherited).flatMap(\.trials).flatMap(\.runs).filter { run in
            run.lease.parts.contains { $0.node == node }
        }
        .map { ($0.id, $0.offset) }
    }

    /// Nodes to ask again what they offer, after one of them refused the run: the refusal took the slots of the
    /// whole lease out of the pool, and a node that sees no change tells none.
    public func nodesToSurvey(afterRefusalOf run: RunID) -> [NodeID] {
        guard let runs = trial(run.trial)?.runs, runs.indices.contains(run.attempt) else { return [] }
        return runs[run.attempt].lease.parts.map(\.node)
    }

    /// Compares the runs that a node shows with those recorded there. One whose file does not reach what was
    /// applied of it, or is over and has nothing new, was on a machine that lost its power, and its file the
    /// last lines: what was written since would be taken for old news, so the run is as good as missing.
    public func reconcile(_ node: NodeID, observed: [ObservedRun]) -> Reconciliation {
        let shown = Dictionary(observed.map { ($0.run, $0) }) { first, _ in first }
        let missing = leasing(on: node).filter { id in
            let run = trial(id.trial)!.runs[id.attempt]
            guard run.offset > 0 else { return false }
            guard let observed = shown[id] else { return true }
            guard run.lease.parts[0].node == node else { return false }
            return observed.isAlive ? observed.end < run.offset : observed.end <= run.offset
        }
        let gone = Set(missing)
        return Reconciliation(
            events: missing.map { .runMissing(run: $0) },
            strays: observed.filter { $0.isAlive && (!leasing.contains($0.run) || gone.contains($0.run)) }
                .map(\.run))
    }

    /// Compares the checkpoints that lie on a node with those that are needed. An order to remove one may have
    /// been lost with a link, and so may the news that one has arrived; and one may be gone that nobody ordered
    /// to be removed. What a run wrote that still holds its lease is left alone: news of it may be under way.
    public func reconcile(
        _ node: NodeID, held: [(run: RunID, name: String)]
    ) -> (events: [Happening], garbage: [Checkpoint]) {
        var (events, garbage): ([Happening], [Checkpoint]) = ([], [])
        for (run, name) in held where !leasing.contains(run) {
            guard let trial = trial(run.trial), trial.runs.indices.contains(run.attempt) else { continue }
            let known = trial.progress.checkpoints.first { $0.run == run && $0.name == name }
            guard let known else {
                garbage.append(Checkpoint(run: run, name: name, step: 0))
                continue
            }
            if !isHeld(known, by: node) {
                events.append(.checkpointArrived(checkpoint: known, node: node))
            }
        }
        let names = Set(held.map { "\($0.run) \($0.name)" })
        events += expected(on: node).filter { !names.contains("\($0.run) \($0.name)") }.map {
            .checkpointUnreachable(
                checkpoint: $0, node: node, reason: "it was there, and is gone from its disk")
        }
        return (events, garbage)
    }

    /// What must lie on a node, except what a run wrote that still holds its lease.
    private func expected(on node: NodeID) -> [Checkpoint] {
        stages.dropFirst(inherited).flatMap(\.trials).flatMap(\.progress.checkpoints).filter {
            isHeld($0, by: node) && !leasing.contains($0.run)
        }
    }

    /// What a node offers, as it shows its slots. One that a run of this study holds counts as offered while
    /// the run holds a lease, for leases are known here; a run that holds a slot without one was given up,
    /// and is to be stopped before its slot can be had.
    /// - Parameter failure: why the node could not tell what it has.
    public func reconcile(
        _ node: NodeID, slots: [ShownSlot], failure: String? = nil
    ) -> Reconciliation {
        let strays = Set(slots.compactMap(\.holder)).filter { !leasing.contains($0) }
        let offered = slots.map { shown in
            let stray = shown.holder.flatMap { strays.contains($0) ? $0 : nil }
            return OfferedSlot(
                shown.slot,
                unavailable: shown.unavailable ?? stray.map { "\($0) is on it, which was given up" })
        }
        return Reconciliation(
            events: [.nodeSurveyed(node: node, slots: offered, failure: failure)], strays: strays.sorted())
    }
}

/// A run as its node shows it.
public struct ObservedRun: Hashable, Sendable {
    public let run: RunID
    public let isAlive: Bool
    /// Size of its `events.jsonl`; 0 where no line ends at the offset that was asked for.
    public let end: Int

    public init(run: RunID, isAlive: Bool, end: Int) {
        self.run = run
        self.isAlive = isAlive
        self.end = end
    }
}

/// A slot as its node shows it.
public struct ShownSlot: Hashable, Sendable {
    public let slot: Slot
    /// The run of this study that is on it.
    public let holder: RunID?
    /// Why it cannot be had once that run is over, where it cannot.
    public let unavailable: String?

    public init(_ slot: Slot, holder: RunID? = nil, unavailable: String? = nil) {
        self.slot = slot
        self.holder = holder
        self.unavailable = unavailable
    }
}

/// What follows from what a node shows.
public struct Reconciliation: Hashable, Sendable {
    /// What must have happened.
    public let events: [Happening]
    /// Runs that live and should not: to be stopped.
    public let strays: [RunID]
}

extension Effect {
    func isKeep(on wanted: NodeID) -> Bool {
        if case .keep(_, let node, _) = self { node == wanted } else { false }
    }
}
