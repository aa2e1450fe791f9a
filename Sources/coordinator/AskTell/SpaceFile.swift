import FleetModel
import Search
import StudyCore

/// What an ask/tell study searches, as its space file says.
struct SpaceFile: Hashable {
    let space: Space
    /// At least one.
    let objectives: [Objective]
    /// Where the first rung is.
    let minStep: Int?
    /// Where a trial ends.
    let maxStep: Int?

    /// - Throws: a sentence with the place: `params[2].low: found …, expected …`.
    init(parsing text: String) throws(SpaceFileError) {
        let root: JSONValue
        do {
            root = try JSONReader.read(text)
        } catch {
            throw SpaceFileError("", "no JSON: \(Self.place(of: error.offset, in: text)): \(error.problem)")
        }
        try self.init(root)
    }

    init(_ root: JSONValue) throws(SpaceFileError) {
        let fields = try SpaceFields(root, at: "", keys: ["params", "objectives", "min_step", "max_step"])
        let items = try fields.list("params")
        guard !items.isEmpty else { throw fields.error("params", "an empty list", "at least one parameter") }
        var parameters: [Parameter] = []
        for (index, item) in items.enumerated() {
            parameters.append(try Self.parameter(item, at: "params[\(index)]"))
        }
        space = try Self.space(parameters)
        objectives = try Self.objectives(fields)
        minStep = try fields.optionalWhole("min_step", from: 1)
        maxStep = try fields.optionalWhole("max_step", from: 1)
        if let minStep, let maxStep, minStep > maxStep {
            throw fields.error("min_step", "\(minStep)", "at most max_step, which is \(maxStep)")
        }
    }

    private static func place(of offset: Int, in text: String) -> String {
        let before = text.utf8.prefix(offset)
        let line = before.count { $0 == UInt8(ascii: "\n") } + 1
        let column =
            before.count
            - (before.lastIndex(of: UInt8(ascii: "\n")).map {
                before.distance(from: before.startIndex, to: $0) + 1
            } ?? 0)
        return "line \(line), column \(column + 1)"
    }

    private static func space(_ parameters: [Parameter]) throws(SpaceFileError) -> Space {
        do {
            return try Space(parameters)
        } catch {
            // Its path begins with the parameter's name; of two with the same it is the second.
            let index = parameters.lastIndex { $0.name == error.path.first } ?? 0
            let place = error.path.dropFirst().reduce("params[\(index)]") { place, key in
                Int(key) == nil ? "\(place).\(key)" : "\(place)[\(key)]"
            }
            throw SpaceFileError(place, error.found, error.expected, nearest: error.nearest)
        }
    }

    private static func objectives(_ fields: SpaceFields) throws(SpaceFileError) -> [Objective] {
        guard fields["objectives"] != nil else { return [Objective(metric: "value", direction: .minimize)] }
        let items = try fields.list("objectives")
        guard !items.isEmpty else {
            throw fields.error("objectives", "an empty list", "at least one objective")
        }
        var objectives: [Objective] = []
        for (index, item) in items.enumerated() {
            let place = "objectives[\(index)]"
            let inside = try SpaceFields(item, at: place, keys: ["name", "direction"])
            let name = try inside.optionalString("name") ?? "objective \(index + 1)"
            guard !objectives.contains(where: { $0.metric == name }) else {
                throw inside.error("name", "\"\(name)\" again", "each name once")
            }
            let word = try inside.optionalString("direction") ?? Direction.minimize.rawValue
            guard let direction = Direction(rawValue: word) else {
                throw inside.error("direction", "\"\(word)\"", "\"minimize\" or \"maximize\"")
            }
            objectives.append(Objective(metric: name, direction: direction))
        }
        return objectives
    }
}

// MARK: parameters

extension SpaceFile {
    private static let keys = [
        "float": ["name", "type", "when", "low", "high", "log", "step"],
        "int": ["name", "type", "when", "low", "high", "log", "step"],
        "categorical": ["name", "type", "when", "choices"],
    ]

    private static func parameter(_ item: JSONValue, at place: String) throws(SpaceFileError) -> Parameter {
        let all = ["name", "type", "when", "low", "high", "log", "step", "choices"]
        let any = try SpaceFields(item, at: place, keys: all)
        let type = try any.string("type")
        guard let keys = keys[type] else {
            throw any.error("type", "\"\(type)\"", "\"float\", \"int\" or \"categorical\"")
        }
        let fields = try SpaceFields(item, at: place, keys: keys)
        let name = try fields.string("name")
        return Parameter(name, try domain(type, fields), when: try conditions(fields))
    }

    private static func domain(_ type: String, _ fields: SpaceFields) throws(SpaceFileError) -> Domain {
        switch type {
        case "float":
            return .float(
                low: try fields.number("low"), high: try fields.number("high"),
                scale: try scale(fields, step: try fields.optionalNumber("step")))
        case "int":
            return .int(
                low: try fields.whole("low"), high: try fields.whole("high"),
                scale: try scale(fields, step: try fields.optionalWhole("step", from: 1).map(Double.init)))
        default: return .categorical(choices: try fields.scalars("choices"))
        }
    }

    private static func scale(_ fields: SpaceFields, step: Double?) throws(SpaceFileError) -> Scale {
        let isLog = try fields.optionalBool("log") ?? false
        guard let step else { return isLog ? .log : .linear }
        guard !isLog else { throw fields.error("log", "log and step", "one of the two") }
        return .step(step)
    }

    private static func conditions(_ fields: SpaceFields) throws(SpaceFileError) -> [String: [ParameterValue]]
    {
        guard let value = fields["when"] else { return [:] }
        guard case .object(let members) = value else {
            throw fields.error("when", value.shown, "an object of parameters with lists of their values")
        }
        let inside = try SpaceFields(value, at: fields.path("when"), keys: members.map(\.name))
        var conditions: [String: [ParameterValue]] = [:]
        for member in members { conditions[member.name] = try inside.scalars(member.name) }
        return conditions
    }
}
