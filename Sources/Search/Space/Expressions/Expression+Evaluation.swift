public import FleetModel

extension Expression {
    /// What it amounts to for these values; nil where `assignment` lacks one that is mentioned, as it does
    /// for a parameter that is not active.
    ///
    /// - Throws: division by zero, a result that is not a finite number, a value of the wrong kind.
    public func value(in assignment: Assignment) throws(Problem) -> ParameterValue? {
        for name in names where assignment[name] == nil { return nil }
        return try tree.value(in: assignment)
    }
}

extension ExpressionTree {
    /// Every name that occurs must have a value.
    fileprivate func value(in assignment: Assignment) throws(Problem) -> ParameterValue {
        switch self {
        case .value(let value): return value
        case .name(let name):
            guard let value = assignment[name] else { preconditionFailure("\(name) has no value") }
            return value
        case .minus(let operand):
            let value = try operand.number(in: assignment)
            return try finite(Arithmetic.value(.minus, .int(0), value))
        case .not(let operand): return .bool(try !operand.truth(in: assignment))
        case .infix(let infix, let left, let right):
            return try value(infix, left, right, in: assignment)
        case .isOneOf(let left, let items):
            let wanted = try left.value(in: assignment)
            for item in items where try item.value(in: assignment) == wanted { return .bool(true) }
            return .bool(false)
        case .call(let function, let arguments):
            var values: [ParameterValue] = []
            for argument in arguments { values.append(try argument.number(in: assignment)) }
            return try finite(Arithmetic.value(function, values))
        }
    }

    private func value(
        _ infix: Infix, _ left: ExpressionTree, _ right: ExpressionTree, in assignment: Assignment
    ) throws(Problem) -> ParameterValue {
        switch infix {
        case .or:
            if try left.truth(in: assignment) { return .bool(true) }
            return .bool(try right.truth(in: assignment))
        case .and:
            guard try left.truth(in: assignment) else { return .bool(false) }
            return .bool(try right.truth(in: assignment))
        case .equal: return .bool(try left.value(in: assignment) == right.value(in: assignment))
        case .unequal: return .bool(try left.value(in: assignment) != right.value(in: assignment))
        case .less, .lessOrEqual, .greater, .greaterOrEqual:
            let (a, b) = (try left.number(in: assignment), try right.number(in: assignment))
            return .bool(Arithmetic.compares(infix, a, b))
        case .plus, .minus, .times, .over, .modulo, .power:
            let (a, b) = (try left.number(in: assignment), try right.number(in: assignment))
            if infix == .over || infix == .modulo, b.number == 0 {
                throw Problem(at: [], found: "division by zero in `\(self)`", expected: "another divisor")
            }
            return try finite(Arithmetic.value(infix, a, b))
        }
    }

    private func finite(_ value: ParameterValue) throws(Problem) -> ParameterValue {
        if case .float(let number) = value, !number.isFinite {
            throw Problem(at: [], found: "\(number) as `\(self)`", expected: "a finite number")
        }
        return value
    }

    private func number(in assignment: Assignment) throws(Problem) -> ParameterValue {
        let value = try value(in: assignment)
        guard value.number != nil else {
            throw Problem(at: [], found: "\(value.literal) as `\(self)`", expected: "a number")
        }
        return value
    }

    private func truth(in assignment: Assignment) throws(Problem) -> Bool {
        let value = try value(in: assignment)
        guard case .bool(let truth) = value else {
            throw Problem(at: [], found: "\(value.literal) as `\(self)`", expected: "true or false")
        }
        return truth
    }
}
