// What a simulation costs: ASHA over 1,000 machines of 8 GPUs, or studies of 100 to 100,000 trials.
// Run: swift run -c release SimulationSpeed fleet|growth
import FleetModel
import Foundation
import Search
import Simulation
import StudyCore

func scenario(trials: Int, machines: Int) throws -> Scenario {
    let plan = Plan(
        name: "asha",
        trainer: TrainerPlan(
            plugin: "scripted", settings: .object([:]), silenceSeconds: 600, graceSeconds: 30,
            baseFolder: "/"),
        objective: Objective(metric: "loss", direction: .minimize),
        space: try Space([
            Parameter("lr", .float(low: 1e-5, high: 1e-1, scale: .log)),
            Parameter("batch_size", .int(low: 16, high: 1024, scale: .log)),
        ]),
        method: .search(SearchMethod(trials: trials, steps: 81)), sampler: .random(RandomSampler()),
        pruner: .asha(ASHAPruner(minStep: 1, reductionFactor: 3, maxStep: 81)), seed: 1,
        resources: Resources(gpus: 1, gpusPerNode: 1, parallel: nil, retries: 2), budget: Budget(),
        keepBest: 1)
    return Scenario(
        plan: plan, nodes: NodeOffer.machines(machines, gpus: 8), trainer: TrainerModel(),
        losses: LossModel(), faults: .none, seed: 1)
}

/// Seconds that this process has been on a processor.
func processorSeconds() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_utime.tv_sec) + Double(usage.ru_utime.tv_usec) / 1e6
        + Double(usage.ru_stime.tv_sec) + Double(usage.ru_stime.tv_usec) / 1e6
}

/// The most memory that this process had, in MB.
func peakMegabytes() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_maxrss) / 1000
}

func measure(trials: Int, machines: Int) throws {
    var study = SimulatedStudy(try scenario(trials: trials, machines: machines))
    let begin = processorSeconds()
    study.run()
    let seconds = processorSeconds() - begin
    let outcome = Outcome(of: study)
    let events = Double(study.statistics.events)
    print(
        String(
            format: "%7d trials, %5d GPUs: %6.2f s of one core, %9.0f events, %5.2f us each, "
                + "%8.0f decisions (%.0f a second), utilisation %.2f %%, %.0f MB at most",
            trials, machines * 8, seconds, events, 1e6 * seconds / events, Double(outcome.decisions),
            Double(outcome.decisions) / seconds, 100 * (outcome.utilisation ?? .nan), peakMegabytes()))
    fflush(nil)
}

switch CommandLine.arguments.dropFirst().first {
case "fleet": try measure(trials: 20_000, machines: 1000)
case "growth": for trials in [100, 1000, 10_000, 100_000] { try measure(trials: trials, machines: 8) }
default:
    FileHandle.standardError.write(Data("expected fleet or growth\n".utf8))
    exit(2)
}
