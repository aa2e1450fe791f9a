import FleetModel
import Search

// What an ask and its tell cost with 100, 1,000 and 10,000 trials known, and one report to an ASHA study.
// Run: swift run -c release SamplerSpeed

let space = try Space([
    Parameter("lr", .float(low: 1e-5, high: 1e-1, scale: .log)),
    Parameter("min_lr", .float(low: 1e-6, high: 1e-3, scale: .log)),
    Parameter("batch_size", .int(low: 16, high: 4096, scale: .log)),
    Parameter("weight_decay", .float(low: 0, high: 0.2)),
    Parameter("layers", .int(low: 2, high: 32)),
    Parameter("dropout", .float(low: 0, high: 0.5, scale: .step(0.05))),
    Parameter("optimizer", .categorical(choices: [.string("adam"), .string("sgd")])),
    Parameter("momentum", .float(low: 0.8, high: 0.99), when: ["optimizer": [.string("sgd")]]),
])

/// A smooth bowl with a little noise.
func loss(of assignment: Assignment, _ generator: inout SeededGenerator) -> Loss? {
    let decay = assignment["weight_decay"]?.number ?? 1
    let rate = assignment["lr"]?.number ?? 1
    let layers = assignment["layers"]?.number ?? 1
    let value = (decay - 0.1) * (decay - 0.1) + rate + layers / 100
    return Loss(value + 0.01 * generator.unit(), .minimize)
}

/// Asks once and tells what came out.
func step(_ history: inout History, _ sampler: inout SamplerKind, _ generator: inout SeededGenerator) {
    guard let proposal = sampler.propose(from: history, using: &generator) else { return }
    let index = history.add(proposal.assignment)
    history.set(loss(of: proposal.assignment, &generator).map { .complete($0) } ?? .failed, of: index)
}

/// The median over `count` asks with their tells, on a history that random trials began: the machine may be
/// busy with other things.
func median(of sampler: SamplerKind, after trials: Int, count: Int) -> Duration {
    var (generator, history) = (SeededGenerator(seed: 1), History(space))
    var (random, sampler) = (SamplerKind.random(RandomSampler()), sampler)
    for _ in 0..<trials { step(&history, &random, &generator) }
    let clock = ContinuousClock()
    step(&history, &sampler, &generator)
    let times = (0..<count).map { _ in clock.measure { step(&history, &sampler, &generator) } }
    return times.sorted()[count / 2]
}

let samplers: [(String, SamplerKind)] = [
    ("random", .random(RandomSampler())), ("sobol", .sobol(SobolSampler(seed: 1))),
    ("tpe", .tpe(TPESampler())), ("cmaes", .cmaes(CMAESSampler())), ("nsga2", .nsga2(NSGA2Sampler())),
]
print("ask + tell, \(space.parameters.count) parameters:")
for (name, sampler) in samplers {
    let medians = [100, 1_000, 10_000].map { trials in
        "\(trials) trials \(median(of: sampler, after: trials, count: trials > 5_000 ? 21 : 51))"
    }
    print("  \(name): " + medians.joined(separator: ", "))
}

var generator = SeededGenerator(seed: 1)
var pruner = PrunerKind.asha(ASHAPruner(minStep: 10, reductionFactor: 3, maxStep: 1000))
let reports = 1_000_000
let time = ContinuousClock().measure {
    for report in 0..<reports {
        guard let loss = Loss(generator.unit(), .minimize) else { continue }
        _ = pruner.judge(TrialID(stage: 0, number: report % 1000), step: report / 1000 + 1, loss: loss)
    }
}
print("ASHA, 1,000 trials of 1,000 reports: \(time / reports) a report")
