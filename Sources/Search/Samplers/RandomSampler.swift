public import FleetModel

/// Independent uniform draws along each parameter's scale (Bergstra and Bengio 2012).
public struct RandomSampler: Sampler {
    public init() {}

    public func propose(
        from history: History, using generator: inout SeededGenerator
    ) -> Proposal? {
        Proposal(history.space.draw(using: &generator), .random)
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
        value(at: generator.unit())
    }

    /// The value at a place from 0 to below 1: equal lengths of it hold values that are equally likely.
    func value(at place: Double) -> ParameterValue {
        if case .categorical(let choices) = self {
            return choices[min(Int(place * Double(choices.count)), choices.count - 1)]
        }
        guard let axis = Axis(self) else { preconditionFailure("a domain without choices has an axis") }
        return axis.value(at: axis.low + place * (axis.high - axis.low))
    }
}
