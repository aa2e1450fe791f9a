import FleetModel
import Search
import StudyCore
import Testing

/// Leases, seen through the engine: what runs where.
@Suite struct PlacementTests {
    static func gang(gpus: Int, perNode: Int, trials: Int = 4) -> Plan {
        .with(
            .search(SearchMethod(trials: trials, steps: 10)), sampler: .random(RandomSampler()), pruner: .off,
            parallel: nil, budget: Budget(), gpus: gpus, perNode: perNode)
    }

    /// The only run's lease, in words.
    static func leases(_ rig: Rig) -> [String] {
        rig.running.map { rig.launched[$0]!.lease.description }
    }

    @Test func `a trial of two slots takes two of one node`() {
        let rig = Rig(Self.gang(gpus: 2, perNode: 2), slots: 5)
        #expect(Self.leases(rig) == ["local:cpu0,cpu1", "local:cpu2,cpu3"])
        #expect(
            rig.engine.waiting == .slotsBusy(needed: 2, perNode: 2, free: 1, unavailable: nil))
    }

    @Test func `a gang takes as many slots of each of its nodes, and no node twice`() {
        var rig = Rig(Self.gang(gpus: 4, perNode: 2, trials: 1), slots: 2)
        #expect(rig.running.isEmpty)
        rig.survey(node: NodeID(rawValue: "zeta"), slots: 4)
        #expect(Self.leases(rig) == ["local:cpu0,cpu1 zeta:cpu0,cpu1"])
        #expect(rig.faults.isEmpty)
    }

    @Test func `a small trial goes where it leaves the smallest gap`() {
        var rig = Rig(Self.gang(gpus: 1, perNode: 1, trials: 1), slots: 0)
        rig.survey(node: NodeID(rawValue: "wide"), slots: 0)
        rig.happen(
            .nodeSurveyed(
                node: NodeID(rawValue: "narrow"), slots: [OfferedSlot(.gpu(index: 3))]))
        #expect(Self.leases(rig) == ["narrow:gpu3"])
    }

    @Test func `a slot that cannot be had is not leased, and its reason is what a waiting trial says`() {
        var rig = Rig(.search(trials: 1), slots: 0)
        rig.happen(
            .nodeSurveyed(
                node: .local, slots: [OfferedSlot(.gpu(index: 0), unavailable: "process 77 is on it")]))
        #expect(rig.running.isEmpty)
        #expect(
            rig.engine.waiting
                == .slotsBusy(needed: 1, perNode: 1, free: 0, unavailable: "process 77 is on it"))
        rig.happen(.nodeSurveyed(node: .local, slots: [OfferedSlot(.gpu(index: 0))]))
        #expect(Self.leases(rig) == ["local:gpu0"])
    }

    @Test func `a trial of one GPU takes a MIG device, one of several waits for whole GPUs and says so`() {
        let parts = (1...3).map { OfferedSlot(.mig(gpu: 0, instance: $0, compute: 0)) }
        var rig = Rig(.search(trials: 1), slots: 0)
        rig.happen(.nodeSurveyed(node: .local, slots: parts))
        #expect(Self.leases(rig) == ["local:gpu0/gi1/ci0"])
        rig = Rig(Self.gang(gpus: 2, perNode: 2, trials: 1), slots: 0)
        rig.happen(.nodeSurveyed(node: .local, slots: parts + [OfferedSlot(.gpu(index: 1))]))
        #expect(rig.running.isEmpty)
        #expect(
            rig.engine.waiting == .slotsBusy(needed: 2, perNode: 2, free: 1, unavailable: nil, slices: 3))
        rig.happen(
            .nodeSurveyed(
                node: .local, slots: parts + [OfferedSlot(.gpu(index: 1)), OfferedSlot(.gpu(index: 2))]))
        #expect(Self.leases(rig) == ["local:gpu1,gpu2"])
    }

    @Test func `a lost part of a gang ends the whole run, and all its slots are free again`() {
        var rig = Rig(Self.gang(gpus: 2, perNode: 1, trials: 1), slots: 1)
        rig.survey(node: NodeID(rawValue: "b"), slots: 1)
        let run = rig.running[0]
        rig.vacate(run)
        rig.happen(.nodeLost(node: NodeID(rawValue: "b")))
        #expect(rig.engine.leasing.isEmpty)
        #expect(rig.engine.nodes.map(\.leased) == [[:], [:]])
        rig.survey(node: NodeID(rawValue: "b"), slots: 1)
        #expect(rig.running == [RunID(trial: run.trial, attempt: 1)])
    }
}
