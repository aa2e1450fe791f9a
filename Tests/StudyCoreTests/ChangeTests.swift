import FleetModel
import Search
import StudyCore
import Testing

/// Studies that go on otherwise than they began, and schedules that are replayed.
@Suite struct ChangeTests {
    private static let twoMore = [Override(path: ["method", "stages"], value: .int(4))]

    @Test func `a finished study with two more stages goes on from its last best checkpoint`() throws {
        var rig = Rig(.stages(2, trials: 3))
        rig.playAll()
        #expect(rig.happen(.replanned(.stages(4, trials: 3), overrides: Self.twoMore)) == nil)
        #expect(rig.happen(.started) == nil)
        rig.playOn()
        #expect(rig.endings == [.completed, .completed])
        #expect(rig.engine.stages.map(\.trials.count) == [3, 3, 3, 3])
        let origin = try #require(rig.engine.trial(rig.engine.stages[1].best!)?.checkpoint)
        for trial in rig.engine.stages[2].trials { #expect(trial.runs[0].start == .warm(origin)) }
        #expect(rig.engine.overrides == Self.twoMore)
        #expect(rig.faults.isEmpty)
    }

    @Test func `a replay of the log gives the same extended study`() throws {
        var rig = Rig(.stages(2, trials: 3))
        rig.playAll()
        rig.happen(.replanned(.stages(3, trials: 3), overrides: Self.twoMore))
        rig.happen(.started)
        rig.playOn()
        var engine = Engine(study: rig.engine.study, plan: .stages(2, trials: 3))
        for entry in rig.log { #expect(try engine.apply(entry.event) == entry.effects) }
        #expect(engine == rig.engine)
    }

    @Test func `a change while runs are in flight counts from the next stage on and stops nothing`() {
        var rig = Rig(.stages(2, trials: 3))
        rig.start(rig.running[0])
        #expect(rig.happen(.replanned(.stages(3, trials: 3), overrides: Self.twoMore)) == nil)
        #expect(rig.stopped.isEmpty && rig.engine.leasing.count == 2)
        rig.playAll()
        #expect(rig.engine.stages.count == 3 && rig.faults.isEmpty)
    }

    @Test func `a stage that ends before its time because everything was tried says so`() throws {
        var rig = Rig(.search(trials: 40, sampler: .grid(GridSampler(points: 2))))
        rig.playAll()
        let count = rig.engine.trials.count
        #expect(count < 40)
        #expect(
            rig.log.flatMap(\.effects).filter {
                $0 == .tell(.exhausted(stage: 0, trials: count, of: 40))
            }.count == 1)
    }

    @Test func `the same plan again changes nothing`() {
        var rig = Rig(.stages(2, trials: 3))
        #expect(rig.happen(.replanned(.stages(2, trials: 3), overrides: [])) == .noChange)
        #expect(rig.faults.isEmpty)
    }

    @Test func `a fork begins where the old study's stage began, and leaves its stages as they were`() throws
    {
        var old = Rig(.stages(3, trials: 3))
        old.playAll()
        let ancestry = try #require(Ancestry(of: old.engine, before: 2))
        var rig = Rig(.stages(4, trials: 5), study: "fork-1", before: [.inherited(ancestry)])
        // It comes from the results.
        rig.happen(.checkpointArrived(checkpoint: ancestry.handover, node: .local))
        rig.playAll()
        #expect(rig.endings == [.completed] && rig.faults.isEmpty)
        #expect(rig.engine.stages.map(\.trials.count) == [3, 3, 5, 5])
        #expect(rig.engine.stages[0].trials == old.engine.stages[0].trials)
        let origin = try #require(old.engine.stages[2].origin)
        for trial in rig.engine.stages[2].trials { #expect(trial.runs[0].start == .warm(origin)) }
        #expect(rig.engine.offsets(on: .local).allSatisfy { $0.run.trial.stage >= 2 })
        #expect(rig.happen(.inherited(ancestry)) != nil)
    }

    @Test func `only finished stages can be inherited, and enough of them end the study at once`() throws {
        var old = Rig(.stages(3, trials: 3))
        #expect(Ancestry(of: old.engine, before: 1) == nil)
        old.playAll()
        #expect(Ancestry(of: old.engine, before: 0) == nil)
        #expect(Ancestry(of: old.engine, before: 4) == nil)
        let all = try #require(Ancestry(of: old.engine, before: 3))
        let rig = Rig(.stages(3, trials: 3), study: "fork-2", before: [.inherited(all)])
        #expect(rig.endings == [.completed] && rig.launched.isEmpty)
    }

    @Test func `a budget of trials counts those of the study's own`() throws {
        var old = Rig(.stages(2, trials: 3))
        old.playAll()
        let ancestry = try #require(Ancestry(of: old.engine, before: 2))
        var rig = Rig(
            .stages(4, trials: 3, budget: Budget(trials: 3)), study: "fork-3", before: [.inherited(ancestry)])
        rig.happen(.checkpointArrived(checkpoint: ancestry.handover, node: .local))
        rig.playAll()
        #expect(rig.launched.count == 3)
    }

    @Test func `a schedule is replayed piece by piece, each from the checkpoint before`() throws {
        let rates = [0.01, 0.005, 0.002]
        let pieces = rates.enumerated().map { index, rate in
            ReplayMethod.Piece(assignment: ["lr": .float(rate)], steps: 10 * (index + 1))
        }
        var rig = Rig(
            .with(
                .replay(ReplayMethod(pieces: pieces, score: .last)), sampler: .random(RandomSampler()),
                pruner: .off, parallel: nil, budget: Budget()))
        while let run = rig.running.first { rig.play(run, steps: [rig.launched[run]!.steps], loss: distance) }
        #expect(rig.endings == [.completed] && rig.faults.isEmpty)
        let orders = rig.launched.values.sorted { $0.run < $1.run }
        #expect(orders.map(\.steps) == [10, 20, 30])
        #expect(orders.map { $0.assignment["lr"]?.number } == rates)
        #expect(orders[0].start == .fresh)
        #expect(orders[2].start == .warm(rig.engine.trial(orders[1].run.trial)!.checkpoint!))
        #expect(rig.engine.trials.map(\.reason) == [.scheduled, .scheduled, .scheduled])
        #expect(rig.engine.steps(before: 2) == 30)
    }

    @Test func `a prior's points are the first trials, and no more than those`() {
        let points = [0.02, 0.01].map { ["lr": ParameterValue.float($0)] }
        let plan = Plan.stages(2, trials: 4).with(Prior(source: "a law", points: points))
        var rig = Rig(plan)
        rig.playAll()
        let first = rig.engine.stages[0].trials
        #expect(first.map { $0.reason == .prior } == [true, true, false, false])
        #expect(first.prefix(2).map(\.assignment) == points)
        #expect(rig.engine.stages[1].trials[0].reason == .enqueued)
    }
}

extension Rig {
    /// Plays on after an ending.
    fileprivate mutating func playOn() {
        while let run = running.first { play(run, loss: distance) }
    }
}

extension Plan {
    fileprivate func with(_ prior: Prior) -> Plan {
        Plan(
            name: name, trainer: trainer, objective: objective, space: space, method: method,
            sampler: sampler,
            pruner: pruner, seed: seed, resources: resources, budget: budget, keepBest: keepBest, prior: prior
        )
    }
}
