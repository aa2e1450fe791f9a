import FleetModel

/// What a space looks at before it exists.
extension Space {
    /// The derived parameters in an order in which each stands after those that it uses, otherwise as they
    /// were.
    static func checked(_ derived: [Derived], beside parameters: [Parameter]) throws(Problem) -> [Derived] {
        var names = Set(parameters.map(\.name))
        for rule in derived {
            guard !rule.name.isEmpty else {
                throw Problem(at: [], found: "a derived parameter without a name", expected: "a name")
            }
            guard names.insert(rule.name).inserted else {
                throw Problem(
                    at: [rule.name], found: "a second parameter of this name", expected: "each name once",
                    isAboutKey: true)
            }
        }
        for rule in derived {
            try below(rule.name) { () throws(Problem) in
                try rule.value.checkNames(among: names.subtracting([rule.name]))
            }
        }
        let ordered = try inOrder(derived)
        _ = try known(parameters, ordered)
        return ordered
    }

    private static func inOrder(_ derived: [Derived]) throws(Problem) -> [Derived] {
        var (ordered, rest) = ([Derived](), derived)
        while !rest.isEmpty {
            let waiting = Set(rest.map(\.name))
            guard let next = rest.firstIndex(where: { waiting.isDisjoint(with: $0.value.names) }) else {
                throw cycle(in: rest)
            }
            ordered.append(rest.remove(at: next))
        }
        return ordered
    }

    /// Each of `rest` uses another one of them.
    private static func cycle(in rest: [Derived]) -> Problem {
        var walked = [rest[0].name]
        while true {
            let rule = rest.first { $0.name == walked[walked.count - 1] }!
            let next = rule.value.names.first { name in rest.contains { $0.name == name } }!
            if let start = walked.firstIndex(of: next) {
                let circle = (walked[start...] + [next]).map { "`\($0)`" }.joined(separator: " uses ")
                return Problem(at: [next], found: circle, expected: "values that do not need themselves")
            }
            walked.append(next)
        }
    }

    /// What is known of every name; throws where a derived value could never be computed.
    static func known(
        _ parameters: [Parameter], _ derived: [Derived]
    ) throws(Problem) -> [String: Known] {
        var known = Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, Known($0.domain)) })
        for rule in derived {
            try below(rule.name) { () throws(Problem) in
                known[rule.name] = Known(try rule.value.kinds(known))
                guard case .float(let number)? = rule.isFixed ? try rule.value.value(in: [:]) : nil,
                    !number.isFinite
                else { return }
                throw Problem(at: [], found: "\(number)", expected: "a finite number")
            }
        }
        return known
    }

    static func check(
        _ constraints: [Constraint], _ parameters: [Parameter], _ derived: [Derived]
    ) throws(Problem) {
        guard !constraints.isEmpty else { return }
        let known = try known(parameters, derived)
        for (index, constraint) in constraints.enumerated() {
            do throws(Problem) {
                try constraint.expression.checkNames(among: known.keys)
                let kinds = try constraint.expression.kinds(known)
                guard kinds.contains(.truth) else {
                    throw Problem(
                        at: [], found: "`\(constraint.expression)`, which is \(kinds.words)",
                        expected: "a condition, like `\(constraint.expression) <= 1`")
                }
            } catch {
                throw error.below(["constraints", "\(index)"])
            }
        }
    }

    private static func below(_ name: String, _ body: () throws(Problem) -> Void) throws(Problem) {
        do { try body() } catch { throw error.below([name]) }
    }
}
