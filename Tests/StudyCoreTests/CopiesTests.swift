import FleetModel
import Search
import StudyCore
import Testing

/// Checkpoints that are brought to where trials begin.
@Suite struct CopiesTests {
    static let far = NodeID(rawValue: "far")
    static let other = NodeID(rawValue: "other")

    /// The second of two stages is open; its origin lies on `local`, which has one slot; `far` has `slots`.
    static func secondStage(trials: Int = 3, parallel: Int? = nil, farSlots: Int = 2) -> (Rig, Checkpoint) {
        var rig = Rig(.stages(2, trials: trials, parallel: parallel), slots: 1)
        while rig.engine.stages.count == 1 { rig.play(rig.running[0], loss: distance) }
        rig.survey(node: far, slots: farSlots)
        return (rig, rig.engine.stages[1].origin!)
    }

    @Test func `a stage's origin is brought once to each node that its trials will use`() {
        let (rig, origin) = Self.secondStage()
        #expect(rig.running.count == 1)
        #expect(rig.brought.map(\.checkpoint) == [origin])
        #expect(rig.brought.map(\.from) == [[.local]] && rig.brought.map(\.to) == [[Self.far]])
        #expect(rig.engine.waiting == .checkpointOnItsWay(origin, to: Self.far))
    }

    @Test func `trials begin where the origin has arrived, and nowhere before`() {
        var (rig, origin) = Self.secondStage()
        #expect(PlacementTests.leases(rig) == ["local:cpu0"])
        rig.happen(.checkpointArrived(checkpoint: origin, node: Self.far))
        #expect(PlacementTests.leases(rig).sorted() == ["far:cpu0", "far:cpu1", "local:cpu0"])
        rig.playAll()
        #expect(rig.endings == [.completed] && rig.faults.isEmpty)
    }

    @Test func `no more nodes get a copy than runs may begin`() {
        let (rig, _) = Self.secondStage(trials: 5, parallel: 1)
        #expect(rig.brought.isEmpty)
        var (two, origin) = Self.secondStage(trials: 5, parallel: 2, farSlots: 0)
        for name in ["a", "b", "c"] { two.survey(node: NodeID(rawValue: name), slots: 1) }
        #expect(two.brought.map(\.to) == [[NodeID(rawValue: "a")]])
        two.happen(.checkpointArrived(checkpoint: origin, node: NodeID(rawValue: "a")))
        #expect(two.brought.count == 1 && two.running.count == 2)
    }

    @Test func `a bring that fails is tried again, later each time, and people are told once`() {
        var (rig, origin) = Self.secondStage()
        var waits: [Double] = []
        for _ in 0..<3 {
            rig.happen(.checkpointUnreachable(checkpoint: origin, node: Self.far, reason: "disk full"))
            guard case .wake(let moment)? = rig.log.last?.effects.first else { break }
            waits.append(moment.seconds - rig.clock)
            let count = rig.brought.count
            rig.happen(.clockReached, after: moment.seconds - rig.clock)
            #expect(rig.brought.count == count + 1)
        }
        #expect(waits == [5, 10, 20])
        #expect(rig.told.count { if case .notBrought = $0 { true } else { false } } == 1)
    }

