import FleetModel
import Search
import StudyCore
import Testing

/// The next stage's origin travels before the stage closes.
@Suite struct PrefetchTests {
    /// A stage of eight trials on `local`, of which six have completed; `far` has room that none of them
    /// needed, and two run: 0.1 on `local`, 0.7 on `far`.
    private func nearlyDecided(stages: Int = 2, confirm: Int = 0) -> Rig {
        var rig = Rig(.stages(stages, trials: 8, confirm: confirm), slots: 2)
        while rig.launched.count < 8 {
            let loss = Double(rig.launched.count)
            rig.play(rig.running.first { $0.trial.number != 1 }!) { _ in loss }
        }
        rig.survey(node: CopiesTests.far, slots: 2)
        return rig
    }

    @Test func `with few trials left, the leader's checkpoint is brought to where the next stage begins`()
        throws
    {
        let rig = nearlyDecided()
        #expect(rig.running.count == 2 && rig.engine.stages.count == 1)
        let leader = try #require(rig.engine.stages[0].leader.flatMap(rig.engine.trial))
        #expect(leader.id == rig.engine.stages[0].ranking.first?.id)
        #expect(rig.brought.map(\.checkpoint) == [try #require(leader.checkpoint)])
        #expect(rig.brought.map(\.to) == [[CopiesTests.far]])
    }

    @Test func `what has arrived is used at once when the stage opens`() throws {
        var rig = nearlyDecided()
        rig.happen(.checkpointArrived(checkpoint: rig.brought[0].checkpoint, node: CopiesTests.far))
        while rig.engine.stages.count == 1 { rig.play(rig.running[0]) { _ in 100 } }
        #expect(rig.engine.stages[1].origin == rig.brought[0].checkpoint)
        #expect(rig.running.count == 4 && rig.brought.count == 1 && rig.faults.isEmpty)
    }

    @Test func `a leader that is overtaken leaves no copy behind`() throws {
        var rig = nearlyDecided()
        let early = rig.brought[0].checkpoint
        rig.happen(.checkpointArrived(checkpoint: early, node: CopiesTests.far))
        rig.play(rig.running[0]) { _ in -1 }
        let leader = try #require(rig.engine.stages[0].leader.flatMap(rig.engine.trial))
        #expect(rig.brought.last?.checkpoint == leader.checkpoint && leader.checkpoint != early)
        while rig.engine.stages.count == 1 { rig.play(rig.running[0]) { _ in 100 } }
        let removed = rig.log.flatMap(\.effects).contains { effect in
            if case .remove(let checkpoints, CopiesTests.far) = effect {
                checkpoints.contains(early)
            } else {
                false
            }
        }
        #expect(removed && rig.engine.stages[1].origin == leader.checkpoint)
    }

    @Test func `nothing travels ahead of the last stage, or of repeats that are to decide`() {
        #expect(nearlyDecided(stages: 1).brought.isEmpty)
        #expect(nearlyDecided(confirm: 2).brought.isEmpty)
    }
}
