import FleetModel
import Search

extension Loss {
    static func of(_ value: Double) -> Loss {
        guard let loss = Loss(value, .minimize) else { preconditionFailure("\(value) is no loss") }
        return loss
    }
}

extension SeededGenerator {
    mutating func int(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(next() % UInt64(range.count))
    }

    mutating func chance(_ share: Double) -> Bool { unit() < share }
}

extension Domain {
    /// Any valid domain: each kind and each scale turns up.
    static func anything(_ g: inout SeededGenerator) -> Domain {
        let low = (g.unit() - 0.5) * 20
        let whole = g.int(-50...50)
        switch g.int(0...6) {
        case 0: return .float(low: low, high: low + g.unit() * 5)
        case 1: return .float(low: 1e-6 * (1 + g.unit()), high: 1e-3 + g.unit(), scale: .log)
        case 2:
            let step = 0.01 + g.unit()
            return .float(low: low, high: low + step * Double(g.int(1...9)), scale: .step(step))
        case 3: return .int(low: whole, high: whole + g.int(0...400))
        case 4: return .int(low: g.int(1...9), high: g.int(9...900), scale: .log)
        case 5: return .int(low: whole, high: whole + g.int(8...90), scale: .step(Double(g.int(1...8))))
        default:
            let all: [ParameterValue] = [.string("adam"), .int(3), .float(2), .bool(true), .string("sgd")]
            return .categorical(choices: Array(all.prefix(g.int(1...5))))
        }
    }
}

extension Space {
    /// Up to seven parameters of any kind; some depend on earlier choices, also over two levels.
    static func anything(_ g: inout SeededGenerator) throws -> Space {
        var parameters: [Parameter] = []
        for index in 0..<g.int(1...7) {
            var when: [String: [ParameterValue]] = [:]
            for earlier in parameters where g.chance(0.3) {
                guard case .categorical(let choices) = earlier.domain else { continue }
                when[earlier.name] = choices.filter { _ in g.chance(0.6) } + choices.suffix(1)
            }
            parameters.append(Parameter("p\(index)", .anything(&g), when: when))
        }
        return try Space(parameters)
    }
}

extension Sampler {
    /// As a sampler answers that has not been asked before.
    func propose(
        in space: Space, history: [Observation], using generator: inout SeededGenerator
    ) -> Proposal? {
        var fresh = self
        return fresh.propose(from: History(space, trials: history), using: &generator)
    }
}

/// A history as a study makes it: proposals of `sampler`, with results of every kind.
func history(
    of count: Int, in space: Space, _ g: inout SeededGenerator,
    sampler: SamplerKind = .random(RandomSampler())
) -> [Observation] {
    var history: [Observation] = []
    while history.count < count {
        guard let proposal = sampler.propose(in: space, history: history, using: &g) else { break }
        let loss = Loss.of(Double(g.int(0...20)))
        let results: [Observation.Result] = [
            .running, .failed, .pruned(step: g.int(1...5), loss), .complete(loss), .complete(loss),
        ]
        history.append(Observation(proposal.assignment, results[g.int(0...4)]))
    }
    return history
}

extension Space {
    /// Any space, with derived values and one to three constraints over its parameters.
    static func ruled(_ g: inout SeededGenerator) throws -> Space {
        let plain = try Space.anything(&g)
        let numbers = plain.parameters.filter { $0.domain.kind != .categorical }.map(\.name)
        var (derived, constraints) = ([Derived("fixed", fixed: .int(3))], [Constraint]())
        for (index, name) in numbers.enumerated() where g.chance(0.4) {
            derived.append(try Derived("d\(index)", "\(name) * 2 + fixed"))
        }
        for _ in 0..<g.int(1...3) {
            let names = numbers + derived.map(\.name)
            let (a, b) = (names[g.int(0...names.count - 1)], names[g.int(0...names.count - 1)])
            let texts = [
                "\(a) <= \(b) + 10", "\(a) % 2 < 1.5", "\(a) > -5 or \(b) < 20", "not \(a) == \(b) + 0.125",
            ]
            constraints.append(try Constraint(texts[g.int(0...3)]))
        }
        return try Space(plain.parameters, derived: derived, constraints: constraints)
    }
}
