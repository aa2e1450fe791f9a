import FleetModel
import Foundation
import Journal
import JournalStory
import StudyCore

// How many reports become durable in a second, alone and in batches, and how long starting again takes.
// Run: swift run -c release JournalSpeed [folder] [reports, 1000000]
// The same through Optuna, on the same disk: python Benchmarks/optuna_sqlite.py [folder]

let arguments = CommandLine.arguments
let base = URL(fileURLWithPath: arguments.count > 1 ? arguments[1] : NSTemporaryDirectory())
let total = arguments.count > 2 ? Int(arguments[2]) ?? 1_000_000 : 1_000_000
let clock = ContinuousClock()

extension Duration {
    var seconds: Double { self / .seconds(1) }
}

func line(_ what: String, _ value: Double, _ unit: String) {
    print(what.padding(toLength: 52, withPad: " ", startingAt: 0), String(format: "%12.2f", value), unit)
}

/// Steps of a study are told beforehand in portions, so that only the journal is timed. Trials of 1,000
/// reports on 64 slots.
func measure(batch: Int, steps: Int, in folder: URL) throws -> (path: String, perSecond: Double) {
    let path = folder.appending(path: "batch_\(batch).sqlite").path
    var story = Story(reportsPerTrial: 1000, slots: 64, isPruned: false)
    let journal = try Journal.create(at: path, engine: story.engine)
    var spent = Duration.zero
    for _ in 0..<(steps / batch) {
        let portion = (0..<batch).map { _ in story.next() }
        spent += try clock.measure { try journal.append(portion, engine: story.engine) }
    }
    return (path, Double(steps) / spent.seconds)
}

let folder = base.appending(path: "journal-speed-\(UUID().uuidString)")
try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
defer { try? FileManager.default.removeItem(at: folder) }

for (batch, steps) in [(1, 2000), (10, 20_000), (100, 100_000)] {
    let result = try measure(batch: batch, steps: steps, in: folder)
    line("durable steps, \(batch) a transaction, one fsync each", result.perSecond, "/s")
}
let large = try measure(batch: 1000, steps: total, in: folder)
line("durable steps, 1000 a transaction, of \(total)", large.perSecond, "/s")
line("last snapshot", Double(try JournalReader(at: large.path).snapshotBytes()) / 1e6, "MB")
let size = try FileManager.default.attributesOfItem(atPath: large.path)[.size] as? Int ?? 0
line("size of that journal", Double(size) / 1e6, "MB")
var trials = 0
let opened = try clock.measure {
    trials = try Journal.open(at: large.path).restore().trials.count
}
line("starting again with it (\(trials) trials)", opened.seconds, "s")
let queried = try clock.measure {
    _ = try JournalReader(at: large.path).reports(of: TrialID(stage: 0, number: 1)).count
}
line("opening it and reading the reports of one trial", queried.seconds, "s")
