import FleetModel
import Search
import TrainerKit

/// The space and its constraints, as a study file writes them.
extension PlanDraft {
    /// What stands under one name of the space.
    private enum Entry {
        case searched(Parameter)
        case derived(Derived)
    }

    /// nil where something is wrong with it; every parameter with a problem adds one to `file`.
    static func space(_ file: inout SettingsReader, _ places: YAMLDocument) -> Space? {
        let constraints = constraints(&file)
        guard case .object(let members)? = file.value("space"), !members.isEmpty else {
            file.complain(
                at: ["space"], found: file.value("space")?.kind ?? "nothing",
                expected: "a mapping of parameters")
            return nil
        }
        let names = members.keys.sorted { places.isBefore(["space", $0], ["space", $1]) }
        let entries = file.nested("space") { space in
            names.compactMap { entry($0, among: names, &space) }
        }
        guard let entries, entries.count == names.count else { return nil }
        var (parameters, derived) = ([Parameter](), [Derived]())
        for entry in entries {
            switch entry {
            case .searched(let parameter): parameters.append(parameter)
            case .derived(let rule): derived.append(rule)
            }
        }
        let space = checked(at: ["space"], &file) { () throws(Problem) in
            try Space(parameters, derived: derived)
        }
        guard let space, let constraints else { return nil }
        return constrained(space, by: constraints, &file)
    }

    /// What `body` answers; what it throws becomes a problem of the file.
    private static func checked<Value>(
        at path: [String], _ file: inout SettingsReader, _ body: () throws(Problem) -> Value
    ) -> Value? {
        do throws(Problem) {
            return try body()
        } catch {
            file.complain(
                at: path + error.path, found: error.found, expected: error.expected, nearest: error.nearest)
            return nil
        }
    }

    private static func constrained(
        _ space: Space, by constraints: [Constraint], _ file: inout SettingsReader
    ) -> Space? {
        let whole = checked(at: [], &file) { () throws(Problem) in
            try Space(space.parameters, derived: space.derived, constraints: constraints)
        }
        if let problem = whole?.emptiness {
            let path = (problem.path.first == "constraints" ? [] : ["space"]) + problem.path
            file.complain(at: path, found: problem.found, expected: problem.expected)
        }
        return whole
    }

    /// nil where one is wrong.
    private static func constraints(_ file: inout SettingsReader) -> [Constraint]? {
        let texts = file.strings("constraints", default: [])
        let constraints = texts.enumerated().compactMap { index, text in
            checked(at: ["constraints", "\(index)"], &file) { () throws(Problem) in try Constraint(text) }
        }
        return constraints.count == texts.count ? constraints : nil
    }

    private static func entry(
        _ name: String, among names: [String], _ space: inout SettingsReader
    ) -> Entry? {
        switch space.value(name) {
        case .object?: return space.nested(name) { mapping(name, &$0) } ?? nil
        case .array?: return list(name, &space).map { .searched($0) }
        case .string(let text)?: return scalar(name, text, among: names, &space)
        case let json?:
            if let value = value(json) { return .derived(Derived(name, fixed: value)) }
            space.complain(at: [name], found: json.kind, expected: "a mapping with type, or a fixed value")
        case nil:
            space.complain(at: [name], found: "nothing", expected: "a mapping with type, or a fixed value")
        }
        return nil
    }

    /// A list of values in short: `[1e-4, 2e-4]`.
    private static func list(_ name: String, _ space: inout SettingsReader) -> Parameter? {
        guard let choices = values(space.value(name)), !choices.isEmpty else {
            space.complain(
                at: [name], found: "an empty list, or one of something else",
                expected: "a list of numbers, texts or truth values")
            return nil
        }
        return Parameter(name, .categorical(choices: choices))
    }

    /// A text is an expression over the others: `lr / 10`. A single word that is none of their names is a
    /// fixed text, unless it may be a misspelt name.
    private static func scalar(
        _ name: String, _ text: String, among names: [String], _ space: inout SettingsReader
    ) -> Entry? {
        let fixed = "a fixed text as { type: fixed, value: … }"
        do throws(Problem) {
            let rule = try Derived(name, text)
            guard let word = rule.value.names.first, word == rule.value.description, !names.contains(word)
            else { return .derived(rule) }
            guard let nearest = nearestName(to: word, among: names.filter { $0 != name }) else {
                return .derived(Derived(name, fixed: .string(word)))
            }
            space.complain(
                at: [name], found: "\"\(text)\"", expected: "the name of a parameter, or \(fixed)",
                nearest: nearest)
        } catch {
            space.complain(
                at: [name], found: error.found, expected: "\(error.expected), or \(fixed)",
                nearest: error.nearest)
        }
        return nil
    }

    /// A parameter in full: `{ type: float, low: 0, high: 1 }`.
    private static func mapping(_ name: String, _ fields: inout SettingsReader) -> Entry? {
        switch fields.kind("type", among: ["float", "int", "categorical", "fixed", "derived"]) {
        case nil: return nil
        case "fixed":
            guard let value = fields.value("value").flatMap(value) else {
                fields.complain(
                    at: ["value"], found: fields.value("value")?.kind ?? "nothing",
                    expected: "a number, a text or a truth value")
                return nil
            }
            return .derived(Derived(name, fixed: value))
        case "derived":
            let text = fields.string("value")
            guard !text.isEmpty else { return nil }
            return checked(at: ["value"], &fields) { () throws(Problem) in .derived(try Derived(name, text)) }
        case let kind?: return parameter(name, kind, &fields).map { .searched($0) }
        }
    }

    private static func parameter(
        _ name: String, _ kind: String, _ fields: inout SettingsReader
    ) -> Parameter? {
        let when = conditions(&fields)
        switch kind {
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
        let values = items.compactMap(value)
        return values.count == items.count ? values : nil
    }

    static func value(_ json: JSON) -> ParameterValue? {
        switch json {
        case .bool(let bool): .bool(bool)
        case .int(let int): .int(int)
        case .double(let double): .float(double)
        case .string(let string): .string(string)
        case .null, .array, .object: nil
        }
    }
}
