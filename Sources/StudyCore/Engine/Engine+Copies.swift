public import FleetModel

/// Where checkpoints can be had, and having them brought to where a trial could begin.
extension Engine {
    /// Nodes that have a checkpoint and were not given up: the one that wrote it first, the others sorted.
    func holders(of checkpoint: Checkpoint) -> [NodeID] {
        let writer = [node(of: checkpoint)].compactMap(\.self).filter { isHeld(checkpoint, by: $0) }
        return (writer + copies.nodes(with: checkpoint)).filter(nodes.isThere)
    }

    /// Where a checkpoint that is to be kept can be read: on the node that the effect names, else on another that has it.
    public func sources(toKeep checkpoint: Checkpoint, of node: NodeID) -> [NodeID] {
        [node] + holders(of: checkpoint).filter { $0 != node }
    }

    /// Whether it lies on a node as far as is known: it was brought, or written there and not missed since.
    func isHeld(_ checkpoint: Checkpoint, by node: NodeID) -> Bool {
        switch copies[checkpoint, node] {
        case .there: true
        case .onItsWay, .failed: false
        case nil: self.node(of: checkpoint) == node
        }
    }

    /// It stands among the study's results, whatever becomes of the nodes.
    private func isAmongResults(_ checkpoint: Checkpoint) -> Bool {
        let stage = checkpoint.run.trial.stage
        return stages.indices.contains(stage) && stages[stage].isKept
            && stages[stage].best == checkpoint.run.trial
            && trial(checkpoint.run.trial).flatMap(result(of:)) == checkpoint
    }

    func isReachable(_ checkpoint: Checkpoint) -> Bool {
        isAmongResults(checkpoint) || !holders(of: checkpoint).isEmpty
    }

    /// Where a trial's next run starts: from its newest checkpoint that can be reached, else where it began.
    func start(of trial: Trial) -> RunStart {
        if let own = trial.progress.checkpoints.last(where: isReachable) { return .resume(own) }
        return trial.origin.map { .warm($0) } ?? .fresh
    }

    // MARK: Bringing

    /// Has checkpoints brought to nodes with room, for the trials that wait because none of the nodes that
    /// hold what they start from has room. At the opening of a stage that is its origin, to as many nodes
    /// as its trials will fill.
    mutating func bringCheckpoints(_ effects: inout [Effect]) {
        let parallel = plan.resources.parallel ?? .max
        guard phase == .open, leasing.count < parallel, !nodes.areFull(for: plan.resources) else { return }
        let wanted = wantedCheckpoints
        guard let first = wanted.first else { return }
        var room = nodes.room(for: plan.resources)
        var runs = parallel - leasing.count
        for (checkpoint, count) in wanted where runs > 0 {
            bring(checkpoint, for: min(count, runs), in: &room, &effects)
            runs -= count
        }
        if let node = copies.destinations(of: first.checkpoint).first {
            waiting = .checkpointOnItsWay(first.checkpoint, to: node)
        }
    }

    /// Has a checkpoint brought to where there are places for `runs` runs, as far as it is not on its way.
    mutating func bring(
        _ checkpoint: Checkpoint, for runs: Int, in room: inout [(node: NodeID, places: Int)],
        _ effects: inout [Effect]
    ) {
        let chosen = takeRoom(for: runs, from: checkpoint, in: &room)
        let new = chosen.filter { copies[checkpoint, $0]?.isOnItsWay != true }
        for node in new {
            copies[checkpoint, node] = .onItsWay(failures: copies[checkpoint, node]?.failures ?? 0)
        }
        if !new.isEmpty { effects.append(bring(checkpoint, to: new)) }
    }

    /// What the trials start from that could begin now, those that wait first, each with how many of them.
    private var wantedCheckpoints: [(checkpoint: Checkpoint, count: Int)] {
        let stage = stages[stages.count - 1]
        var wanted: [(checkpoint: Checkpoint, count: Int)] = []
        func want(_ checkpoint: Checkpoint?, _ count: Int) {
            guard let checkpoint, isReachable(checkpoint) else { return }
            if let index = wanted.firstIndex(where: { $0.checkpoint == checkpoint }) {
                wanted[index].count += count
            } else {
                wanted.append((checkpoint, count))
            }
        }
        for number in stage.queued { want(start(of: stage.trials[number]).checkpoint, 1) }
        if wantsTrial { want(stage.origin, stage.planned - stage.trials.count) }
        return wanted
    }

