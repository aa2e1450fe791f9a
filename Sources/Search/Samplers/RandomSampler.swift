public import FleetModel

/// Independent uniform draws along each parameter's scale (Bergstra and Bengio 2012).
public struct RandomSampler: Sampler {
    public init() {}

    public func propose(
        in space: Space, history: [Observation], using generator: inout SeededGenerator
    ) -> Proposal? {
        Proposal(space.draw(using: &generator), .random)
    }
}

extension Space {
    func draw(using generator: inout SeededGenerator) -> Assignment {
        var assignment: Assignment = [:]
        for parameter in parameters where parameter.isActive(in: assignment) {
            assignment[parameter.name] = parameter.domain.draw(using: &generator)
        }
        return assignment
    }
}

extension Domain {
    func draw(using generator: inout SeededGenerator) -> ParameterValue {
        if case .categorical(let choices) = self { return choices[generator.index(below: choices.count)] }
        guard let axis = Axis(self) else { preconditionFailure("a domain without choices has an axis") }
        return axis.draw(using: &generator)
    }
}

extension SeededGenerator {
    /// Uniform in 0 ..< `count`, for counts far below 2^53.
    mutating func index(below count: Int) -> Int {
        min(Int(unit() * Double(count)), count - 1)
    }
}
