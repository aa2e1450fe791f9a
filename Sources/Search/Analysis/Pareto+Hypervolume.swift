public import FleetModel

extension Pareto {
    /// The volume of what `points` dominate below `reference`, a point that is worse than any that counts:
    /// points that are not better than it in every objective add nothing (Zitzler and Thiele 1998). Exact,
    /// by the exclusive volumes of the points in turn (While, Bradstreet and Barone 2012, "A fast way of
    /// calculating exact hypervolumes").
    ///
    /// n log n for n points in two objectives, n² log n in three; with more objectives the worst case grows
    /// by the power, and fronts of 100 points in five take some milliseconds. Infinite where it is larger
    /// than numbers get; never not-a-number.
    /// - Parameter reference: two losses or more.
    public static func hypervolume(of points: [[Loss]], below reference: [Loss]) -> Double {
        precondition(reference.count >= 2, "a hypervolume is of two objectives or more")
        precondition(points.allSatisfy { $0.count == reference.count }, "points have a loss each objective")
        // Halves, since the difference of losses that are as large as numbers get would be infinite.
        let depths = points.map { point in
            point.indices.map { reference[$0].value / 2 - point[$0].value / 2 }
        }.filter { $0.allSatisfy { $0 > 0 } }
        guard !depths.isEmpty else { return 0 }
        // In units of the greatest, rounded to a power of 2: exact, and no product on the way overflows.
        let exponents = reference.indices.map { index in
            depths.reduce(0) { max($0, $1[index]) }.exponent
        }
        let scaled = depths.map { depth in
            depth.indices.map { Double(sign: .plus, exponent: -exponents[$0], significand: depth[$0]) }
        }
        let volume = DepthVolume.volume(of: DepthVolume.outermost(of: scaled))
        let exponent = exponents.reduce(0) { $0 + $1 + 1 }
        return Double(sign: .plus, exponent: exponent, significand: volume)
    }
}

/// Volumes of unions of boxes that reach from the origin to the points: depths, larger where better.
private enum DepthVolume {
    /// - Parameter points: none of them inside another's box.
    static func volume(of points: [[Double]]) -> Double {
        guard let first = points.first else { return 0 }
        if points.count == 1 { return first.reduce(1, *) }
        if first.count == 2 { return area(of: points) }
        // With the last depth rising, a point's box cuts all later ones at its own last depth.
        let last = first.count - 1
        let sorted = points.sorted { $0[last] < $1[last] }
        return sorted.indices.reduce(0) { sum, index in
            let flat = Array(sorted[index].dropLast())
            let others = sorted[(index + 1)...].map { other in flat.indices.map { min(flat[$0], other[$0]) } }
            let exclusive = flat.reduce(1, *) - volume(of: outermost(of: others))
            return sum + sorted[index][last] * max(0, exclusive)
        }
    }

    /// Without the points that lie inside another's box, each of equal ones once.
    static func outermost(of points: [[Double]]) -> [[Double]] {
        // No point lies inside the box of a later one.
        let sorted = points.sorted { $1.lexicographicallyPrecedes($0) }
        if points.first?.count == 2 { return staircase(of: sorted) }
        var kept: [[Double]] = []
        for point in sorted where !kept.contains(where: { holds($0, point) }) { kept.append(point) }
        return kept
    }

    private static func staircase(of sorted: [[Double]]) -> [[Double]] {
        var (kept, highest): ([[Double]], Double) = ([], -1)
        for point in sorted where point[1] > highest {
            kept.append(point)
            highest = point[1]
        }
        return kept
    }

    private static func holds(_ box: [Double], _ point: [Double]) -> Bool {
        for index in box.indices where box[index] < point[index] { return false }
        return true
    }

    /// - Parameter points: of two depths, the first falling and the second rising.
    private static func area(of points: [[Double]]) -> Double {
        var (sum, height) = (0.0, 0.0)
        for point in points {
            sum += point[0] * (point[1] - height)
            height = point[1]
        }
        return sum
    }
}
