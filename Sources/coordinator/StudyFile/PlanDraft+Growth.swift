import FleetModel
import Search
import StudyCore
import TrainerKit

/// `method: { kind: population }` and `method: { kind: growth }`.
extension PlanDraft {
    static func population(_ method: inout SettingsReader) -> PopulationMethod {
        let members = method.int("population", in: 2...)
        let steps = method.int("steps", in: 1...)
        let share = method.double("share", default: 0.25, in: 0.01...0.5)
        let exploring = method.nested("explore") { explore in
            (
                factor: explore.double("factor", default: 1.2, in: 1.001...100),
                resample: explore.double("resample", default: 0.25, in: 0...1)
            )
        }
        return PopulationMethod(
            population: max(2, members), generations: generations(&method, of: max(1, steps)),
            steps: max(1, steps), share: min(max(share, 0.01), 0.5),
            isSynchronous: method.bool("synchronous", default: false),
            exploring: exploring.map { Exploring(factor: max(1.001, $0.factor), resample: $0.resample) }
                ?? Exploring(),
            score: score(&method))
    }

    /// `generations`, or how many steps each member trains in all.
    private static func generations(_ method: inout SettingsReader, of steps: Int) -> Int {
        guard method.has("total_steps"), !method.has("generations") else {
            return max(1, method.int("generations", in: 1...))
        }
        let total = method.int("total_steps", in: 1...)
        if total % steps != 0 {
            method.complain(
                at: ["total_steps"], found: "\(total)",
                expected: "a multiple of steps, which is \(steps): every piece has as many")
        }
        return max(1, total / steps)
    }

    /// What each word of `efficiency` is as a metric.
    static let efficiencies = [
        "params": "parameters", "memory": "peak_memory_mib", "step_time": "step_ms",
    ]

    static func growth(
        _ method: inout SettingsReader, in space: Space?, ordered isBefore: (String, String) -> Bool
    ) -> GrowthMethod? {
        let names = space?.parameters.map(\.name) ?? []
        let baseline = baseline(&method, in: space)
        let increments = increments(&method, among: names, of: baseline, ordered: isBefore)
        let words = ["params", "memory", "step_time"]
        let efficiency = method.choice("efficiency", among: words, default: "params")
        let steps = method.int("steps", in: 1...)
        let raise = method.nested("raise_steps") { raise in
            GrowthMethod.Raise(
                factor: raise.double("factor", default: 2, in: 1.01...100), most: raise.int("most", in: 1...))
        }
        if let raise, raise.most < steps {
            method.complain(
                at: ["raise_steps", "most"], found: "\(raise.most)",
                expected: "at least steps, which is \(steps)")
        }
        let (depth, growthSteps) = (
            method.int("depth", default: 1, in: 1...100), method.int("growth_steps", in: 1...)
        )
        let confidence = method.double("confidence", default: 1, in: 0...10)
        guard let baseline, let increments else { return nil }
        return GrowthMethod(
            baseline: baseline, increments: increments, depth: max(1, depth),
            cost: efficiencies[efficiency] ?? "parameters", growthSteps: max(1, growthSteps), steps: steps,
            raise: raise, confidence: confidence)
    }

    private static func baseline(_ method: inout SettingsReader, in space: Space?) -> Assignment? {
        guard let json = method.value("baseline"), let baseline = assignment(json) else {
            method.complain(
                at: ["baseline"], found: method.has("baseline") ? "something else" : "nothing",
                expected: "a mapping of every parameter of the space to a value")
            return nil
        }
        guard let problem = space?.problem(with: baseline) else { return baseline }
        method.complain(at: ["baseline"], found: Text.assignment(baseline), expected: problem)
        return nil
    }

    private static func increments(
        _ method: inout SettingsReader, among names: [String], of baseline: Assignment?,
        ordered isBefore: (String, String) -> Bool
    ) -> [GrowthMethod.Increment]? {
        guard case .object(let members)? = method.value("increments"), !members.isEmpty else {
            method.complain(
                at: ["increments"], found: method.has("increments") ? "something else" : "nothing",
                expected: "a mapping of parameters to what each grows by, as { layers: 1, width: 32 }")
            return nil
        }
        var increments: [GrowthMethod.Increment] = []
        for name in members.keys.sorted(by: isBefore) {
            guard names.contains(name) || names.isEmpty else {
                method.complain(
                    at: ["increments", name], found: name,
                    expected: "a parameter of the space: \(names.joined(separator: ", "))",
                    nearest: nearestName(to: name, among: names))
                continue
            }
            guard let amount = members[name]?.number, amount > 0 else {
                method.complain(
                    at: ["increments", name], found: members[name]?.kind ?? "nothing",
                    expected: "a number above 0")
                continue
            }
            increments.append(.init(name, by: amount))
        }
        return increments
    }
}

extension JSON {
    fileprivate var number: Double? {
        switch self {
        case .int(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }
}
