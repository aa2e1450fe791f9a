import ArgumentParser
import FleetModel
import Foundation
import Search
import StudyCore
import Wire

/// `coordinator check`: reads a study file, asks its plugin, and prints the plan.
struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what is wrong with a study file, or what it will do. Nothing is created.",
        discussion: "Example: coordinator check deploy/studies/quickstart.yaml")

    @Argument(help: "The study file.")
    var study: String

    @OptionGroup var local: LocalNodeOptions

    @Flag(help: "Print the plan as JSON.")
    var json = false

    func run() throws {
        let plan = try CheckedStudy(at: study, plugins: local.pluginFolder).plan
        var preview = PlanPreview(of: plan)
        preview.warnings = UnenrolledNodes(of: plan.resources.nodes, in: local.registry).warnings
        if json { try ResultsJSON.print(preview) } else { print(preview.lines.joined(separator: "\n")) }
    }
}

/// A study file that is right, and whose plugin agrees.
struct CheckedStudy {
    let plan: Plan
    private let namesSampler: Bool

    /// - Throws: an exit code, after the message was printed.
    init(at path: String, plugins: String, overriding overrides: [Override] = []) throws {
        let file = try Failure.asUsage { try StudyFile(at: path, overriding: overrides) }
        var problems: [Problem] = []
        var coolsDown = true
        do {
            let plugin = try PluginExecutable(named: file.plan.trainer.plugin, in: plugins)
            let verdict = try plugin.verdict(on: file.plan)
            problems = verdict.problems + verdict.unmeasured(of: file.plan)
            coolsDown = verdict.coolsDown
        } catch let problem as Problem {
            problems = [problem]
        } catch {
            throw Failure.failed("\(error)")
        }
        if !coolsDown, file.saysScore, case .cooldown = file.plan.method.score {
            problems.append(
                Problem(
                    at: ["method", "score"], found: "cooldown",
                    expected: "last or extrapolate: under these settings \(file.plan.trainer.plugin) cannot "
                        + "take the learning rate down at the end of a run"))
        }
        guard problems.isEmpty else { throw Failure.usage("\(try file.errors(problems))") }
        plan = coolsDown ? file.plan : file.plan.withoutCooldown
        namesSampler = file.namesSampler
    }

    /// As a study goes on by it that was begun with `recorded`; nil: a new one.
    func plan(goingOnFrom recorded: Plan?) -> Plan {
        recorded.map { plan.goingOn(from: $0, namesSampler: namesSampler) } ?? plan
    }
}

/// What a plan amounts to.
struct PlanPreview: Encodable {
    let name: String
    let plugin: String
    let metric: String
    let direction: Direction
    /// Searched, fixed and derived ones.
    let parameters: [String: String]
    let constraints: [String]
    let stages: Int
    let trialsPerStage: Int
    let steps: Int
    /// Pieces of each member of a population; nil for other methods.
    let generations: Int?
    /// Of each trial of a stage, by stage; of a population by generation.
    let cooldownSteps: [Int]
    let score: String
    /// At most: pruning saves some.
    let trials: Int
    let trialSteps: Int
    let gpusPerTrial: Int
    /// If no trial is pruned: multiply it by the seconds that a step takes.
    let gpuHoursPerStepSecond: Double
    let gpuHoursLimit: Double?
    let wallHoursLimit: Double?
    /// Where the first stage begins to look, and what it tries first.
    let prior: String?
    let priorPoints: [Assignment]
    /// What is no error, and may keep the study from running.
    var warnings: [String] = []

    init(of plan: Plan) {
        name = plan.name
        plugin = plan.trainer.plugin
        metric = plan.objective.metric
        direction = plan.objective.direction
        parameters = Dictionary(
            uniqueKeysWithValues: plan.space.parameters.map { ($0.name, "\($0.domain)") }
                + plan.space.derived.map { ($0.name, "always \($0.value)") })
        constraints = plan.space.constraints.map { "\($0.expression)" }
        stages = plan.method.stageCount
        trialsPerStage = plan.method.trialsPerStage
        steps = plan.method.steps
        var (rounds, longest) = (stages, steps)
        switch plan.method {
        case .population(let population): rounds = population.generations
        case .growth(let growth): longest = max(steps, growth.raise?.most ?? steps)
        case .search, .stages, .sweep, .replay: break
        }
        generations = rounds == stages ? nil : rounds
        cooldownSteps = (0..<rounds).map { [steps] round in
            plan.method.score.rule(before: rounds - 1 - round).cooldown(after: steps)
        }
        score = plan.method.score.name
        trials = min(plan.method.mostTrials * plan.repeats, plan.budget.trials ?? .max)
        trialSteps = trials * longest + trials * cooldownSteps.reduce(0, +) / rounds
        gpusPerTrial = plan.resources.gpus
        gpuHoursPerStepSecond = Double(trialSteps * gpusPerTrial) / 3600
        gpuHoursLimit = plan.budget.gpuHours
        wallHoursLimit = plan.budget.wallHours
        prior = plan.prior?.source
        priorPoints = plan.prior?.points ?? []
    }

    /// `5 stages × 12 trials × 200 steps and 40 of cooldown`.
    var shape: String {
        if let generations { return "\(trialsPerStage) members × \(generations) pieces × \(course)" }
        return "\(stages) \(stages == 1 ? "stage" : "stages") × \(trialsPerStage) trials × \(course)"
    }

    private var course: String {
        let (first, last) = (cooldownSteps[0], cooldownSteps[cooldownSteps.count - 1])
        if last == 0 { return "\(steps) steps" }
        return "\(steps) steps and \(last) of cooldown"
            + (first == 0 ? " in the last \(generations == nil ? "stage" : "piece")" : "")
    }

    var lines: [String] {
        let bound = gpuHoursLimit.map { "at most \(Text.number($0)) GPU hours and the runs in flight" }
        let gpuHoursPerStepSecond = Text.number(gpuHoursPerStepSecond, digits: 3)
        let space =
            parameters.sorted { $0.key < $1.key }.map { "    \($0.key): \($0.value)" }
            + constraints.map { "    where \($0)" }
        return [
            "\(name): the study file is right",
            "  trainer    \(plugin), \(gpusPerTrial) GPU (or CPU slot) a trial",
            "  objective  \(direction == .minimize ? "lowest" : "highest") \(metric)",
            "  plan       \(shape): "
                + "at most \(trials) trials, \(trialSteps) steps",
            "  cost       \(bound ?? "at most \(gpuHoursPerStepSecond) GPU hours for each second that a step takes")",
            "  space",
        ] + space + (prior.map { ["  prior      \($0)"] } ?? [])
            + priorPoints.map { "    tried first: \(Text.assignment($0))" }
            + warnings.map { "  warning    \($0)" }
    }
}
