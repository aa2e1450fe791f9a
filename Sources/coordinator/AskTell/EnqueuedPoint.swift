import FleetModel
import Search

/// Parameters that the client wants tried, some of them maybe left to the sampler.
struct EnqueuedPoint {
    /// In the space as far as they go.
    let given: Assignment
    /// Parents of what is given that are not given themselves: the choices that leave it active.
    private let required: [String: [ParameterValue]]
    /// Whether nothing is left to the sampler.
    let isWhole: Bool

    init(_ params: Assignment, in space: Space) throws(Refusal) {
        given = try space.canonical(params)
        var required: [String: [ParameterValue]] = [:]
        // Children stand after their parents, so that what a child needs is known when its parents' turn comes.
        for parameter in space.parameters.reversed()
        where given[parameter.name] != nil || required[parameter.name] != nil {
            for (parent, listed) in parameter.when {
                if let value = given[parent] {
                    guard listed.contains(value) else {
                        throw .badValue("\(parameter.name) is not active where \(parent) is \(value)")
                    }
                    continue
                }
                let left = (required[parent] ?? listed).filter(listed.contains)
                guard !left.isEmpty else {
                    throw .badValue("no value of \(parent) leaves all that is given active")
                }
                required[parent] = left
            }
        }
        self.required = required
        isWhole = space.problem(with: given) == nil
    }

    /// A point of the space: what is given, then what `proposal` has, then draws.
    func completed(
        with proposal: Assignment, in space: Space, using generator: inout SeededGenerator
    ) -> Assignment {
        var point: Assignment = [:]
        for parameter in space.parameters where parameter.isActive(under: point) {
            if let value = given[parameter.name] {
                point[parameter.name] = value
            } else if let proposed = proposal[parameter.name],
                required[parameter.name]?.contains(proposed) ?? true
            {
                point[parameter.name] = proposed
            } else {
                let domain = required[parameter.name].map(Domain.categorical(choices:)) ?? parameter.domain
                point[parameter.name] = domain.drawn(using: &generator)
            }
        }
        return point
    }
}

/// First in, first out.
struct EnqueuedPoints {
    private var points: [EnqueuedPoint] = []
    private var next = 0

    var first: EnqueuedPoint? { next < points.count ? points[next] : nil }

    mutating func append(_ point: EnqueuedPoint) { points.append(point) }

    mutating func removeFirst() {
        next += 1
        guard next * 2 > points.count else { return }
        points.removeFirst(next)
        next = 0
    }
}

extension Parameter {
    fileprivate func isActive(under assignment: Assignment) -> Bool {
        when.allSatisfy { parent, listed in assignment[parent].map(listed.contains) ?? false }
    }
}

extension Domain {
    fileprivate func drawn(using generator: inout SeededGenerator) -> ParameterValue? {
        // A space of this domain alone, which was checked when it stood in its own.
        guard let space = try? Space([Parameter("value", self)]) else { return nil }
        return RandomSampler().propose(from: History(space), using: &generator)?.assignment["value"]
    }
}
