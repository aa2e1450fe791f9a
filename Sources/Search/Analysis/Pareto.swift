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
    /// "An efficient approach to nondominated sorting", with binary search). Equal points share a front.
    ///
    /// n log n for n points in one or two objectives; at worst n² in more.
    public static func fronts(of points: [[Loss]]) -> [[Int]] {
        guard let objectives = points.first?.count else { return [] }
        precondition(points.allSatisfy { $0.count == objectives }, "points have a loss for each objective")
        // In this order no point is dominated by a later one, so each finds its front among those that exist.
        let order = points.indices.sorted { a, b in
            points[a] == points[b] ? a < b : points[a].lexicographicallyPrecedes(points[b])
        }
        var fronts: [SortedFront] = []
        var (previous, home) = (-1, 0)
        for index in order {
            if previous < 0 || points[previous] != points[index] {
                home = fronts.firstIndex(rising: { !$0.dominates(points[index]) })
                if home == fronts.count { fronts.append(SortedFront(objectives: objectives)) }
            }
            fronts[home].append(points[index], index)
            previous = index
        }
        return fronts.map { $0.members.sorted() }
    }

    /// How much room each point of one front has: the sum over the objectives of the distance between its
    /// two neighbours, as a share of the front's extent (Deb et al. 2002, section III-B). Infinite at the
    /// ends of an objective; of equal points at an end, the first in the list has it.
    public static func crowding(of front: [[Loss]]) -> [Double] {
        guard let objectives = front.first?.count else { return [] }
        var distance = [Double](repeating: 0, count: front.count)
        for objective in 0..<objectives {
            let order = front.indices.sorted { a, b in
                let (mine, other) = (front[a][objective], front[b][objective])
                return mine == other ? a < b : mine < other
            }
            // Halves, since the extent of losses that are as large as numbers get would be infinite.
            let losses = order.map { front[$0][objective].value / 2 }
            let extent = losses[losses.count - 1] - losses[0]
            guard extent > 0 else { continue }
            distance[order[0]] = .infinity
            distance[order[order.count - 1]] = .infinity
            for place in losses.indices.dropFirst().dropLast() {
                distance[order[place]] += (losses[place + 1] - losses[place - 1]) / extent
            }
        }
        return distance
    }
}

/// A front that is filled in lexicographic order, its losses side by side.
private struct SortedFront {
    let objectives: Int
    private(set) var members: [Int] = []
    private var losses: [Double] = []

    init(objectives: Int) {
        self.objectives = objectives
    }

    mutating func append(_ point: [Loss], _ index: Int) {
        members.append(index)
        for loss in point { losses.append(loss.value) }
    }

    /// Whether a member dominates `point`, which differs from all of them and stands after them in the
    /// order, so that nothing is to be asked about its first loss.
    func dominates(_ point: [Loss]) -> Bool {
        // In two objectives the second loss falls along a front, so the last member is the best judge.
        if objectives <= 2 { return lastIsNowhereWorse(than: point) }
        return losses.withUnsafeBufferPointer { losses in
            // The latest members are the nearest.
            for start in stride(from: losses.count - objectives, through: 0, by: -objectives) {
                var objective = 1
                while objective < objectives, losses[start + objective] <= point[objective].value {
                    objective += 1
                }
                if objective == objectives { return true }
            }
            return false
        }
    }

    private func lastIsNowhereWorse(than point: [Loss]) -> Bool {
        let start = losses.count - objectives
        return objectives < 2 || losses[start + 1] <= point[1].value
    }
}

extension Array {
    /// The index of the first element that `isPast`, the count if none is; once past, always past.
    fileprivate func firstIndex(rising isPast: (Element) -> Bool) -> Int {
        var (first, end) = (0, count)
        while first < end {
            let middle = (first + end) / 2
            if isPast(self[middle]) { end = middle } else { first = middle + 1 }
        }
        return first
    }
}
