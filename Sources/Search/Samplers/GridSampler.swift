public import FleetModel

/// Each point of a grid once, the last parameter turning fastest. Points that the history holds already are
/// passed over, whoever proposed them.
public struct GridSampler: Sampler {
    /// How many values a numeric parameter gets, spread evenly along its scale with both ends included, at
    /// least 1. Stepped parameters get all their values, and so do whole numbers that have no more.
    public let points: Int
    /// The same for single parameters, by name.
    public let pointsOf: [String: Int]

    public init(points: Int = 5, pointsOf: [String: Int] = [:]) {
        precondition(points >= 1 && pointsOf.values.allSatisfy { $0 >= 1 }, "a grid has at least one point")
        self.points = points
        self.pointsOf = pointsOf
    }

    public func propose(
        from history: History, using generator: inout SeededGenerator
    ) -> Proposal? {
        let grid = grid(of: history.space)
        let taken = Set(history.trials.compactMap { grid.point(of: $0.assignment) })
        var next: Grid.Point? = grid.first
        var number = 1
        while let point = next {
            guard taken.contains(point) else {
                return Proposal(grid.assignment(at: point), .grid(point: number, of: grid.count))
            }
            next = grid.after(point)
            number += 1
        }
        return nil
    }

    /// How many points the grid of `space` has, `Int.max` if more than that.
    public func count(in space: Space) -> Int { grid(of: space).count }

    private func grid(of space: Space) -> Grid {
        Grid(
            space: space,
            levels: space.parameters.map { $0.domain.levels(pointsOf[$0.name] ?? points) })
    }
}

extension Domain {
    /// The values on the grid, in order. Even a parameter in tiny steps gets no more than 100,000.
    fileprivate func levels(_ count: Int) -> [ParameterValue] {
        if case .categorical(let choices) = self { return choices }
        guard let axis = Axis(self) else { preconditionFailure("a domain without choices has an axis") }
        let limit = isStepped ? 100_000 : count
        if let all = axis.count, all <= limit { return (0..<all).map(axis.value(index:)) }
        return axis.spread(limit)
    }

    private var isStepped: Bool {
        switch self {
        case .float(_, _, .step), .int(_, _, .step): true
        default: false
        }
    }
}

/// The grid itself. A point is the index of each parameter's level, `Grid.inactive` where it has none.
private struct Grid {
    typealias Point = [Int]
    static let inactive = -1

    let space: Space
    let levels: [[ParameterValue]]

    var first: Point { filled([]) }

    /// The point that follows, nil after the last.
    func after(_ point: Point) -> Point? {
        var prefix = point
        while let last = prefix.popLast() {
            guard last != Grid.inactive, last + 1 < levels[prefix.count].count else { continue }
            return filled(prefix + [last + 1])
        }
        return nil
    }

    func assignment(at point: Point) -> Assignment {
        var assignment: Assignment = [:]
        for (index, level) in point.enumerated() where level != Grid.inactive {
            assignment[space.parameters[index].name] = levels[index][level]
        }
        return assignment
    }

    /// The point with exactly these values, nil where there is none.
    func point(of assignment: Assignment) -> Point? {
        var point: Point = []
        for (parameter, values) in zip(space.parameters, levels) {
            guard let value = assignment[parameter.name] else {
                point.append(Grid.inactive)
                continue
            }
            guard let level = values.firstIndex(of: value) else { return nil }
            point.append(level)
        }
        return point
    }

    /// `prefix` and, for the parameters after it, the first level of each that is active.
    private func filled(_ prefix: Point) -> Point {
        var point = prefix
        var assignment = assignment(at: prefix)
        for parameter in space.parameters[prefix.count...] {
            let active = parameter.isActive(in: assignment)
            assignment[parameter.name] = active ? levels[point.count][0] : nil
            point.append(active ? 0 : Grid.inactive)
        }
        return point
    }

    var count: Int { count(after: [:]) }

    /// Branches only at parameters that others depend on; all others multiply.
    private func count(after prefix: Assignment, from index: Int = 0) -> Int {
        guard index < levels.count else { return 1 }
        let parameter = space.parameters[index]
        guard parameter.isActive(in: prefix) else { return count(after: prefix, from: index + 1) }
        guard space.parameters.contains(where: { $0.when[parameter.name] != nil }) else {
            return levels[index].count.saturatingProduct(count(after: prefix, from: index + 1))
        }
        return levels[index].reduce(0) { sum, level in
            let branch = prefix.merging([parameter.name: level]) { _, new in new }
            return sum.saturatingSum(count(after: branch, from: index + 1))
        }
    }
}

extension Int {
    fileprivate func saturatingProduct(_ other: Int) -> Int {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }

    fileprivate func saturatingSum(_ other: Int) -> Int {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
