import FleetModel
import Foundation
import Search
import StudyCore
import Testing

/// Promises of the design over random orders of events and faults. A failure names its seed.
@Suite struct ChaosTests {
    @Test(arguments: 0..<150)
    func `any order of events and faults ends each trial once and leases no slot twice`(seed: Int) {
        var chaos = Chaos(seed: UInt64(seed))
        chaos.run()
        #expect(chaos.rig.faults.isEmpty, "seed \(seed)")
        #expect(chaos.rig.endings.count == 1, "seed \(seed): \(chaos.rig.endings)")
        #expect(chaos.rig.engine.leasing.isEmpty)
        for trial in chaos.rig.engine.trials {
            #expect(trial.hasEnded, "seed \(seed): \(trial.id) is \(trial.state)")
        }
        let recorded = chaos.rig.log.flatMap(\.effects).compactMap { effect -> TrialID? in
            if case .record(let trial) = effect { trial } else { nil }
        }
        #expect(Set(recorded).count == recorded.count, "seed \(seed): a trial ended twice")
    }

    @Test(arguments: 0..<20)
    func `replaying the events gives the same effects and the same state, bit for bit`(seed: Int) throws {
        var chaos = Chaos(seed: UInt64(seed))
        chaos.run()
        var copy = Engine(study: chaos.rig.engine.study, plan: chaos.rig.engine.plan)
        for (event, effects) in chaos.rig.log { #expect(try copy.apply(event) == effects) }
        #expect(copy == chaos.rig.engine)
    }

    @Test(arguments: 0..<20)
    func `a state saved and read back goes on as the original does`(seed: Int) throws {
        var chaos = Chaos(seed: UInt64(seed))
        chaos.run()
        let half = chaos.rig.log.count / 2
        var engine = Engine(study: chaos.rig.engine.study, plan: chaos.rig.engine.plan)
        for (event, _) in chaos.rig.log.prefix(half) { _ = try engine.apply(event) }
        engine = try JSONDecoder().decode(Engine.self, from: JSONEncoder().encode(engine))
        for (event, effects) in chaos.rig.log.dropFirst(half) { #expect(try engine.apply(event) == effects) }
        #expect(engine == chaos.rig.engine)
    }
}

/// A study under random events, drawn from a seed.
private struct Chaos {
    var rig: Rig
    private var random: SeededGenerator
    private var steps: [RunID: Int] = [:]

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        let asha = PrunerKind.asha(ASHAPruner(minStep: 2, reductionFactor: 2, maxStep: 8))
        rig = Rig(
            .stages(
                2, trials: 6, steps: 8, pruner: Bool.random(using: &random) ? asha : .off,
                parallel: Int.random(in: 1...4, using: &random)),
            slots: Int.random(in: 1...4, using: &random))
    }

    mutating func run() {
        for _ in 0..<3000 where rig.endings.isEmpty { step() }
    }

    private mutating func step() {
        guard let run = rig.running.randomElement(using: &random) else {
            rig.survey(slots: Int.random(in: 1...4, using: &random))
            return
        }
        switch Int.random(in: 0..<40, using: &random) {
        case 0: rig.finish(run, .failed(RunFailure(.vanished)))
        case 1: rig.finish(run, .failed(RunFailure(.crashed(exit: 1))))
        case 2: rig.survey(slots: Int.random(in: 0...4, using: &random))
        case 3: repeatLast()
        case 4: loseNode()
        case 5: refuse(run)
        default: goOn(run)
        }
    }

    private mutating func goOn(_ run: RunID) {
        if rig.stopped.contains(run), Bool.random(using: &random) {
            rig.finish(run, .stopped)
            return
        }
        let step = steps[run, default: rig.launched[run]!.resumesAt] + 1
        steps[run] = step
        rig.report(run, step: step, loss: distance(rig.launched[run]!.assignment) + 1 / Double(step))
        if step % 3 == 0 || step == 8 { rig.save(run, step: step) }
        if step >= 8 { rig.finish(run) }
    }

    /// The node does not start a run, where it has not begun.
    private mutating func refuse(_ run: RunID) {
        let known = rig.engine.trial(run.trial)!.runs[run.attempt]
        guard known.offset == 0 else { return }
        rig.vacate(run)
        rig.happen(.launchRefused(run: run, reason: "busy"))
    }

    private mutating func repeatLast() {
        guard let event = rig.log.randomElement(using: &random)?.event else { return }
        if case .reported = event.what { rig.happen(event.what) }
    }

    private mutating func loseNode() {
        for run in rig.running { rig.vacate(run) }
        rig.happen(.nodeLost(node: .local))
        rig.survey(slots: 2)
    }
}

extension RunOrder {
    fileprivate var resumesAt: Int {
        if case .resume(let checkpoint) = start { checkpoint.step } else { 0 }
    }
}
