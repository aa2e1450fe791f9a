import FleetModel
import Search
import StudyCore
import TrainerKit

/// `method` of a study file.
extension PlanDraft {
    static func method(
        _ file: inout SettingsReader, in space: Space?, _ direction: Direction, _ places: YAMLDocument
    ) -> Method? {
        let method = file.nested("method") { method -> Method? in
            switch method.kind(among: Method.names) {
            case "search":
                .search(
                    SearchMethod(
                        trials: method.int("trials", in: 1...), steps: method.int("steps", in: 1...)))
            case "stages": .stages(stages(&method, trials: method.int("trials", in: 1...)))
            case "sweep": sweep(&method, in: space, direction).map { .sweep($0) }
            case "population": .population(population(&method))
            case "growth":
                growth(&method, in: space) { a, b in
                    places.isBefore(["method", "increments", a], ["method", "increments", b])
                }.map { .growth($0) }
            default: nil
            }
        }
        if method == nil { file.require("method", "a mapping with kind, trials and steps") }
        return method ?? nil
    }

    private static func stages(_ method: inout SettingsReader, trials: Int) -> StagesMethod {
        let pilot = pilot(&method)
        let rules = StagesMethod.ChoiceRule.allCases.map(\.rawValue)
        let stages = method.int("stages", in: 1...)
        return StagesMethod(
            stages: stages, trials: trials,
            steps: pilot?.most ?? method.int("steps", in: 1...), shrink: shrink(&method),
            score: score(&method).finished(after: stages), fidelity: fidelity(&method), pilot: pilot,
            confirm: method.int("confirm", default: 0, in: 0...),
            choose: .init(rawValue: method.choice("choose", among: rules, default: "smoothed"))!)
    }

    /// `steps: auto`, and within which bounds.
    private static func pilot(_ method: inout SettingsReader) -> Pilot? {
        guard method.value("steps") == .string("auto") else { return nil }
        let pilot = method.nested("pilot") { pilot in
            let fewest = pilot.int("min_steps", default: 50, in: 1...)
            return Pilot(
                trials: pilot.int("trials", default: 4, in: 3...), fewest: fewest,
                most: max(fewest, pilot.int("max_steps", default: max(2000, fewest), in: fewest...)))
        }
        return pilot ?? Pilot(fewest: 50, most: 2000)
    }

    static func saysScore(_ file: SettingsReader) -> Bool {
        var file = file
        guard case .object(let method)? = file.value("method") else { return false }
        return method["score"] != nil
    }

    /// A word, or a mapping with `kind` and its options.
    static func score(_ method: inout SettingsReader) -> Score {
        let names = ["last", "cooldown", "extrapolate"]
        if case .object? = method.value("score") {
            return method.nested("score") { score in
                switch score.choice("kind", among: names) {
                case "last": .last
                case "extrapolate":
                    .extrapolate(
                        stages: score.optionalInt("stages", in: 1...),
                        finish: score.double("finish", default: defaultCooldown, in: 0...1))
                default: .cooldown(share: score.double("share", default: defaultCooldown, in: 0.01...1))
                }
            } ?? .last
        }
        switch method.choice("score", among: names, default: "extrapolate") {
        case "last": return .last
        case "cooldown": return .cooldown(share: defaultCooldown)
        default: return .extrapolate(stages: nil, finish: defaultCooldown)
        }
    }

    /// An anneal of a fifth of all steps finds most of what a long one would (Hägele et al. 2024,
    /// arXiv 2405.18392).
    private static let defaultCooldown = 0.2

    private static func fidelity(_ method: inout SettingsReader) -> Fidelity {
        let parameter = method.string("batch_parameter", default: "batch_size")
        guard method.choice("compare_at", among: ["steps", "tokens"], default: "steps") == "tokens" else {
            return .steps
        }
        return .samples(parameter: parameter, reference: method.double("reference_batch", in: 1...))
    }

    /// `auto`, or a mapping of parameters to shares.
    private static func shrink(_ method: inout SettingsReader) -> Shrinking {
        switch method.value("shrink") {
        case nil, .string("auto"): return .automatic
        case .object(let members)?:
            let shares = method.nested("shrink") { shrink in
                members.keys.reduce(into: [String: Double]()) { shares, name in
                    shares[name] = shrink.double(name, in: 0.001...10)
                }
            }
            return .shares(shares ?? [:])
        case let other?:
            method.complain(
                at: ["shrink"], found: other.kind, expected: "auto, or a mapping of parameters to shares")
            return .automatic
        }
    }

    /// What trials are compared by must be among the parameters, and numeric.
    static func misfits(_ fidelity: Fidelity, in space: Space?, among names: [String]) -> [Problem] {
        guard case .samples(let parameter, _) = fidelity, let space else { return [] }
        let kind = space.kinds.first { $0.name == parameter }?.kind
        guard kind != .float, kind != .int else { return [] }
        return [
            Problem(
                at: ["method", "compare_at"], found: "tokens, and no numeric parameter \(parameter)",
                expected: "a batch size in the space (batch_parameter names it): "
                    + names.joined(separator: ", "),
                nearest: nearestName(to: parameter, among: names))
        ]
    }
}
