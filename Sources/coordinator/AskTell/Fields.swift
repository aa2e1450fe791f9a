import FleetModel

/// The members of an object in a request, each of them known and there once.
struct Fields {
    private let members: [JSONValue.Member]

    init(_ members: [JSONValue.Member], in place: String, known: [String]) throws(Refusal) {
        for (index, member) in members.enumerated() {
            guard known.contains(member.name) else {
                let nearest = nearestName(to: member.name, among: known).map { " (did you mean \($0)?)" }
                throw .badRequest("unknown key \"\(member.name)\" in \(place)\(nearest ?? "")")
            }
            guard !members[..<index].contains(where: { $0.name == member.name }) else {
                throw .badRequest("\"\(member.name)\" stands twice in \(place)")
            }
        }
        self.members = members
    }

    subscript(name: String) -> JSONValue? { members.first { $0.name == name }?.value }

    /// A whole number that is there.
    func whole(_ name: String, from least: Int = .min) throws(Refusal) -> Int {
        let expected = least == .min ? "a whole number" : "a whole number of at least \(least)"
        guard let value = self[name] else { throw .badRequest("\(name) is missing, expected \(expected)") }
        guard let whole = value.whole, whole >= least else {
            throw .badRequest("\(name) is \(value.shown), expected \(expected)")
        }
        return whole
    }

    /// A command without argument has 1 in its place.
    func one(_ name: String) throws(Refusal) {
        guard self[name]?.whole == 1 else {
            throw .badRequest("\(name) is \(self[name]?.shown ?? "missing"), expected 1")
        }
    }

    func object(_ name: String, known: [String]) throws(Refusal) -> Fields {
        guard case .object(let inside)? = self[name] else {
            throw .badRequest("\(name) is \(self[name]?.shown ?? "missing"), expected an object with params")
        }
        return try Fields(inside, in: name, known: known)
    }

    /// `params`: scalars by name.
    func params() throws(Refusal) -> Assignment {
        guard case .object(let inside)? = self["params"] else {
            throw .badRequest("params is \(self["params"]?.shown ?? "missing"), expected an object")
        }
        var params: Assignment = [:]
        for member in inside {
            guard let value = ParameterValue(member.value) else {
                throw .badValue(
                    "\(member.name) is \(member.value.kind), expected a number, a string or a truth value")
            }
            guard params.updateValue(value, forKey: member.name) == nil else {
                throw .badRequest("\"\(member.name)\" stands twice in params")
            }
        }
        return params
    }

    /// `steps`: pairs of step and value, rising.
    func steps() throws(Refusal) -> [Request.Step] {
        guard let value = self["steps"] else { return [] }
        guard case .array(let items) = value else {
            throw .badRequest("steps is \(value.shown), expected a list of [step, value]")
        }
        var steps: [Request.Step] = []
        for (index, item) in items.enumerated() {
            guard case .array(let pair) = item, pair.count == 2, let step = pair[0].whole, step >= 1 else {
                throw .badRequest("steps[\(index)]: expected [step, value], the step at least 1")
            }
            guard step > steps.last?.step ?? 0 else {
                throw .badState("steps[\(index)]: step \(step) after step \(steps.last?.step ?? 0)")
            }
            let value = try Double?(result: pair[1], "steps[\(index)]")
            steps.append(Request.Step(step: step, value: value))
        }
        return steps
    }
}

extension ParameterValue {
    /// nil for what is no scalar.
    init?(_ value: JSONValue) {
        switch value {
        case .int(let int): self = .int(int)
        case .double(let double): self = .float(double)
        case .string(let string): self = .string(string)
        case .bool(let bool): self = .bool(bool)
        case .null, .array, .object: return nil
        }
    }
}
