import FleetModel
import Search
import StudyCore
import TrainerKit

/// `objective`, one or a list, `limits` and `repeats`.
extension PlanDraft {
    /// The first one decides where one must.
    static func objectives(_ file: inout SettingsReader) -> [Objective] {
        guard case .array(let items)? = file.value("objective") else {
            let one = file.nested("objective") { objective(&$0) }
            if one == nil { file.require("objective", "a mapping with metric and direction") }
            return [one ?? Objective(metric: "", direction: .minimize)]
        }
        var objectives: [Objective] = []
        for (index, item) in items.enumerated() {
            guard case .object = item else {
                file.complain(
                    at: ["objective", "\(index)"], found: item.kind,
                    expected: "a mapping with metric and direction")
                continue
            }
            var reader = SettingsReader(item, baseFolder: file.baseFolder)
            let next = objective(&reader)
            file.take(reader.finish().map { $0.below(["objective", "\(index)"]) })
            if objectives.contains(where: { $0.metric == next.metric }) {
                file.complain(
                    at: ["objective", "\(index)"], found: "\(next.metric) a second time",
                    expected: "each metric once")
            }
            objectives.append(next)
        }
        if items.isEmpty {
            file.complain(at: ["objective"], found: "an empty list", expected: "at least one objective")
        }
        return objectives.isEmpty ? [Objective(metric: "", direction: .minimize)] : objectives
    }

    private static func objective(_ objective: inout SettingsReader) -> Objective {
        let names = Direction.allCases.map(\.rawValue)
        return Objective(
            metric: objective.string("metric"),
            direction: Direction(
                rawValue: objective.choice("direction", among: names, default: "minimize"))!)
    }

    /// `limits: ["inference_ms <= 20"]`.
    static func limits(_ file: inout SettingsReader) -> [Bound] {
        file.strings("limits", default: []).enumerated().compactMap { index, text in
            let words = text.split(separator: " ").map(String.init)
            if words.count == 3, let side = Bound.Side(rawValue: words[1]), let limit = Double(words[2]),
                limit.isFinite
            {
                return Bound(words[0], side, limit)
            }
            file.complain(
                at: ["limits", "\(index)"], found: "\"\(text)\"",
                expected: "a metric, <= or >=, and a number, as inference_ms <= 20")
            return nil
        }
    }

    /// What does not go together, however right each part is by itself.
    static func misfits(of plan: Plan) -> [Problem] {
        var problems: [Problem] = []
        func refuse(_ path: [String], _ found: String, _ expected: String) {
            problems.append(Problem(at: path, found: found, expected: expected))
        }
        if !plan.further.isEmpty {
            switch plan.method {
            case .search, .sweep: break
            default: refuse(["objective"], "several objectives", "one, or method: { kind: search }")
            }
            if case .search = plan.method, !plan.sampler.supportsSeveralObjectives {
                refuse(
                    ["sampler", "kind"], "a sampler of one objective",
                    "one that can do several: tpe, nsga2, gp, random, sobol, grid or auto")
            }
        }
        switch plan.method {
        case .population(let population):
            if plan.pruner != .off {
                refuse(["pruner"], "a pruner", "none: a population replaces its worst members by itself")
            }
            if plan.repeats > 1 {
                refuse(["repeats"], "\(plan.repeats)", "1: run the whole study again with another seed")
            }
            if let limit = plan.budget.trials, limit < plan.method.mostTrials {
                refuse(
                    ["budget", "trials"], "\(limit)",
                    "at least \(plan.method.mostTrials): each of \(population.population) members has "
                        + "\(population.generations) pieces, and each piece is a trial")
            }
        case .growth where plan.pruner != .off:
            refuse(["pruner"], "a pruner", "none: a larger model that is worth its cost may start slower")
        case .stages(let stages) where stages.pilot != nil && plan.pruner.pauses:
            refuse(["pruner", "kind"], "asha-promotion, and steps: auto", "asha, or a number of steps")
        default: break
        }
        return problems
    }
}
