import FleetModel
import Search

/// Parameters that the client wants tried, some of them maybe left to the sampler.
struct EnqueuedPoint {
    private let given: Assignment
    /// Whether nothing is left to the sampler.
    let isWhole: Bool

    /// - Throws: where no point of the space has these values.
    init(_ params: Assignment, in space: Space) throws(Refusal) {
        do {
            // Any generator shows whether there are such points.
            var generator = SeededGenerator(seed: 0)
            let point = try space.fill(params, using: &generator)
            guard point != nil else { throw Refusal.badValue("no point of the space has these values") }
        } catch let refusal as Refusal {
            throw refusal
        } catch {
            throw .badValue("\(error)")
        }
        given = params
        isWhole = space.problem(with: params) == nil
    }

    /// A point of the space: what is given, then what `proposal` has where the two go together, then draws.
    func completed(
        with proposal: Assignment, in space: Space, using generator: inout SeededGenerator
    ) -> Assignment {
        let both = proposal.merging(given) { _, given in given }
        let active = Set(space.active(in: both).map(\.name))
        let parts = given.keys.allSatisfy(active.contains) ? [both.filter { active.contains($0.key) }] : []
        for part in parts + [given] {
            guard let point = try? space.fill(part, using: &generator) else { continue }
            return space.restoring(given, in: point)
        }
        preconditionFailure("a point was found when this was enqueued")
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
