import FleetModel
import Search

// What an ask and its tell cost with 100, 1,000 and 10,000 trials known, also under ASHA's rungs, and one report to
// an ASHA study.
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

struct Study {
    private var generator = SeededGenerator(seed: 1)
    private var history: History
    private var pruner: PrunerKind
    /// By trial.
    private var ends: [Loss] = []

    init(_ pruner: PrunerKind) {
        self.pruner = pruner
        history = History(space, rungs: pruner.rungs)
    }

    /// Asks once, reports at the rungs, and tells what came out. What may go on after a pause does so first.
    mutating func step(_ sampler: inout SamplerKind) {
        while let resumption = pruner.resume() { run(resumption.trial, from: resumption.step) }
        guard let proposal = sampler.propose(from: history, using: &generator),
            let end = loss(of: proposal.assignment, &generator)
        else { return }
        let trial = TrialID(stage: 0, number: history.add(proposal.assignment))
        pruner.begin(trial, at: history.coordinates(of: trial.number))
        ends.append(end)
        run(trial, from: 0)
    }

    private mutating func run(_ trial: TrialID, from step: Int) {
        let end = ends[trial.number]
        for rung in pruner.rungs where rung > step {
            guard let loss = Loss(end.value + 1 / Double(rung), .minimize) else { continue }
            history.report(loss, step: rung, of: trial.number)
            switch pruner.judge(trial, step: rung, loss: loss) {
            case .stop: return history.set(.pruned(step: rung, loss), of: trial.number)
            case .pause: return
            case .go, .pass, .exploit: break
            }
        }
        history.set(.complete(end), of: trial.number)
    }
}

/// The median over `count` asks with their tells, in a study that random trials began: the machine may be
/// busy with other things.
func median(of sampler: SamplerKind, _ pruner: PrunerKind, after trials: Int, count: Int) -> Duration {
    var (study, random, sampler) = (Study(pruner), SamplerKind.random(RandomSampler()), sampler)
    for _ in 0..<trials { study.step(&random) }
    let clock = ContinuousClock()
    study.step(&sampler)
    let times = (0..<count).map { _ in clock.measure { study.step(&sampler) } }
    return times.sorted()[count / 2]
}

let asha = PrunerKind.asha(ASHAPruner(minStep: 1, reductionFactor: 3, maxStep: 81))
let promotion = PrunerKind.ashaPromotion(ASHAPromotion(minStep: 1, reductionFactor: 3, maxStep: 81))
let samplers: [(String, SamplerKind, PrunerKind)] = [
    ("random", .random(RandomSampler()), .off), ("sobol", .sobol(SobolSampler(seed: 1)), .off),
    ("tpe", .tpe(TPESampler()), .off), ("tpe under ASHA's rungs", .tpe(TPESampler()), asha),
    ("tpe under ASHA's promotions", .tpe(TPESampler()), promotion),
    ("cmaes", .cmaes(CMAESSampler()), .off), ("nsga2", .nsga2(NSGA2Sampler()), .off),
]
print("ask + tell, \(space.parameters.count) parameters:")
for (name, sampler, pruner) in samplers {
    let medians = [100, 1_000, 10_000].map { trials in
        "\(trials) trials \(median(of: sampler, pruner, after: trials, count: trials > 5_000 ? 21 : 51))"
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
