import FleetModel
import Search
import StudyCore
import TrainerKit

/// The parts of a plan as the file gives them, and what is wrong between them.
struct PlanDraft {
    private(set) var problems: [Problem] = []
    /// nil where the space or the name could not be read; then there are problems.
    private(set) var plan: Plan?
    /// The file says how trials are scored.
    let saysScore: Bool
    /// The file says by what trials are proposed.
    let namesSampler: Bool
    private(set) var startFrom: StartFrom?
    /// What is run when the study has ended: a program and its arguments; empty: nothing.
    let onFinish: [String]

    init(reading file: inout SettingsReader, places: YAMLDocument) {
        let name = file.string("name")
        if !name.isEmpty, !FolderName.isSafe(name) {
            file.complain(
                at: ["name"], found: "\"\(name)\"",
                expected: "letters, digits, - _ and . (it becomes a folder), not starting with a dot")
        }
        // What it stands for was filled in before.
        if file.has("preset") { _ = file.choice("preset", among: Preset.allCases.map(\.rawValue)) }
        let trainer = Self.trainer(&file)
        let objectives = Self.objectives(&file)
        let objective = objectives[0]
        let limits = Self.limits(&file)
        let space = Self.space(&file, places)
        let method = Self.method(&file, in: space, objective.direction, places)
        saysScore = Self.saysScore(file)
        let seed = UInt64(file.int("seed", default: 0, in: 0...))
        let budget = Self.budget(&file)
        let trials = [method?.mostTrials, budget.trials].compactMap(\.self).min()
        namesSampler = file.has("sampler")
        let sampler = Self.sampler(&file, seed: seed, for: method, trials: trials)
        let pruner = Self.pruner(&file, steps: method?.steps ?? 1, objectives)
        let resources = Self.resources(&file)
        let repeats = file.int("repeats", default: 1, in: 1...1000)
        onFinish = file.strings("on_finish", default: [])
        let keepBest = file.nested("checkpoints") { $0.int("keep_best", default: 1, in: 1...) } ?? 1
        if case .stages(let stages)? = method, case .object(let members)? = file.value("space") {
            let searched = (space?.parameters.map(\.name) ?? Array(members.keys)).sorted()
            if case .shares(let shares) = stages.shrink { problems += Self.misfits(shares, among: searched) }
            problems += Self.misfits(stages.fidelity, in: space, among: searched)
        }
        startFrom = StartFrom(reading: &file)
        let prior = Self.prior(&file, for: space, trainer, method)
        guard let trainer, let method, let space else { return }
        plan = Plan(
            name: name, trainer: trainer, objective: objective, space: space, method: method,
            sampler: sampler, pruner: pruner, seed: seed, resources: resources, budget: budget,
            keepBest: keepBest, prior: prior, further: Array(objectives.dropFirst()), bounds: limits,
            repeats: max(1, repeats))
        problems += Self.misfits(of: plan!)
    }

    private static func trainer(_ file: inout SettingsReader) -> TrainerPlan? {
        let base = file.baseFolder
        let trainer = file.nested("trainer") { trainer in
            TrainerPlan(
                plugin: trainer.string("plugin"),
                settings: trainer.value("settings") ?? .object([:]),
                silenceSeconds: trainer.double("silence_seconds", default: 600, in: 0.1...),
                graceSeconds: trainer.double("grace_seconds", default: 30, in: 0.1...), baseFolder: base,
                startFrom: trainer.has("start_from") ? trainer.string("start_from") : nil)
        }
        if trainer == nil { file.require("trainer", "a mapping with plugin and settings") }
        return trainer
    }

    private static func misfits(_ shrink: [String: Double], among names: [String]) -> [Problem] {
        return shrink.keys.filter { !names.contains($0) }.map { name in
            Problem(
                at: ["method", "shrink", name], found: name,
                expected: "a parameter of the space: \(names.joined(separator: ", "))",
                nearest: nearestName(to: name, among: names), isAboutKey: true)
        }
    }

    private static func resources(_ file: inout SettingsReader) -> Resources {
        file.nested("resources") { resources in
            let gpus = resources.int("gpus", default: 1, in: 1...)
            let perNode = resources.int("gpus_per_node", default: gpus, in: 1...)
            let isWhole = gpus % perNode == 0
            if !isWhole {
                resources.complain(
                    at: ["gpus_per_node"], found: "\(perNode)",
                    expected: "a divisor of gpus, which is \(gpus): a gang has as many on each of its nodes")
            }
            return Resources(
                gpus: gpus, gpusPerNode: isWhole ? perNode : gpus,
                parallel: resources.optionalInt("parallel", in: 1...),
                retries: resources.int("retries", default: 2, in: 0...), nodes: nodes(&resources),
                lostAfterSeconds: resources.double("lost_after", default: 600, in: 1.0...))
        } ?? Resources(gpus: 1, gpusPerNode: 1, parallel: nil, retries: 2)
    }

    private static func nodes(_ resources: inout SettingsReader) -> NodeChoice {
        let expected = "all, or a list of nodes as `coordinator nodes list` names them"
        switch resources.value("nodes") {
        case nil, .string("all"): return .all
        case .array(let items) where !items.isEmpty:
            let names = items.compactMap { if case .string(let name) = $0 { name } else { nil } }
            if names.count == items.count, names.allSatisfy(FolderName.isSafe) {
                return .named(Set(names).sorted().map(NodeID.init(rawValue:)))
            }
            resources.complain(at: ["nodes"], found: "a list with something else", expected: expected)
        case .array: resources.complain(at: ["nodes"], found: "an empty list", expected: expected)
        case .string(let word): resources.complain(at: ["nodes"], found: word, expected: expected)
        case let other?: resources.complain(at: ["nodes"], found: other.kind, expected: expected)
        }
        return .all
    }

    private static func budget(_ file: inout SettingsReader) -> Budget {
        file.nested("budget") { budget in
            Budget(
                trials: budget.optionalInt("trials", in: 1...),
                gpuHours: budget.has("gpu_hours") ? budget.double("gpu_hours", in: 0.0...) : nil,
                wallHours: budget.has("wall_hours") ? budget.double("wall_hours", in: 0.0...) : nil)
        } ?? Budget()
    }
}

extension SettingsReader {
    /// Which kind of thing a mapping describes; nil, and the rest of the mapping is not judged, where that
    /// is none of `names`.
    mutating func kind(_ key: String = "kind", among names: [String]) -> String? {
        let kind = choice(key, among: names)
        if value(key) == .string(kind) { return kind }
        ignoreRest()
        return nil
    }

    /// Complains of a mapping that is not there.
    mutating func require(_ name: String, _ expected: String) {
        if !has(name) { complain(at: [name], found: "nothing", expected: expected) }
    }
}
