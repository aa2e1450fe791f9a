import FleetModel

extension Parameter {
    /// Throws what is wrong with this parameter, given the domains of those before it, and what is not
    /// searched.
    func check(after earlier: [String: Domain], beside derived: [Derived]) throws(Problem) {
        guard !name.isEmpty else {
            throw Problem(at: [], found: "a parameter without a name", expected: "a name")
        }
        guard earlier[name] == nil else {
            throw Problem(
                at: [name], found: "a second parameter of this name", expected: "each name once",
                isAboutKey: true)
        }
        try inside(name) { () throws(Problem) in try domain.check() }
        for (parent, listed) in when.sorted(by: { $0.key < $1.key }) {
            try inside(name, "when") { () throws(Problem) in
                if derived.contains(where: { $0.name == parent }) {
                    throw Problem(
                        at: [parent], found: "a condition on `\(parent)`, which is not searched",
                        expected: "a condition on a categorical parameter (one choice is enough)",
                        isAboutKey: true)
                }
                try checkCondition(on: parent, listed, earlier)
            }
        }
    }

    private func checkCondition(
        on parent: String, _ listed: [ParameterValue], _ earlier: [String: Domain]
    ) throws(Problem) {
        guard let domain = earlier[parent] else {
            throw Problem(
                at: [parent], found: "`\(parent)`", expected: "a parameter that stands before this one",
                nearest: nearestName(to: parent, among: earlier.keys.sorted()), isAboutKey: true)
        }
        guard case .categorical = domain else {
            throw Problem(
                at: [parent], found: "a condition on \(domain)", expected: "a condition on a categorical one",
                isAboutKey: true)
        }
        guard !listed.isEmpty else {
            throw Problem(at: [parent], found: "an empty list", expected: "at least one of its choices")
        }
        if let stranger = listed.first(where: { !domain.contains($0) }) {
            throw Problem(at: [parent], found: "\(stranger)", expected: "\(domain)")
        }
    }
}

/// Runs `body`; a problem from inside is reported as seen from outside.
private func inside(_ path: String..., body: () throws(Problem) -> Void) throws(Problem) {
    do { try body() } catch { throw error.below(path) }
}

/// Whole numbers up to this size are exact as `Double`: 2^53.
private let largestExact = 9_007_199_254_740_992

extension Domain {
    func check() throws(Problem) {
        switch self {
        case .float(let low, let high, let scale):
            guard low.isFinite else {
                throw Problem(at: ["low"], found: "\(low)", expected: "a finite number")
            }
            guard high.isFinite, (high - low).isFinite else {
                throw Problem(at: ["high"], found: "\(high)", expected: "a finite number")
            }
            try checkRange(low, high, scale)
        case .int(let low, let high, let scale):
            for (key, bound) in [("low", low), ("high", high)] where abs(clamping: bound) > largestExact {
                throw Problem(at: [key], found: "\(bound)", expected: "at most 2^53 away from 0")
            }
            if case .step(let step) = scale, step != step.rounded() {
                throw Problem(at: ["step"], found: "\(step)", expected: "a whole number")
            }
            try checkRange(Double(low), Double(high), scale)
        case .categorical(let choices): try checkChoices(choices)
        }
    }

    private func checkRange(_ low: Double, _ high: Double, _ scale: Scale) throws(Problem) {
        guard low <= high else {
            throw Problem(at: ["low"], found: short(low), expected: "at most high, which is \(short(high))")
        }
        switch scale {
        case .linear: break
        case .log:
            guard low > 0 else {
                throw Problem(
                    at: ["low"], found: short(low), expected: "a number above 0, because log is set")
            }
        case .step(let step):
            let span = high - low
            guard step > 0, step.isFinite, step <= span * (1 + 1e-9) || span == 0,
                span / step <= Double(largestExact)
            else {
                throw Problem(
                    at: ["step"], found: short(step),
                    expected: "a number above 0 and at most high - low, which is \(short(span))")
            }
        }
    }

    private func checkChoices(_ choices: [ParameterValue]) throws(Problem) {
        guard !choices.isEmpty else {
            throw Problem(at: ["choices"], found: "an empty list", expected: "at least one choice")
        }
        for (index, choice) in choices.enumerated() {
            if case .float(let number) = choice, !number.isFinite {
                throw Problem(at: ["choices", "\(index)"], found: "\(number)", expected: "a finite number")
            }
            if choices[..<index].contains(choice) {
                throw Problem(
                    at: ["choices", "\(index)"], found: "\(choice) again", expected: "each choice once")
            }
        }
    }
}

private func abs(clamping value: Int) -> Int {
    value == .min ? .max : Swift.abs(value)
}
