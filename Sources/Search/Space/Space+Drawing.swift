public import FleetModel

extension Space {
    /// So many assignments are drawn before a space counts as having none that its constraints allow.
    public static let drawLimit = 10_000

    /// A random assignment that the constraints allow: each parameter uniform along its scale, and what is
    /// forbidden drawn again as a whole, so that all that is allowed stays as likely as it was.
    ///
    /// nil where none of `drawLimit` draws was allowed. A space of which the constraints leave a share `p`
    /// misses with probability (1 − p)^10000: for one in a thousand, less than one in twenty thousand.
    public func draw(using generator: inout SeededGenerator) -> Assignment? {
        draw(keeping: [:], choosing: [:], using: &generator)
    }

    /// The given values, and the rest drawn as `draw` does. Where a given parameter is active under some
    /// choices of another only, which is not given, that one is drawn among these choices. Fixed and derived
    /// values may be given if they agree with what they are computed to be.
    ///
    /// - Returns: nil where no allowed assignment was found.
    /// - Throws: which given value is unknown, outside of its domain or cannot be active together with the
    ///   others, or which constraint the given values break whatever the others are.
    public func fill(
        _ partial: Assignment, using generator: inout SeededGenerator
    ) throws(Problem) -> Assignment? {
        let given = try normalisedValues(partial)
        try checkDerived(of: partial, given)
        let choices = try choices(under: given)
        try checkDecided(given)
        return draw(keeping: given, choosing: choices, using: &generator)
    }

    private func draw(
        keeping given: Assignment, choosing choices: [String: [ParameterValue]],
        using generator: inout SeededGenerator
    ) -> Assignment? {
        for _ in 0..<(hasRules ? Self.drawLimit : 1) {
            var assignment: Assignment = [:]
            for parameter in parameters where parameter.isActive(in: assignment) {
                let domain = choices[parameter.name].map { .categorical(choices: $0) } ?? parameter.domain
                assignment[parameter.name] = given[parameter.name] ?? domain.draw(using: &generator)
            }
            if allows(assignment) { return assignment }
        }
        return nil
    }

    /// The choices that are left to the parents of `given`, theirs included. Every given value is active
    /// under all of them.
    private func choices(under given: Assignment) throws(Problem) -> [String: [ParameterValue]] {
        var choices: [String: [ParameterValue]] = [:]
        for parameter in parameters.reversed()
        where given[parameter.name] != nil || choices[parameter.name] != nil {
            for (parent, listed) in parameter.when {
                guard case .categorical(let all) = domain(of: parent) else { continue }
                let left = (choices[parent] ?? all).filter(listed.contains)
                let value = given[parent]
                guard !left.isEmpty, value.map(left.contains) ?? true else {
                    throw Problem(
                        at: [parameter.name],
                        found: given[parameter.name].map(\.literal) ?? "a parameter that is needed",
                        expected: value.map { "nothing, as \(parent) is \($0.literal)" }
                            ?? "nothing, as no choice of \(parent) suits all that is given")
                }
                choices[parent] = left
            }
        }
        return choices
    }

    /// Throws the first constraint that the given values alone decide, and break.
    private func checkDecided(_ given: Assignment) throws(Problem) {
        guard hasRules else { return }
        try checkRules(given)
    }

    private func domain(of name: String) -> Domain? {
        parameters.first { $0.name == name }?.domain
    }

    /// What is wrong with a space that seems to be empty: the derived value that none of `drawLimit` draws gives,
    /// the constraint that none fulfils, or all of them together. nil where an allowed assignment was found.
    public var emptiness: Problem? {
        guard hasRules else { return nil }
        var generator = SeededGenerator(seed: 0)
        guard draw(using: &generator) == nil else { return nil }
        if let problem = neverDerived(&generator) { return problem }
        for (index, constraint) in constraints.enumerated() {
            let alone = Space(checked: parameters, derived: derived, constraints: [constraint])
            guard alone.draw(using: &generator) == nil else { continue }
            return Problem(
                at: ["constraints", "\(index)"], found: "`\(constraint.expression)`",
                expected:
                    "a constraint that some combination fulfils: none of \(Self.drawLimit) random ones does")
        }
        return Problem(
            at: ["constraints"], found: "constraints that exclude each other",
            expected: "some combination that fulfils all: none of \(Self.drawLimit) random ones does")
    }

    /// The first derived value that none of `drawLimit` draws gives, and why not.
    private func neverDerived(_ generator: inout SeededGenerator) -> Problem? {
        for index in derived.indices {
            let begun = Space(checked: parameters, derived: Array(derived[...index]), constraints: [])
            guard begun.draw(using: &generator) == nil else { continue }
            let free = Space(checked: parameters, derived: [], constraints: [])
            do throws(Problem) {
                try begun.check(free.draw(using: &generator) ?? [:])
            } catch {
                return Problem(
                    at: error.path, found: error.found,
                    expected:
                        "\(error.expected): none of \(Self.drawLimit) random combinations gives a value")
            }
        }
        return nil
    }
}
