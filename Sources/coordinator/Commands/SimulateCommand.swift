import ArgumentParser
import FleetModel
import Foundation
import Journal
import Search
import Simulation
import StudyCore

/// `coordinator simulate`: what a study would cost, on a fleet that need not exist.
struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Forecast what a study will cost, with the real engine on a virtual fleet.",
        discussion: """
            Examples:
              coordinator simulate study.yaml --nodes 16 --gpus 8 --step-seconds 0.5
              coordinator simulate study.yaml --like pilot --compare asha,hyperband,median --parallel 4,8,16

            Each figure is the median over the seeds, with the interval in which nine of ten lie. Without \
            --like, times follow from --step-seconds, and losses from made-up power laws: they say which \
            setting finds better trials, not which loss your trainer will reach. With --like, both follow \
            from a study that was run with the same trainer.
            """)

    @Argument(help: "The study file.") var study: String
    @Option(help: "Machines.") var nodes = 1
    @Option(help: "GPUs of each machine.") var gpus = 8
    @Option(help: "How many simulations, each with another seed.") var seeds = 20
    @Option(help: "none, realistic or hostile.") var faults = FaultLevel.none
    @Option(
        help: ArgumentHelp(
            "A study that was run (its file or its folder): step times, curves and failures are like its.",
            valueName: "study"))
    var like: String?
    @Option(help: "Seconds of one optimiser step. Default: as in --like, or 1.") var stepSeconds: Double?
    @Option(help: "Seconds from the start of a run to its first step. Default: as in --like, or 30.")
    var startupSeconds: Double?
    @Option(help: "Steps between two reports. Default: as in --like, or 81 reports a trial.")
    var reportEvery: Int?
    @Option(help: "Steps between two checkpoints. Default: only one, after the last step.")
    var checkpointEvery: Int?
    @Option(help: "Pruners to set side by side, such as asha,hyperband,median.") var compare: String?
    @Option(help: "Numbers of trials at once to set side by side, such as 4,8,16.") var parallel: String?
    @Option(help: "Write the leases of the first setting's first simulation to this file, as SVG.")
    var gantt: String?
    @Flag(help: "Print JSON.") var json = false

    /// What goes wrong on the virtual fleet.
    enum FaultLevel: String, ExpressibleByArgument, CaseIterable {
        case none, realistic, hostile
    }

    /// More GPUs than any fleet has that one coordinator is made for.
    private static let mostGPUs = 100_000
    /// About twelve days.
    private static let longest = 1e6

    func validate() throws {
        let counts = [("nodes", nodes), ("gpus", gpus), ("seeds", seeds)]
        let gaps = [("report-every", reportEvery), ("checkpoint-every", checkpointEvery)]
        for (name, value) in counts + gaps.compactMap({ name, value in value.map { (name, $0) } })
        where value < 1 {
            throw ValidationError("--\(name): found \(value), expected a whole number of at least 1")
        }
        guard nodes <= Self.mostGPUs, gpus <= Self.mostGPUs, nodes * gpus <= Self.mostGPUs else {
            throw ValidationError(
                "--nodes and --gpus: found \(nodes) × \(gpus) GPUs, expected at most \(Self.mostGPUs)")
        }
        if let stepSeconds, !(stepSeconds > 0 && stepSeconds <= Self.longest) {
            throw ValidationError(
                "--step-seconds: found \(stepSeconds), expected a number above 0 and at most 1000000")
        }
        if let startupSeconds, !(startupSeconds >= 0 && startupSeconds <= Self.longest) {
            throw ValidationError(
                "--startup-seconds: found \(startupSeconds), expected a number from 0 to 1000000")
        }
    }

    func run() throws {
        let plan = try Failure.asUsage { try StudyFile(at: study) }.plan
        try check(plan)
        let past = try like.map { try PastStudy(at: $0, for: plan) }
        let settings = try settings(of: plan)
        let model = try scenario(plan, past)
        if let gantt { try draw(settings[0], model, to: gantt) }
        let forecasts = ForecastTable(
            rows: forecasts(of: settings, model), metric: plan.objective.metric, like: past)
        if json { return try ResultsJSON.print(forecasts) }
        print(forecasts.lines.joined(separator: "\n"))
    }

    private func check(_ plan: Plan) throws {
        let needed = plan.resources.gpus / plan.resources.gpusPerNode
        guard gpus >= plan.resources.gpusPerNode, nodes >= needed else {
            throw Failure.usage(
                "found \(nodes) machines of \(gpus) GPUs, expected --nodes \(needed) and --gpus "
                    + "\(plan.resources.gpusPerNode) at least: that is what one trial needs")
        }
    }

    private func forecasts(of settings: [Setting], _ model: Scenario) -> [ForecastTable.Row] {
        var progress = SimulationProgress(count: settings.count * seeds)
        defer { progress.end() }
        return settings.map { setting in
            var scenario = model
            scenario.plan = setting.plan
            let begin = Date()
            let outcomes = (0..<seeds).map { number in
                progress.tell()
                return Outcome(simulating: scenario.seeded(number))
            }
            return ForecastTable.Row(
                setting: setting.name, forecast: Forecast(outcomes),
                seconds: Date().timeIntervalSince(begin))
        }
    }

    private func scenario(_ plan: Plan, _ past: PastStudy?) throws -> Scenario {
        var scenario = Scenario(
            plan: plan, nodes: NodeOffer.machines(nodes, gpus: gpus), trainer: TrainerModel(),
            losses: LossModel(), faults: .none, seed: plan.seed)
        scenario.trainer.startupSeconds = 30
        scenario.trainer.stepsPerReport = max(1, plan.method.steps / 81)
        if let past, let like {
            scenario.trainer.follow(past)
            do { scenario.losses = try LossModel(like: past, in: plan.space) } catch {
                throw Failure.usage("--like \(like): \(error)")
            }
        }
        if let stepSeconds { scenario.trainer.stepSeconds = stepSeconds }
        if let startupSeconds { scenario.trainer.startupSeconds = startupSeconds }
        if let reportEvery { scenario.trainer.stepsPerReport = reportEvery }
        scenario.trainer.stepsPerCheckpoint = checkpointEvery
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

    private func draw(_ setting: Setting, _ model: Scenario, to path: String) throws {
        var scenario = model
        scenario.plan = setting.plan
        var study = SimulatedStudy(scenario.seeded(0))
        study.run()
        let title = "\(setting.plan.name), \(setting.name): \(nodes) × \(gpus) GPUs, simulated"
        do {
            try Data(GanttChart(of: study.engine, title: title).svg.utf8)
                .write(to: URL(fileURLWithPath: path))
        } catch {
            throw Failure.failed("--gantt \(path): \(Text.fault(error))")
        }
    }
}

extension PastStudy {
    /// Reads the journal of a study, given by its file or its folder.
    init(at study: String, for plan: Plan) throws {
        let journal: JournalReader
        do {
            journal = try JournalReader(at: StudyFolder(of: study, out: nil).journal)
        } catch let error as JournalError {
            throw Failure.usage("--like \(study): \(error)")
        }
        let engine = try journal.restore()
        try self.init(engine) { trial throws(JournalError) in
            try journal.timedReports(of: trial).map {
                TimedReport(at: $0.at, attempt: $0.attempt, report: $0.report)
            }
        }
    }
}
