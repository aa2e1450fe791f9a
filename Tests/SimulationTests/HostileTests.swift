import FleetModel
import Foundation
import Simulation
import StudyCore
import Testing

/// The promises of the design over thousands of short studies under faults of every kind. A failure names its
/// seed and the command that replays it with a trace.
@Suite struct HostileTests {
    private static let seedsEach = 50

    @Test(arguments: 0..<40)
    func `hostile studies keep every promise`(group: Int) {
        for seed in group * Self.seedsEach..<(group + 1) * Self.seedsEach {
            let scenario = Scenario.hostile(seed: UInt64(seed))
            var study = SimulatedStudy(scenario, checkers: Checkers.all(of: scenario.plan))
            study.run()
            if let violation = study.violation {
                Issue.record("seed \(seed): \(violation)\nreplay it with: make soak SEED=\(seed)")
            }
        }
    }

    @Test(arguments: 0..<40)
    func `journals that pass through bytes keep every promise`(seed: Int) {
        let scenario = Scenario.hostile(seed: UInt64(seed))
        var study = SimulatedStudy(
            scenario, checkers: Checkers.all(of: scenario.plan, coding: .json), coding: .json)
        study.run()
        #expect(study.violation == nil, "seed \(seed)")
    }

    @Test func `one seed gives one story`() {
        for seed: UInt64 in 0..<20 {
            var (once, again) = (
                SimulatedStudy(.hostile(seed: seed), isTraced: true),
                SimulatedStudy(.hostile(seed: seed), isTraced: true)
            )
            once.run()
            again.run()
            #expect(once.trace == again.trace)
            #expect(once.engine == again.engine)
        }
    }

    @Test func `hostile studies are of many kinds, and much happens in them`() {
        var (faults, recoveries, refused) = (0, 0, 0)
        var endings: Set<String> = []
        for seed: UInt64 in 0..<200 {
            var study = SimulatedStudy(.hostile(seed: seed))
            study.run()
            faults += study.statistics.faults
            recoveries += study.statistics.recoveries
            refused += study.statistics.refused
            if case .ended(let ending) = study.engine.phase {
                endings.insert("\(ending)".prefix(6).description)
            }
        }
        #expect(faults > 1000)
        #expect(recoveries > 100)
        #expect(refused > 100)
        #expect(endings.isSuperset(of: ["comple", "budget", "failed"]))
    }
}

extension Coding {
    /// As the journal writes them.
    static let json = Coding(
        encode: { bytes($0) }, decode: { try! JSONDecoder().decode(Engine.self, from: Data($0)) },
        encodeEffects: { bytes($0) })
}

private func bytes(_ value: some Encodable) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return Array(try! encoder.encode(value))
}
