public import FleetModel

/// A condition on which combinations of values may be tried: `layers * width <= 4096`. It may mention
/// derived parameters. Where one that it mentions is not active it does not apply; where it cannot be
/// computed, as after a division by zero, it does not hold.
public struct Constraint: Hashable, Sendable {
    public let expression: Expression

    /// - Throws: as `Expression`.
    public init(_ text: String) throws(Problem) {
        expression = try Expression(text)
    }
}

extension Constraint: Codable {
    public init(from decoder: any Decoder) throws {
        expression = try Expression(from: decoder)
    }

    public func encode(to encoder: any Encoder) throws {
        try expression.encode(to: encoder)
    }
}

/// A value that trainers are given beside the searched ones: fixed, or computed from them (`lr / 10`).
/// Where it uses a parameter that is not active it is absent too.
public struct Derived: Hashable, Codable, Sendable {
    public let name: String
    public let value: Expression

    /// - Throws: as `Expression`.
    public init(_ name: String, _ text: String) throws(Problem) {
        self.name = name
        value = try Expression(text)
    }

    /// - Parameter fixed: a finite number, a text or a truth value.
    public init(_ name: String, fixed: ParameterValue) {
        self.name = name
        value = Expression(fixed)
    }

    /// Whether it is the same in every assignment.
    public var isFixed: Bool { value.names.isEmpty }
}

extension Space {
    /// Whether some combinations may be forbidden.
    var hasRules: Bool { !constraints.isEmpty || derived.contains { !$0.isFixed } }

    /// Whether the constraints hold and the derived values can be computed. Only for assignments whose
    /// parameters are as the space wants them (`check` looks at everything).
    public func allows(_ assignment: Assignment) -> Bool {
        !hasRules || fault(underRules: assignment) == nil
    }

    /// `assignment` with fixed and derived values, as a trainer is given it. Those that it holds already
    /// are computed again.
    public func completed(_ assignment: Assignment) -> Assignment {
        guard !derived.isEmpty else { return assignment }
        var completed = assignment
        for rule in derived {
            completed[rule.name] = try? rule.value.value(in: completed)
        }
        return completed
    }

    /// `assignment` without fixed and derived values.
    public func searched(_ assignment: Assignment) -> Assignment {
        guard !derived.isEmpty else { return assignment }
        return assignment.filter { name, _ in !derived.contains { $0.name == name } }
    }

    /// Throws which constraint `assignment` breaks, or which derived value cannot be computed.
    func checkRules(_ assignment: Assignment) throws(Problem) {
        switch fault(underRules: assignment) {
        case nil: return
        case .incomputable(let rule, let problem):
            throw problem.below([rule.name])
        case .undecided(let constraint, let problem):
            throw Problem(
                at: [], found: problem.found,
                expected: "\(problem.expected), so that `\(constraint.expression)` can be decided")
        case .broken(let constraint, let completed):
            let values = constraint.expression.names.compactMap { name in
                completed[name].map { "\(name) = \($0.literal)" }
            }
            throw Problem(
                at: [],
                found: values.isEmpty ? "a constraint that never holds" : values.joined(separator: ", "),
                expected: "`\(constraint.expression)`")
        }
    }

    /// The formulas by which `assignment` is forbidden; empty where it is allowed.
    func broken(by assignment: Assignment) -> [Expression] {
        var broken: [Expression] = []
        visitFaults(of: assignment) { fault in
            broken.append(fault.expression)
            return true
        }
        return broken
    }

    private enum Fault {
        case incomputable(Derived, Problem)
        case undecided(Constraint, Problem)
        case broken(Constraint, Assignment)

        var expression: Expression {
            switch self {
            case .incomputable(let rule, _): rule.value
            case .undecided(let constraint, _), .broken(let constraint, _): constraint.expression
            }
        }
    }

    private func fault(underRules assignment: Assignment) -> Fault? {
        var first: Fault?
        visitFaults(of: assignment) { fault in
            first = fault
            return false
        }
        return first
    }

    /// Goes on as long as `body` says so.
    private func visitFaults(of assignment: Assignment, _ body: (Fault) -> Bool) {
        var completed = assignment
        for rule in derived {
            do throws(Problem) {
                completed[rule.name] = try rule.value.value(in: completed)
            } catch {
                completed[rule.name] = nil
                guard body(.incomputable(rule, error)) else { return }
            }
        }
        for constraint in constraints {
            do throws(Problem) {
                guard let value = try constraint.expression.value(in: completed), value != .bool(true) else {
                    continue
                }
                guard body(.broken(constraint, completed)) else { return }
            } catch {
                guard body(.undecided(constraint, error)) else { return }
            }
        }
    }
}

extension Space {
    /// The searched parameters that `expression` depends on, also by way of derived ones.
    func searchedNames(of expression: Expression) -> Set<String> {
        expression.names.reduce(into: []) { names, name in
            if let rule = derived.first(where: { $0.name == name }) {
                names.formUnion(searchedNames(of: rule.value))
            } else {
                names.insert(name)
            }
        }
    }

    /// What kind of value each name has that a trainer is given: the searched ones in their order, then the
    /// derived ones.
    public var kinds: [(name: String, kind: Domain.Kind)] {
        let known = (try? Self.known(parameters, derived)) ?? [:]
        return parameters.map { ($0.name, $0.domain.kind) }
            + derived.map { ($0.name, known[$0.name]?.kinds.domainKind ?? .categorical) }
    }
}

extension ValueKinds {
    fileprivate var domainKind: Domain.Kind {
        if self == .whole { return .int }
        return isSubset(of: .number) ? .float : .categorical
    }
}