    /// Takes places for `runs` runs, or as many as there is room for; answers those of their nodes that do
    /// not have the checkpoint. Nodes that have it, or soon will, come first, then those with most room.
    private func takeRoom(
        for runs: Int, from checkpoint: Checkpoint, in room: inout [(node: NodeID, places: Int)]
    ) -> [NodeID] {
        let holders = Set(holders(of: checkpoint))
        func effort(_ node: NodeID) -> Int? {
            if holders.contains(node) { return 0 }
            switch copies[checkpoint, node] {
            case .onItsWay: return 1
            case .failed(_, let retryAt) where retryAt > now: return nil
            case .there, .failed, nil: return 2
            }
        }
        var usable = room.indices.compactMap { index in effort(room[index].node).map { ($0, index) } }
            .sorted { $0 < $1 }[...]
        let parts = plan.resources.gpus / plan.resources.gpusPerNode
        var chosen: Set<Int> = []
        for _ in 0..<runs {
            while let first = usable.first, room[first.1].places == 0 { usable.removeFirst() }
            var places: [Int] = []
            for (_, place) in usable where places.count < parts && room[place].places > 0 {
                places.append(place)
            }
            guard places.count == parts else { break }
            for place in places {
                room[place].places -= 1
                chosen.insert(place)
            }
        }
        return chosen.sorted().map { room[$0].node }.filter { !holders.contains($0) }
    }

    /// The order to bring a checkpoint to nodes; with no node to read it from, it comes from the results.
    func bring(_ checkpoint: Checkpoint, to nodes: [NodeID]) -> Effect {
        .bring(checkpoint: checkpoint, from: holders(of: checkpoint), to: nodes)
    }

    // MARK: What became of it

    /// Before a checkpoint that could not be brought is tried again; doubled each time. Seconds.
    private static let firstWait = 5.0
    private static let longestWait = 300.0

    mutating func arrived(
        _ checkpoint: Checkpoint, _ node: NodeID, _ effects: inout [Effect]
    ) throws(RefusedEvent) {
        let isNeeded = try isNeeded(checkpoint, node)
        guard !isHeld(checkpoint, by: node) else { throw .noChange }
        guard isNeeded else {
            effects.append(.remove(checkpoints: [checkpoint], node: node))
            return
        }
        // Back on the node that wrote it, it is no copy.
        copies[checkpoint, node] = self.node(of: checkpoint) == node ? nil : .there
    }

    /// It could not be brought: that is tried again later, each time after twice as long. Or it is gone from
    /// where it was, and can be brought again at once.
    mutating func unreachable(
        _ checkpoint: Checkpoint, _ node: NodeID, _ reason: String, _ effects: inout [Effect]
    ) throws(RefusedEvent) {
        let wasThere = isHeld(checkpoint, by: node)
        guard try isNeeded(checkpoint, node), wasThere || copies[checkpoint, node]?.isOnItsWay == true else {
            throw .noChange
        }
        if wasThere {
            copies[checkpoint, node] = .failed(failures: 0, retryAt: now)
        } else {
            let before = copies[checkpoint, node]?.failures ?? 0
            let seconds = min(Self.longestWait, Self.firstWait * Double(1 << min(before, 20)))
            let retryAt = Timestamp(seconds: now.seconds + seconds)
            copies[checkpoint, node] = .failed(failures: before + 1, retryAt: retryAt)
            effects.append(.wake(at: retryAt))
        }
        let decision = Decision.notBrought(checkpoint: checkpoint, node: node, because: reason)
        if !recentDecisions.contains(where: { $0.decision == decision }) { tell(decision, &effects) }
    }

    private func isNeeded(_ checkpoint: Checkpoint, _ node: NodeID) throws(RefusedEvent) -> Bool {
        guard let trial = trial(checkpoint.run.trial), nodes.firstIndex(of: node) != nil else {
            throw .unknown(what: "checkpoint \(checkpoint) on \(node)")
        }
        return trial.progress.checkpoints.contains(checkpoint)
    }

    /// Copies that were made for a stage that is closed, or of a trial that has ended: only what the open
    /// stage starts from, and what its trials would go on from, is worth having twice.
    mutating func dropCopies(_ effects: inout [Effect]) {
        let origin = stages[stages.count - 1].origin
        let origins = openOrigins
        for checkpoint in copies.checkpoints where checkpoint != origin && !origins.contains(checkpoint) {
            let isElsewhere =
                isAmongResults(checkpoint)
                || node(of: checkpoint).map { nodes.isThere($0) && isHeld(checkpoint, by: $0) } == true
            guard trial(checkpoint.run.trial)!.hasEnded, isElsewhere else { continue }
            for node in copies.forget(checkpoint) {
                effects.append(.remove(checkpoints: [checkpoint], node: node))
            }
        }
    }
}
