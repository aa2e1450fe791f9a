import FleetModel
import Search

// What one proposal costs when 1,000 trials are known, and one report of an ASHA study of 1,000 trials.
// Run: swift run -c release SamplerSpeed

// The machine may be busy with other things, so the median of many single calls is given.

let space = try Space([
    Parameter("lr", .float(low: 1e-5, high: 1e-1, scale: .log)),
    Parameter("batch_size", .int(low: 16, high: 4096, scale: .log)),
    Parameter("weight_decay", .float(low: 0, high: 0.2)),
    Parameter("optimizer", .categorical(choices: [.string("adam"), .string("sgd")])),
    Parameter("momentum", .float(low: 0.8, high: 0.99), when: ["optimizer": [.string("sgd")]]),
])
var generator = SeededGenerator(seed: 1)

/// Trials as TPE itself leaves them, crowded around the best.
func grown(
    to count: Int, by sampler: SamplerKind, in space: Space, _ generator: inout SeededGenerator
) -> History {
    var (sampler, history) = (sampler, History(space))
    while history.trials.count < count {
        guard let proposal = sampler.propose(from: history, using: &generator) else { break }
        let decay = proposal.assignment["weight_decay"]?.number ?? 1
        let rate = proposal.assignment["lr"]?.number ?? 1
        let value = (decay - 0.1) * (decay - 0.1) + rate + 0.01 * generator.unit()
        history.add(proposal.assignment, Loss(value, .minimize).map { .complete($0) } ?? .failed)
    }
    return history
}

let clock = ContinuousClock()
var tpe = SamplerKind.tpe(TPESampler())
for (name, history) in [
    ("1,000 random trials", grown(to: 1000, by: .random(RandomSampler()), in: space, &generator)),
    ("1,000 trials by TPE", grown(to: 1000, by: tpe, in: space, &generator)),
] {
    let times = (0..<301).map { _ in
        clock.measure { _ = tpe.propose(from: history, using: &generator) }
    }.sorted()
    print("TPE, 5 parameters, \(name): median \(times[150]), fastest \(times[0]) a proposal")
}

var pruner = PrunerKind.asha(ASHAPruner(minStep: 10, reductionFactor: 3, maxStep: 1000))
let reports = 1_000_000
let time = clock.measure {
    for report in 0..<reports {
        guard let loss = Loss(generator.unit(), .minimize) else { continue }
        _ = pruner.judge(TrialID(stage: 0, number: report % 1000), step: report / 1000 + 1, loss: loss)
    }
}
print("ASHA, 1,000 trials of 1,000 reports: \(time / reports) a report")
