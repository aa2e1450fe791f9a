public import FleetModel

/// Comparing trials by several losses at once. A point has one loss for each objective, all of them lower
/// where better, and as many as every other point.
public enum Pareto {
    /// Whether `a` is nowhere worse than `b`, and better somewhere.
    public static func dominates(_ a: [Loss], _ b: [Loss]) -> Bool {
        precondition(a.count == b.count, "points have a loss for each objective")
        var isBetter = false
        for (mine, other) in zip(a, b) {
            if mine > other { return false }
            if mine < other { isBetter = true }
        }
        return isBetter
    }

    /// Indices of `points`, front by front, rising within each: the first front holds those that no other
    /// point dominates, each further one those that only points of fronts before it do (Zhang et al. 2015,
    /// "An efficient approach to nondominated sorting", with sequential search). Equal points share a front.
    public static func fronts(of points: [[Loss]]) -> [[Int]] {
        // In this order no point is dominated by a later one, so each finds its front among those that exist.
        let order = points.indices.sorted { a, b in
            points[a] == points[b] ? a < b : points[a].lexicographicallyPrecedes(points[b])
        }
        var fronts: [[Int]] = []
        for index in order {
            let home = fronts.firstIndex { front in
                !front.contains { dominates(points[$0], points[index]) }
            }
            if let home { fronts[home].append(index) } else { fronts.append([index]) }
        }
        return fronts.map { $0.sorted() }
    }

    /// The volume of what `points` dominate below `reference`, a point that is worse than any that counts:
    /// points that are not better than it in every objective add nothing (Zitzler and Thiele 1998). Exact, by
    /// slices (While et al. 2006); n log n in two objectives, n² log n in three, n times more for each other.
    /// - Parameter reference: two losses or more.
    public static func hypervolume(of points: [[Loss]], below reference: [Loss]) -> Double {
        precondition(reference.count >= 2, "a hypervolume is of two objectives or more")
        precondition(points.allSatisfy { $0.count == reference.count }, "points have a loss each objective")
        let inside = points.filter { zip($0, reference).allSatisfy { $0 < $1 } }
        return volume(of: inside.map { $0.map(\.value) }, below: reference.map(\.value))
    }

    /// Slices from point to point along the last objective; in each the points before it count.
    private static func volume(of points: [[Double]], below reference: [Double]) -> Double {
        let last = reference.count - 1
        if last == 1 { return area(of: points, below: reference) }
        let sorted = points.sorted { $0[last] < $1[last] }
        let ends = sorted.dropFirst().map { $0[last] } + [reference[last]]
        return sorted.indices.reduce(0) { sum, index in
            let depth = ends[index] - sorted[index][last]
            guard depth > 0 else { return sum }
            let slice = sorted[...index].map { Array($0.dropLast()) }
            return sum + depth * volume(of: slice, below: reference.dropLast())
        }
    }

    /// Strips from left to right, each from the lowest point so far down to the next lower one.
    private static func area(of points: [[Double]], below reference: [Double]) -> Double {
        var (sum, lowest) = (0.0, reference[1])
        for point in points.sorted(by: { $0[0] < $1[0] }) where point[1] < lowest {
            sum += (reference[0] - point[0]) * (lowest - point[1])
            lowest = point[1]
        }
        return sum
    }
}