    @Test func `what was on its way is asked for again after a restart, from whoever has it`() {
        let (rig, origin) = Self.secondStage()
        #expect(
            rig.engine.outstanding(on: Self.far)
                == [.bring(checkpoint: origin, from: [.local], to: [Self.far])])
    }

    @Test func `with the node that wrote it gone, another copy serves`() {
        var (rig, origin) = Self.secondStage(trials: 4, farSlots: 1)
        rig.happen(.checkpointArrived(checkpoint: origin, node: Self.far))
        for run in rig.running where rig.launched[run]!.lease.parts[0].node == .local { rig.vacate(run) }
        rig.happen(.nodeLost(node: .local))
        rig.survey(node: Self.other, slots: 1)
        #expect(rig.brought.last?.from == [Self.far] && rig.brought.last?.to == [Self.other])
    }

    @Test func `with every node that had it gone, it comes from the results`() {
        var (rig, origin) = Self.secondStage(trials: 4, farSlots: 0)
        rig.happen(.checkpointKept(stage: 0))
        rig.vacate(rig.running[0])
        rig.happen(.nodeLost(node: .local))
        rig.survey(node: Self.other, slots: 1)
        #expect(rig.brought.last?.checkpoint == origin)
        #expect(rig.brought.last?.from == [] && rig.brought.last?.to == [Self.other])
    }

    @Test func `copies for a closed stage are removed, and the best stays where it was written`() {
        var rig = Rig(.stages(3, trials: 2), slots: 1)
        rig.survey(node: Self.far, slots: 1)
        while rig.engine.stages.count == 1 { rig.play(rig.running[0], loss: distance) }
        let origin = rig.engine.stages[1].origin!
        let target = rig.brought[0].to[0]
        rig.happen(.checkpointArrived(checkpoint: origin, node: target))
        while rig.engine.stages.count == 2 { rig.play(rig.running[0], loss: distance) }
        let removals = rig.log.flatMap(\.effects).compactMap { effect -> NodeID? in
            guard case .remove(let checkpoints, let node) = effect else { return nil }
            return checkpoints.contains(origin) ? node : nil
        }
        #expect(removals == [target])
        #expect(rig.engine.trial(origin.run.trial)?.checkpoint == origin)
    }

    @Test
    func `what lies on a node and is needed by nothing is garbage, what a run may still tell of is not`() {
        var rig = Rig(.search(trials: 2, parallel: 2), slots: 2)
        let (first, second) = (rig.running[0], rig.running[1])
        rig.start(first)
        rig.save(first, step: 4)
        rig.save(first, step: 8)
        let held = [(first, "step_4"), (first, "step_8"), (second, "step_2")]
        #expect(rig.engine.reconcile(.local, held: held).garbage.isEmpty)
        rig.report(first, step: 10, loss: 1)
        rig.finish(first)
        let found = rig.engine.reconcile(.local, held: held)
        #expect(found.garbage == [Checkpoint(run: first, name: "step_4", step: 0)])
        #expect(found.events.isEmpty)
    }

    @Test func `a copy whose arrival was never told is found when its node answers again`() {
        var (rig, origin) = Self.secondStage()
        let found = rig.engine.reconcile(Self.far, held: [(origin.run, origin.name)])
        #expect(found.events == [.checkpointArrived(checkpoint: origin, node: Self.far)])
        for event in found.events { rig.happen(event) }
        #expect(rig.running.count == 3)
    }

    @Test func `a copy that is gone from its node is brought again at once, and people are told`() {
        var (rig, origin) = Self.secondStage(trials: 4, farSlots: 1)
        rig.happen(.checkpointArrived(checkpoint: origin, node: Self.far))
        let count = rig.brought.count
        let found = rig.engine.reconcile(Self.far, held: [])
        #expect(found.events.count == 1 && found.garbage.isEmpty)
        for event in found.events { rig.happen(event) }
        let run = rig.running.first { rig.launched[$0]!.lease.parts[0].node == Self.far }!
        rig.play(run, loss: distance)
        #expect(rig.brought.count == count + 1 && rig.brought.last?.to == [Self.far])
        #expect(rig.told.contains { if case .notBrought(origin, Self.far, _) = $0 { true } else { false } })
    }

    /// Found by the simulation (seeds 12419 and 34728): the alarm went unheard while the study was paused.
    @Test func `a checkpoint that could not be brought is tried again after a pause`() throws {
        var (rig, origin) = Self.secondStage()
        rig.happen(.checkpointUnreachable(checkpoint: origin, node: Self.far, reason: "cut"))
        rig.happen(.stopRequested)
        for run in rig.running {
            rig.start(run)
            rig.finish(run, .stopped)
        }
        #expect(rig.endings == [.stopped])
        rig.happen(.started)
        let effects = try #require(rig.log.last?.effects)
        #expect(effects.contains { if case .wake = $0 { true } else { false } })
    }

    @Test func `a checkpoint that is gone from where it was written comes back from a copy`() {
        var (rig, origin) = Self.secondStage(trials: 5, farSlots: 1)
        rig.happen(.checkpointArrived(checkpoint: origin, node: Self.far))
        for event in rig.engine.reconcile(.local, held: []).events { rig.happen(event) }
        rig.play(rig.running.first { rig.launched[$0]!.lease.parts[0].node == .local }!, loss: distance)
        #expect(rig.brought.last?.from == [Self.far] && rig.brought.last?.to == [.local])
        rig.happen(.checkpointArrived(checkpoint: origin, node: .local))
        rig.playAll()
        #expect(rig.endings == [.completed])
    }

    @Test func `a copy that arrives after it is needed is removed`() {
        var rig = Rig(.search(trials: 2, parallel: 1), slots: 1)
        rig.survey(node: Self.far, slots: 1)
        let run = rig.running[0]
        rig.start(run)
        rig.save(run, step: 4)
        rig.save(run, step: 8)
        let old = Checkpoint(run: run, name: "step_4", step: 4)
        rig.happen(.checkpointArrived(checkpoint: old, node: Self.far))
        #expect(rig.log.last?.effects == [.remove(checkpoints: [old], node: Self.far)])
        #expect(
            rig.happen(.checkpointArrived(checkpoint: old, node: NodeID(rawValue: "nobody")))
                == .unknown(what: "checkpoint \(old) on nobody"))
    }

    /// Found by the simulation (seeds 740570 and 744704): the study waited for the lost node for ever.
    @Test func `a stage's best is kept from another node where the one that wrote it is given up`() {
        var (rig, origin) = Self.secondStage()
        rig.happen(.checkpointArrived(checkpoint: origin, node: Self.far))
        rig.happen(.nodeLost(node: .local))
        #expect(rig.log.last!.effects.contains(.keep(checkpoint: origin, node: Self.far, stage: 0)))
        #expect(rig.engine.outstanding(on: Self.far).contains(rig.log.last!.effects[0]))
    }

    @Test func `what no node is left to keep from is tried once more, and told by the next process too`() {
        var (rig, _) = Self.secondStage(trials: 1)
        rig.playAll()
        #expect(rig.endings == [.completed])
        let best = rig.kept[1]!
        rig.happen(.nodeLost(node: .local))
        let effect = Effect.keep(checkpoint: best, node: .local, stage: 1)
        #expect(rig.log.last!.effects.contains(effect))
        #expect(rig.engine.outstanding.contains(effect))
        rig.happen(.checkpointKept(stage: 1))
        #expect(!rig.engine.outstanding.contains(effect))
    }
}
