public import FleetModel

/// Independent uniform draws along each parameter's scale (Bergstra and Bengio 2012), again and again until
/// one is allowed by the constraints; `Space.draw` says when it gives up.
public struct RandomSampler: Sampler {
    public init() {}

    public func propose(
        from history: History, using generator: inout SeededGenerator
    ) -> Proposal? {
        Proposal(history.space.draw(using: &generator), .random)
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
