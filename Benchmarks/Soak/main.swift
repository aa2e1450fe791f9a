// Hostile simulations, seed after seed: `make soak SECONDS=600`, or one with its trace: `make soak SEED=17`.
import FleetModel
import Foundation
import Search
import Simulation
import StudyCore

/// Says what is wrong with the arguments, and ends.
func refuse(_ what: String) -> Never {
    let usage = """
        \(what)
        usage: soak [--seconds S] [--seeds N] [--from SEED]
               soak --seed SEED [--whole yes] [--script FILE]

        """
    FileHandle.standardError.write(Data(usage.utf8))
    exit(2)
}

let names = ["--seconds", "--seeds", "--from", "--seed", "--whole", "--script"]
var options: [String: String] = [:]
var arguments = CommandLine.arguments.dropFirst()
while let name = arguments.popFirst() {
    guard names.contains(name) else { refuse("found \(name), expected one of the options below") }
    guard let text = arguments.popFirst() else { refuse("found nothing after \(name), expected a value") }
    options[name] = text
}

/// The value of an option that is a number of at least 0.
@MainActor
func number<Number: LosslessStringConvertible & Comparable & ExpressibleByIntegerLiteral>(
    _ name: String, default value: Number
) -> Number {
    guard let text = options[name] else { return value }
    guard let number = Number(text), number >= 0 else {
        refuse("found \(name) \(text), expected a number of at least 0")
    }
    return number
}

func play(_ scenario: Scenario, isTraced: Bool = false) -> SimulatedStudy {
    var study = SimulatedStudy(scenario, checkers: Checkers.all(of: scenario.plan), isTraced: isTraced)
    study.run()
    return study
}

/// One scenario with its trace. Where it breaks a promise, a smaller one that breaks the same is shown.
@MainActor
func show(_ seed: UInt64) -> Never {
    var scenario = Scenario.hostile(seed: seed)
    if let path = options["--script"] {
        do {
            scenario.faults.script = try Fault.script(String(contentsOfFile: path, encoding: .utf8))
            for fault in scenario.strangers {
                refuse("\(path): found \(fault), expected nodes of the fleet: \(scenario.fleet)")
            }
        } catch {
            refuse("\(path): \(error)")
        }
    }
    if options["--whole"] == nil, let smaller = scenario.shrunk() {
        print("made smaller; the whole story: make soak SEED=\(seed) WHOLE=yes\n")
        scenario = smaller
    }
    let study = play(scenario, isTraced: true)
    print("\(scenario)\n")
    print(study.trace.joined(separator: "\n"))
    print(study.violation.map { "BROKEN: \($0)" } ?? "every promise kept")
    exit(study.violation == nil ? 0 : 1)
}

if options["--seed"] != nil { show(number("--seed", default: 0)) }
let (limit, last, from) = (
    number("--seconds", default: 60.0), number("--seeds", default: Int.max),
    number("--from", default: UInt64(0))
)

let begin = Date()
var (count, events, faults, recoveries, broken) = (0, 0, 0, 0, 0)
var told = begin
while case let seconds = Date().timeIntervalSince(begin), seconds < limit, count < last {
    let seed = from + UInt64(count)
    let study = play(.hostile(seed: seed))
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
    "\(count) seeds from \(from), \(events) events, \(faults) faults, \(recoveries) recoveries in "
        + "\(Int(seconds)) s: \(broken) broken")
exit(broken == 0 ? 0 : 1)
