public import FleetModel

/// Quasi-random points: Sobol's sequence under Owen's nested uniform scrambling (Owen 1995), which keeps its
/// even spread and makes each single point uniform. Better than random wherever few parameters matter, and
/// like random it learns nothing, so trials may run at any number at a time.
///
/// The n-th proposal of a study or stage depends on the seed and on n only. Each parameter has a dimension of
/// its own, also while it is inactive; those after the 64th are drawn independently.
public struct SobolSampler: Sampler {
    /// Chooses the scrambling; constant over a study.
    public let seed: UInt64

    public init(seed: UInt64) {
        self.seed = seed
    }

    public func propose(
        from history: History, using generator: inout SeededGenerator
    ) -> Proposal? {
        let (space, point) = (history.space, history.trials.count)
        var assignment: Assignment = [:]
        for (dimension, parameter) in space.parameters.enumerated()
        where parameter.isActive(in: assignment) {
            let place = coordinate(of: point, dimension: dimension)
            assignment[parameter.name] = parameter.domain.value(at: place)
        }
        return Proposal(
            assignment, .sobol(point: point + 1, dimensions: space.parameters.count))
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
