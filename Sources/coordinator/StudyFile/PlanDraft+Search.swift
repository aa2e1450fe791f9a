import FleetModel
import Search
import TrainerKit

/// The space, its sampler and its pruner, as a study file writes them.
extension PlanDraft {
    static func sampler(_ file: inout SettingsReader, seed: UInt64) -> SamplerKind {
        file.nested("sampler") { sampler -> SamplerKind in
            switch sampler.kind(among: SamplerKind.names) {
            case "random": .random(RandomSampler())
            case "grid": .grid(GridSampler(points: sampler.int("points", default: 5, in: 2...)))
            case "tpe": .tpe(TPESampler(startup: sampler.int("startup", default: 10, in: 1...)))
            case "sobol": .sobol(SobolSampler(seed: seed))
            default: .tpe(TPESampler())
            }
        } ?? .tpe(TPESampler())
    }

    static func pruner(_ file: inout SettingsReader, steps: Int, _ direction: Direction) -> PrunerKind {
        file.nested("pruner") { pruner in
            switch pruner.kind(among: PrunerKind.stopping) {
            case "median": return percentile(50, &pruner)
            case "percentile":
                let percentile = pruner.double("percentile", default: 25, in: 0...100)
                return Self.percentile(percentile, &pruner)
            case "threshold": return threshold(&pruner, direction)
            case "patience":
                return .patience(
                    PatiencePruner(
                        patience: pruner.int("patience", default: 3, in: 1...),
                        minDelta: pruner.double("min_delta", default: 0, in: 0.0...)))
            case "asha":
                let (minStep, factor) = halving(&pruner)
                return .asha(ASHAPruner(minStep: minStep, reductionFactor: factor, maxStep: steps))
            case "hyperband":
                let (minStep, factor) = halving(&pruner)
                return .hyperband(
                    HyperbandPruner(minStep: minStep, reductionFactor: factor, maxStep: steps))
            default: return .off
            }
        } ?? .off
    }

    private static func percentile(_ percentile: Double, _ pruner: inout SettingsReader) -> PrunerKind {
        .percentile(
            PercentilePruner(
                percentile: percentile, startup: pruner.int("startup", default: 5, in: 1...),
                warmupSteps: pruner.int("warmup", default: 0, in: 0...)))
    }

    private static func threshold(_ pruner: inout SettingsReader, _ direction: Direction) -> PrunerKind {
        let lower = pruner.value("lower") == nil ? nil : pruner.double("lower")
        let upper = pruner.value("upper") == nil ? nil : pruner.double("upper")
        let warmup = pruner.int("warmup", default: 0, in: 0...)
        guard lower != nil || upper != nil else {
            pruner.complain(at: [], found: "no bound", expected: "lower, upper or both")
            return .off
        }
        if let lower, let upper, lower > upper {
            pruner.complain(
                at: ["lower"], found: "\(lower)", expected: "at most upper, which is \(upper)")
            return .off
        }
        return .threshold(
            ThresholdPruner(lower: lower, upper: upper, direction: direction, warmupSteps: warmup))
    }

    private static func halving(_ pruner: inout SettingsReader) -> (minStep: Int, factor: Int) {
        (pruner.int("min_step", default: 1, in: 1...), pruner.int("reduction_factor", default: 3, in: 2...))
    }

    /// nil where something is wrong with it; every parameter with a problem adds one to `file`.
    static func space(_ file: inout SettingsReader, _ places: YAMLDocument) -> Space? {
        guard case .object(let members)? = file.value("space"), !members.isEmpty else {
            file.complain(
                at: ["space"], found: file.value("space")?.kind ?? "nothing",
                expected: "a mapping of parameters")
            return nil
        }
        let names = members.keys.sorted { places.isBefore(["space", $0], ["space", $1]) }
        var parameters: [Parameter] = []
        _ = file.nested("space") { space in
            for name in names {
                let parameter = space.nested(name) { Self.parameter(name, &$0) }
                guard let parameter = parameter ?? nil else {
                    if members[name] == .null { space.require(name, "a mapping with type") }
                    continue
                }
                parameters.append(parameter)
            }
        }
        guard parameters.count == names.count else { return nil }
        do {
            return try Space(parameters)
        } catch {
            file.complain(
                at: ["space"] + error.path, found: error.found, expected: error.expected,
                nearest: error.nearest)
            return nil
        }
    }

    private static func parameter(_ name: String, _ fields: inout SettingsReader) -> Parameter? {
        let when = conditions(&fields)
        switch fields.kind("type", among: ["float", "int", "categorical"]) {
        case "float":
            let (low, high) = (fields.double("low"), fields.double("high"))
            let step = fields.has("step") ? fields.double("step") : nil
            let scale = scale(step, &fields)
            return Parameter(name, .float(low: low, high: high, scale: scale), when: when)
        case "int":
            let (low, high) = (fields.int("low"), fields.int("high"))
            let step = fields.optionalInt("step").map(Double.init)
            let scale = scale(step, &fields)
            return Parameter(name, .int(low: low, high: high, scale: scale), when: when)
        case nil: return nil
        default:
            guard let choices = values(fields.value("choices")), !choices.isEmpty else {
                fields.complain(
                    at: ["choices"], found: fields.value("choices")?.kind ?? "nothing",
                    expected: "a list of words, numbers or truth values")
                return nil
            }
            return Parameter(name, .categorical(choices: choices), when: when)
        }
    }

    private static func scale(_ step: Double?, _ fields: inout SettingsReader) -> Scale {
        let isLog = fields.bool("log", default: false)
        if let step {
            if isLog { fields.complain(at: ["log"], found: "log and step", expected: "one of the two") }
            return .step(step)
        }
        return isLog ? .log : .linear
    }

    private static func conditions(_ fields: inout SettingsReader) -> [String: [ParameterValue]] {
        guard let json = fields.value("when") else { return [:] }
        guard case .object(let members) = json else {
            fields.complain(
                at: ["when"], found: json.kind, expected: "a mapping of parameters to lists of values")
            return [:]
        }
        var conditions: [String: [ParameterValue]] = [:]
        for (parent, listed) in members.sorted(by: { $0.key < $1.key }) {
            if let listed = values(listed) {
                conditions[parent] = listed
            } else {
                fields.complain(at: ["when", parent], found: listed.kind, expected: "a list of values")
            }
        }
        return conditions
    }

    private static func values(_ json: JSON?) -> [ParameterValue]? {
        guard case .array(let items)? = json else { return nil }
        let values = items.compactMap { item -> ParameterValue? in
            switch item {
            case .bool(let bool): .bool(bool)
            case .int(let int): .int(int)
            case .double(let double): .float(double)
            case .string(let string): .string(string)
            case .null, .array, .object: nil
            }
        }
        return values.count == items.count ? values : nil
    }
}
