import ArgumentParser
import FleetModel
import Foundation
import Search
import Simulation
import StudyCore

/// `coordinator simulate`: what a study would cost, on a fleet that need not exist.
struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Forecast what a study will cost, with the real engine on a virtual fleet.",
        discussion: """
            Example: coordinator simulate deploy/studies/quickstart.yaml --nodes 16 --gpus 8 \
            --step-seconds 0.5 --compare asha,hyperband,median

            Each figure is the median over the seeds, with the interval in which nine of ten lie. Times follow \
            from --step-seconds; losses from a model of power-law curves, so they say which setting finds \
            better trials and not which loss your trainer will reach.
            """)

    @Argument(help: "The study file.") var study: String
    @Option(help: "Machines.") var nodes = 1
    @Option(help: "GPUs of each machine.") var gpus = 8
    @Option(help: "How many simulations, each with another seed.") var seeds = 20
    @Option(help: "none, realistic or hostile.") var faults = FaultLevel.none
    @Option(help: "Seconds of one optimiser step.") var stepSeconds = 1.0
    @Option(help: "Seconds from the start of a run to its first step.") var startupSeconds = 30.0
    @Option(help: "Steps between two reports. Default: 81 reports a trial.") var reportEvery: Int?
    @Option(help: "Steps between two checkpoints. Default: only one, after the last step.")
    var checkpointEvery: Int?
    @Option(help: "Pruners to set side by side, such as asha,hyperband,median.") var compare: String?
    @Option(help: "Numbers of trials at once to set side by side, such as 4,8,16.") var parallel: String?
    @Option(help: "Write the leases of the first simulation to this file, as SVG.") var gantt: String?
    @Flag(help: "Print JSON.") var json = false

    /// What goes wrong on the virtual fleet.
    enum FaultLevel: String, ExpressibleByArgument, CaseIterable {
        case none, realistic, hostile
    }

    func validate() throws {
        guard nodes >= 1, gpus >= 1, seeds >= 1, reportEvery ?? 1 >= 1, checkpointEvery ?? 1 >= 1 else {
            throw ValidationError("nodes, gpus, seeds and steps between things are at least 1")
        }
        guard stepSeconds > 0, stepSeconds.isFinite, startupSeconds >= 0, startupSeconds.isFinite else {
            throw ValidationError("times are not negative, and a step takes some")
        }
    }

    func run() throws {
        let plan = try Failure.asUsage { try StudyFile(at: study) }.plan
        let needed = plan.resources.gpus / plan.resources.gpusPerNode
        guard gpus >= plan.resources.gpusPerNode, nodes >= needed else {
            throw Failure.usage(
                "a trial needs \(plan.resources.gpusPerNode) GPUs on each of \(needed) machines; "
                    + "give --gpus and --nodes that have room for one")
        }
        let settings = try settings(of: plan)
        if let gantt { try draw(scenario(settings[0].plan), to: gantt) }
        let rows = settings.map { setting in
            Row(setting: setting.name, forecast: Forecast(of: scenario(setting.plan), seeds: seeds))
        }
        if json { return try ResultsJSON.print(rows) }
        print(Row.table(rows).joined(separator: "\n"))
    }

    /// Every pruner asked for with every number of trials at once.
    private func settings(of plan: Plan) throws -> [(name: String, plan: Plan)] {
        let pruners =
            try compare?.split(separator: ",").map { name in
                guard let pruner = PrunerKind(named: String(name), steps: plan.method.steps) else {
                    throw Failure.usage(
                        "--compare: found \(name), expected pruners among \(PrunerKind.comparable)")
                }
                return (String(name), plan.changed(pruner: pruner))
            } ?? [("as written", plan)]
        guard let parallel else { return pruners }
        let numbers = try parallel.split(separator: ",").map { text in
            guard let number = Int(text), number >= 1 else {
                throw Failure.usage("--parallel: found \(text), expected whole numbers of at least 1")
            }
            return number
        }
        return pruners.flatMap { name, plan in
            numbers.map { ("\(name), \($0) at once", plan.changed(parallel: $0)) }
        }
    }

    private func scenario(_ plan: Plan) -> Scenario {
        var trainer = TrainerModel()
        trainer.stepSeconds = stepSeconds
        trainer.startupSeconds = startupSeconds
        trainer.stepsPerReport = reportEvery ?? max(1, plan.method.steps / 81)
        trainer.stepsPerCheckpoint = checkpointEvery
        var scenario = Scenario(
            plan: plan, nodes: NodeOffer.machines(nodes, gpus: gpus), trainer: trainer, losses: LossModel(),
            faults: .none, seed: plan.seed)
        switch faults {
        case .none: break
        case .realistic:
            scenario.faults = .realistic
            scenario.trainer.slowShare = 0.01
            scenario.trainer.stragglerShare = 0.01
        case .hostile: scenario.faults = .hostile(seed: plan.seed, within: 3600)
        }
        return scenario
    }

    private func draw(_ scenario: Scenario, to path: String) throws {
        var study = SimulatedStudy(scenario)
        study.run()
        do {
            try Data(GanttChart(of: study.engine).svg.utf8).write(to: URL(fileURLWithPath: path))
        } catch {
            throw Failure.failed(Text.fault(error))
        }
    }
}

extension Simulate {
    /// One setting and its forecast.
    struct Row: Encodable {
        let setting: String
        let forecast: Forecast

        static func table(_ rows: [Row]) -> [String] {
            let head = [
                "setting", "wall time", "GPU hours", "utilisation", "completed", "pruned", "failed",
                "best loss",
            ]
            let cells = rows.map { row in
                let forecast = row.forecast
                return [
                    row.setting, words(forecast.wallHours) { Text.duration($0 * 3600) },
                    words(forecast.gpuHours) { Text.number($0, digits: 3) },
                    words(forecast.utilisation) { Text.number(100 * $0, digits: 3) + " %" },
                    words(forecast.completed) { Text.number($0) }, words(forecast.pruned) { Text.number($0) },
                    words(forecast.failed) { Text.number($0) },
                    words(forecast.bestLoss) { Text.number($0) },
                ]
            }
            let failures = rows.filter { $0.forecast.failures > 0 }.map { row in
                "\(row.setting): \(row.forecast.failures) of \(row.forecast.simulations) simulations ended without a result"
            }
            return Text.table([head] + cells) + failures
        }

        /// `2.1 (1.9 to 2.4)`; one number where they are the same.
        private static func words(_ interval: Forecast.Interval?, _ text: (Double) -> String) -> String {
            guard let interval else { return "" }
            let (low, median, high) = (text(interval.low), text(interval.median), text(interval.high))
            return low == high ? median : "\(median) (\(low) to \(high))"
        }
    }
}

extension PrunerKind {
    fileprivate static let comparable = "none, asha, hyperband, median, patience"

    /// With the options that a study file gives by default.
    fileprivate init?(named name: String, steps: Int) {
        switch name {
        case "none": self = .off
        case "asha": self = .asha(ASHAPruner(minStep: 1, maxStep: steps))
        case "hyperband": self = .hyperband(HyperbandPruner(minStep: 1, maxStep: steps))
        case "median": self = .percentile(.median())
        case "patience": self = .patience(PatiencePruner(patience: 3))
        default: return nil
        }
    }
}
