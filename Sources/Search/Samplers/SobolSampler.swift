public import FleetModel

/// Quasi-random points: Sobol's sequence under Owen's nested uniform scrambling (Owen 1995), which keeps its
/// even spread and makes each single point uniform. Better than random wherever few parameters matter, and
/// like random it learns nothing, so trials may run at any number at a time.
///
/// The n-th proposal of a study or stage depends on the space, the seed and n only: it is the n-th point of
/// the sequence that the constraints allow, so that what is allowed is covered as evenly as the whole would
/// be. Each parameter has a dimension of its own, also while it is inactive; those after the 64th are drawn
/// independently. Where `Space.drawLimit` points in a row are forbidden there is nothing left to try.
public struct SobolSampler: Sampler {
    /// Chooses the scrambling; constant over a study.
    public let seed: UInt64
    private var memo = Memo<Reached>()

    public init(seed: UInt64) {
        self.seed = seed
    }

    public mutating func propose(
        from history: History, using generator: inout SeededGenerator
    ) -> Proposal? {
        let (space, number) = (history.space, history.trials.count)
        let dimensions = space.parameters.count
        guard space.hasRules else {
            return Proposal(
                assignment(at: number, in: space), .sobol(point: number + 1, dimensions: dimensions))
        }
        var reached = Reached(number: -1, point: -1, space: space)
        if let before = memo.value, before.number <= number, before.space == space { reached = before }
        while reached.number < number {
            guard let next = allowed(after: reached.point, in: space) else { return nil }
            reached.point = next
            reached.number += 1
        }
        memo.value = reached
        return Proposal(
            assignment(at: reached.point, in: space),
            .sobol(point: reached.point + 1, dimensions: dimensions))
    }

    /// The `number`th allowed point (from 0) of a space is this `point` of the sequence.
    private struct Reached {
        var number: Int
        var point: Int
        let space: Space
    }

    private func allowed(after point: Int, in space: Space) -> Int? {
        (point + 1...point + Space.drawLimit).first { space.allows(assignment(at: $0, in: space)) }
    }

    private func assignment(at point: Int, in space: Space) -> Assignment {
        var assignment: Assignment = [:]
        for (dimension, parameter) in space.parameters.enumerated()
        where parameter.isActive(in: assignment) {
            let place = coordinate(of: point, dimension: dimension)
            assignment[parameter.name] = parameter.domain.value(at: place)
        }
        return assignment
    }

    /// Above 0 and below 1. Points are counted from 0.
    private func coordinate(of point: Int, dimension: Int) -> Double {
        var keys = SeededGenerator(seed: seed, stream: UInt64(dimension))
        let key = keys.next()
        guard dimension < SobolSequence.dimensions else {
            var free = SeededGenerator(seed: key, stream: UInt64(point))
            return free.unit()
        }
        let plain = SobolSequence.coordinate(of: UInt32(truncatingIfNeeded: point), dimension: dimension)
        // In the middle of the smallest interval: that far the digits are known.
        return (Double(scrambled(plain, key: key)) + 0.5) * 0x1p-32
    }

    /// Flips each binary digit or not, by a coin that belongs to the digits before it.
    private func scrambled(_ number: UInt32, key: UInt64) -> UInt32 {
        (0..<32).reduce(number) { result, depth in
            let before = UInt64(number) >> (32 - depth) | 1 << depth
            var coin = SeededGenerator(seed: key, stream: before)
            return result ^ UInt32(coin.next() >> 63) << (31 - depth)
        }
    }
}
