import FleetModel
import Foundation
import Search
import StudyCore
import Testing

/// Why a trial waits, node by node.
@Suite struct WaitingTests {
    static let other = NodeID(rawValue: "other")

    /// A trial that was interrupted on `local`, whose slots somebody else has now.
    static func interrupted(gpus: Int = 1, perNode: Int = 1, saves: Bool = true) -> Rig {
        let plan = Plan.with(
            .search(SearchMethod(trials: 1, steps: 10)), sampler: .random(RandomSampler()), pruner: .off,
            parallel: nil, budget: Budget(), gpus: gpus, perNode: perNode)
        var rig = Rig(plan, slots: perNode)
        if gpus > perNode { rig.survey(node: Self.other, slots: perNode) }
        let run = rig.running[0]
        rig.start(run)
        if saves { rig.save(run, step: 4) }
        rig.vacate(run)
        rig.happen(
            .nodeSurveyed(
                node: .local,
                slots: (0..<perNode).map {
                    OfferedSlot(.cpu(index: $0), unavailable: "process 77 of somebody else is on it")
                }))
        rig.happen(.runEnded(run: run, end: 99, ending: .failed(RunFailure(.vanished))))
        return rig
    }

    @Test func `a trial names the slot that it cannot have, with the reason`() throws {
        let waiting = try #require(Self.interrupted().engine.waitingTrials.first)
        #expect(waiting.trial == TrialID(stage: 0, number: 0))
        #expect(waiting.holdup == nil)
        let taken = OfferedSlot(.cpu(index: 0), unavailable: "process 77 of somebody else is on it")
        #expect(
            waiting.nodes == [
                .init(node: .local, obstacle: .short(perNode: 1, free: 0, held: 0, unavailable: [taken]))
            ])
    }

    @Test func `a node that lacks the checkpoint says where that lies`() throws {
        var rig = Self.interrupted()
        rig.survey(node: Self.other, slots: 1)
        let waiting = try #require(rig.engine.waitingTrials.first)
        #expect(waiting.nodes.last == .init(node: Self.other, obstacle: .checkpointElsewhere([.local])))
    }

    @Test func `a node says how many MIG devices are free that a trial of several GPUs cannot use`() throws {
        var rig = Self.interrupted(gpus: 2, perNode: 2, saves: false)
        rig.happen(
            .nodeSurveyed(
                node: .local, slots: (1...2).map { OfferedSlot(.mig(gpu: 0, instance: $0, compute: 0)) }))
        let waiting = try #require(rig.engine.waitingTrials.first)
        #expect(
            waiting.nodes.map(\.obstacle) == [
                .short(perNode: 2, free: 0, held: 0, unavailable: [], slices: 2)
            ])
    }

    @Test func `a node that is gone says so`() throws {
        var rig = Self.interrupted()
        rig.happen(.nodeLost(node: .local))
        let waiting = try #require(rig.engine.waitingTrials.first)
        #expect(waiting.nodes.map(\.obstacle) == [.lost])
    }

    @Test func `a gang says by how many nodes it is short`() throws {
        let waiting = try #require(
            Self.interrupted(gpus: 4, perNode: 2, saves: false).engine.waitingTrials.first)
        #expect(waiting.holdup == .gangShort(of: 1, nodes: 2))
        #expect(waiting.nodes.last == .init(node: Self.other, obstacle: nil))
    }

    @Test func `a study that pauses starts nothing, and says that`() throws {
        var rig = Self.interrupted()
        rig.happen(.stopRequested)
        #expect(rig.engine.waitingTrials.first?.holdup == .closing)
    }

    /// A study that has proposed no trial yet.
    static func unproposed(gpus: Int, perNode: Int, slots: Int) -> Rig {
        let plan = Plan.with(
            .search(SearchMethod(trials: 1, steps: 10)), sampler: .random(RandomSampler()), pruner: .off,
            parallel: nil, budget: Budget(), gpus: gpus, perNode: perNode)
        return Rig(plan, slots: slots)
    }

    @Test func `a trial that is not proposed yet waits node by node too`() throws {
        var rig = Self.unproposed(gpus: 2, perNode: 2, slots: 1)
        rig.happen(
            .nodeSurveyed(
                node: Self.other,
                slots: [
                    OfferedSlot(.gpu(index: 0)), OfferedSlot(.gpu(index: 1), unavailable: "its disk is full"),
                ]))
        let waiting = try #require(rig.engine.waitingTrials.first)
        #expect(rig.engine.waitingTrials.count == 1)
        #expect(waiting.trial == nil)
        let full = OfferedSlot(.gpu(index: 1), unavailable: "its disk is full")
        #expect(
            waiting.nodes.map(\.obstacle) == [
                .tooSmall(perNode: 2, slots: 1), .short(perNode: 2, free: 1, held: 0, unavailable: [full]),
            ])
    }

    @Test func `a node that could not tell what it has says why, until it can`() throws {
        var rig = Self.unproposed(gpus: 1, perNode: 1, slots: 0)
        rig.happen(.nodeSurveyed(node: Self.other, slots: [], failure: "nvidia-smi failed"))
        #expect(rig.engine.waitingTrials.first?.nodes.last?.obstacle == .unknown(why: "nvidia-smi failed"))
        guard case .slotsBusy(_, _, _, "nvidia-smi failed", _)? = rig.engine.waiting else {
            Issue.record("it waits for \(String(describing: rig.engine.waiting))")
            return
        }
        rig.survey(node: Self.other, slots: 1)
        #expect(rig.engine.nodes.map(\.failure) == [nil, nil])
        #expect(rig.engine.waitingTrials.isEmpty)
    }

    @Test func `a survey and a node of an earlier version's journal are read`() throws {
        let old = #"{"nodeSurveyed":{"node":"n","slots":[]}}"#
        #expect(
            try JSONDecoder().decode(Happening.self, from: Data(old.utf8))
                == .nodeSurveyed(node: NodeID(rawValue: "n"), slots: []))
        let node = #"{"id":"n","slots":[],"isLost":false,"leased":[]}"#
        #expect(try JSONDecoder().decode(Node.self, from: Data(node.utf8)).failure == nil)
    }

    @Test func `where everything runs, nothing waits`() {
        #expect(Rig(.search(trials: 2), slots: 2).engine.waitingTrials.isEmpty)
    }
}
