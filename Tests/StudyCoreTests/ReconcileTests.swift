import FleetModel
import Search
import StudyCore
import Testing

/// What follows from what a node shows. Most of these were found by the simulator.
@Suite struct ReconcileTests {
    static let other = NodeID(rawValue: "other")

    @Test func `a run whose file lost what was applied is missing`() {
        var rig = Rig(.search(trials: 1), slots: 1)
        let run = rig.running[0]
        rig.start(run)
        rig.report(run, step: 1, loss: 1)
        func events(isAlive: Bool, end: Int) -> [Happening] {
            rig.engine.reconcile(.local, observed: [ObservedRun(run: run, isAlive: isAlive, end: end)]).events
        }
        #expect(events(isAlive: true, end: 20) == [])
        #expect(events(isAlive: false, end: 30) == [])
        #expect(events(isAlive: true, end: 10) == [.runMissing(run: run)])
        #expect(events(isAlive: false, end: 0) == [.runMissing(run: run)])
        // It is over, and has no last word that was not applied.
        #expect(events(isAlive: false, end: 20) == [.runMissing(run: run)])
    }

    @Test func `a slot that a run was given up on is not offered, and the run is stopped`() {
        var rig = Rig(.search(trials: 1), slots: 1)
        let run = rig.running[0]
        let shown = [ShownSlot(.cpu(index: 0), holder: run)]
        #expect(rig.engine.reconcile(.local, slots: shown).strays == [])
        #expect(
            rig.engine.reconcile(.local, slots: shown).events
                == [.nodeSurveyed(node: .local, slots: [OfferedSlot(.cpu(index: 0))])])
        rig.vacate(run)
        rig.happen(.nodeLost(node: .local))
        let found = rig.engine.reconcile(.local, slots: shown)
        #expect(found.strays == [run])
        guard case .nodeSurveyed(_, let slots, _)? = found.events.first else {
            Issue.record("no survey: \(found)")
            return
        }
        #expect(slots[0].unavailable != nil)
    }

    @Test func `a trial whose checkpoint is on a node that is gone begins again where it can`() {
        var rig = Rig(.search(trials: 3), slots: 1)
        let first = rig.running[0]
        rig.start(first)
        rig.save(first, step: 4)
        rig.vacate(first)
        rig.happen(.nodeLost(node: .local))
        #expect(rig.running.isEmpty)
        #expect(rig.engine.waiting == .noNode)
        rig.survey(node: Self.other, slots: 1)
        let second = RunID(trial: first.trial, attempt: 1)
        #expect(rig.running == [second] && rig.launched[second]?.start == .fresh)
        rig.survey(slots: 1)
        rig.playAll()
        #expect(rig.endings == [.completed])
        #expect(rig.faults.isEmpty)
    }

    @Test func `a gang resumes on nodes that all have its checkpoint`() {
        var rig = Rig(PlacementTests.gang(gpus: 2, perNode: 1, trials: 1), slots: 1)
        rig.survey(node: NodeID(rawValue: "a"), slots: 1)
        let first = rig.running[0]
        #expect(PlacementTests.leases(rig) == ["a:cpu0 local:cpu0"])
        rig.start(first)
        rig.save(first, step: 4)
        rig.vacate(first)
        rig.happen(.runEnded(run: first, end: 99, ending: .failed(RunFailure(.vanished))))
        let a = NodeID(rawValue: "a")
        let checkpoint = Checkpoint(run: first, name: "step_4", step: 4)
        #expect(rig.running.isEmpty && rig.engine.waiting == .checkpointOnItsWay(checkpoint, to: .local))
        #expect(rig.brought.map(\.from) == [[a]] && rig.brought.map(\.to) == [[.local]])
        rig.happen(.checkpointArrived(checkpoint: checkpoint, node: .local))
        #expect(rig.running == [RunID(trial: first.trial, attempt: 1)])
        #expect(PlacementTests.leases(rig) == ["a:cpu0 local:cpu0"])
    }

    @Test func `what is left of a gang whose part was refused is told to stop`() {
        var rig = Rig(PlacementTests.gang(gpus: 2, perNode: 1, trials: 1), slots: 1)
        rig.survey(node: Self.other, slots: 1)
        let run = rig.running[0]
        rig.vacate(run)
        rig.happen(.launchRefused(run: run, reason: "busy"))
        #expect(rig.stopped == [run])
        let nodes = [NodeID.local, Self.other]
        #expect(
            rig.log.last?.effects.contains(.stop(run: run, nodes: nodes, because: .givenUp)) == true)
    }

    @Test func `after a refusal every node of the gang is asked again, and then the gang goes on`() {
        // Seed 97592: only the node that refused was asked, and the other's slots stayed blocked for ever.
        var rig = Rig(PlacementTests.gang(gpus: 2, perNode: 1, trials: 1), slots: 1)
        rig.survey(node: Self.other, slots: 1)
        let run = rig.running[0]
        rig.vacate(run)
        rig.happen(.launchRefused(run: run, reason: "the disk is full"))
        #expect(rig.engine.nodesToSurvey(afterRefusalOf: run) == [.local, Self.other])
        for node in rig.engine.nodesToSurvey(afterRefusalOf: run) { rig.survey(node: node, slots: 1) }
        #expect(rig.running == [RunID(trial: run.trial, attempt: 1)])
    }
}
