import FleetModel

/// The operators and functions of expressions, on numbers. Whole numbers stay whole where that is exact.
enum Arithmetic {
    static func value(
        _ infix: ExpressionTree.Infix, _ a: ParameterValue, _ b: ParameterValue
    ) -> ParameterValue {
        if case .int(let a) = a, case .int(let b) = b, let exact = exact(infix, a, b) { return .int(exact) }
        let (a, b) = (number(a), number(b))
        switch infix {
        case .plus: return .float(a + b)
        case .minus: return .float(a - b)
        case .times: return .float(a * b)
        case .over: return .float(a / b)
        case .modulo:
            let rest = a.truncatingRemainder(dividingBy: b)
            return .float(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest)
        case .power: return .float(pow(a, b))
        case .or, .and, .equal, .unequal, .less, .lessOrEqual, .greater, .greaterOrEqual:
            preconditionFailure("\(infix) makes no number")
        }
    }

    /// nil where the result is no whole number or none that fits.
    private static func exact(_ infix: ExpressionTree.Infix, _ a: Int, _ b: Int) -> Int? {
        let (result, overflow): (Int, Bool)
        switch infix {
        case .plus: (result, overflow) = a.addingReportingOverflow(b)
        case .minus: (result, overflow) = a.subtractingReportingOverflow(b)
        case .times: (result, overflow) = a.multipliedReportingOverflow(by: b)
        case .over:
            guard b != 0, a.remainderReportingOverflow(dividingBy: b).partialValue == 0 else { return nil }
            (result, overflow) = a.dividedReportingOverflow(by: b)
        case .modulo:
            guard b != 0 else { return nil }
            let rest = a.remainderReportingOverflow(dividingBy: b).partialValue
            return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest
        case .power: return power(a, b)
        default: return nil
        }
        return overflow ? nil : result
    }

    private static func power(_ base: Int, _ exponent: Int) -> Int? {
        if base == 1 || base == -1 { return exponent.isMultiple(of: 2) ? 1 : base }
        guard exponent >= 0 else { return nil }
        if base == 0 { return exponent == 0 ? 1 : 0 }
        var result = 1
        // From 2 on no more than 63 rounds can pass without an overflow.
        for _ in 0..<exponent {
            let (product, overflow) = result.multipliedReportingOverflow(by: base)
            if overflow { return nil }
            result = product
        }
        return result
    }

    static func compares(_ infix: ExpressionTree.Infix, _ a: ParameterValue, _ b: ParameterValue) -> Bool {
        switch infix {
        case .less: isLess(a, b)
        case .greater: isLess(b, a)
        case .lessOrEqual: !isLess(b, a)
        case .greaterOrEqual: !isLess(a, b)
        default: preconditionFailure("\(infix) compares no sizes")
        }
    }

    private static func isLess(_ a: ParameterValue, _ b: ParameterValue) -> Bool {
        if case .int(let a) = a, case .int(let b) = b { return a < b }
        return number(a) < number(b)
    }

    /// - Parameter arguments: numbers, at least one.
    static func value(
        _ function: ExpressionTree.Function, _ arguments: [ParameterValue]
    ) -> ParameterValue {
        let (first, x) = (arguments[0], number(arguments[0]))
        switch function {
        case .min: return arguments.dropFirst().reduce(first) { isLess($1, $0) ? $1 : $0 }
        case .max: return arguments.dropFirst().reduce(first) { isLess($0, $1) ? $1 : $0 }
        case .abs: return isLess(first, .int(0)) ? value(.minus, .int(0), first) : first
        case .sqrt: return .float(x.squareRoot())
        case .log: return .float(Search.log(x))
        case .log2: return .float(Search.log2(x))
        case .log10: return .float(Search.log10(x))
        case .exp: return .float(Search.exp(x))
        case .floor: return whole(first, .down)
        case .ceil: return whole(first, .up)
        case .round: return whole(first, .toNearestOrAwayFromZero)
        }
    }

    private static func whole(_ value: ParameterValue, _ rule: FloatingPointRoundingRule) -> ParameterValue {
        guard case .float(let number) = value else { return value }
        let rounded = number.rounded(rule)
        return Int(exactly: rounded).map { .int($0) } ?? .float(rounded)
    }

    private static func number(_ value: ParameterValue) -> Double {
        guard let number = value.number else { preconditionFailure("\(value) is no number") }
        return number
    }
}
