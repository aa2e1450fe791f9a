// Hostile simulations, seed after seed: `make soak SECONDS=600`, or one with its trace: `make soak SEED=17`.
import FleetModel
import Foundation
import Search
import Simulation
import StudyCore

/// Says what is wrong with the arguments, and ends.
func refuse() -> Never {
    FileHandle.standardError.write(
        Data("usage: soak [--seconds S] [--seeds N] [--from SEED] | --seed SEED\n".utf8))
    exit(2)
}

var options = ["--seconds": 60.0, "--seeds": .infinity, "--from": 0]
var arguments = CommandLine.arguments.dropFirst()
while let name = arguments.popFirst() {
    guard let text = arguments.popFirst(), let value = Double(text), value >= 0,
        options[name] != nil || name == "--seed"
    else { refuse() }
    options[name] = value
}

func play(_ seed: UInt64, isTraced: Bool = false) -> SimulatedStudy {
    let scenario = Scenario.hostile(seed: seed)
    var study = SimulatedStudy(
        scenario, checkers: Checkers.all(of: scenario.plan), isTraced: isTraced)
    study.run()
    return study
}

if let seed = options["--seed"] {
    let study = play(UInt64(seed), isTraced: true)
    print(study.trace.joined(separator: "\n"))
    print(study.violation.map { "BROKEN: \($0)" } ?? "every promise kept")
    exit(study.violation == nil ? 0 : 1)
}

let begin = Date()
var (count, events, faults, recoveries, broken) = (0, 0, 0, 0, 0)
var told = begin
while case let seconds = Date().timeIntervalSince(begin), seconds < options["--seconds"]!,
    Double(count) < options["--seeds"]!
{
    let seed = UInt64(options["--from"]!) + UInt64(count)
    let study = play(seed)
    count += 1
    events += study.statistics.events
    faults += study.statistics.faults
    recoveries += study.statistics.recoveries
    if let violation = study.violation {
        broken += 1
        print("seed \(seed): \(violation)\n  replay it with: make soak SEED=\(seed)")
    }
    if Date().timeIntervalSince(told) >= 10 {
        told = Date()
        print("\(Int(seconds)) s: \(count) seeds, \(events) events, \(faults) faults, \(broken) broken")
        fflush(nil)
    }
}
let seconds = Date().timeIntervalSince(begin)
print(
    "\(count) seeds from \(Int(options["--from"]!)), \(events) events, \(faults) faults, \(recoveries) recoveries in "
        + "\(Int(seconds)) s: \(broken) broken")
exit(broken == 0 ? 0 : 1)
