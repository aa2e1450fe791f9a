public import FleetModel

/// Each point of a grid once, the last parameter turning fastest. Points that the history holds already are
/// passed over, whoever proposed them, and so are those that the constraints forbid: all that follow the same
/// beginning at once, where that is forbidden already. Where 20,000 times in a row something is forbidden,
/// the grid ends.
public struct GridSampler: Sampler {
    /// How many values a numeric parameter gets, spread evenly along its scale with both ends included, at
    /// least 1. Stepped parameters get all their values, and so do whole numbers that have no more.
    public let points: Int
    /// The same for single parameters, by name.
    public let pointsOf: [String: Int]
    private var memo = Memo<Walk>()

    public init(points: Int = 5, pointsOf: [String: Int] = [:]) {
        precondition(points >= 1 && pointsOf.values.allSatisfy { $0 >= 1 }, "a grid has at least one point")
        self.points = points
        self.pointsOf = pointsOf
    }

    public mutating func propose(
        from history: History, using generator: inout SeededGenerator
    ) -> Proposal? {
        var walk =
            memo.value.flatMap { $0.grid.space == history.space ? $0 : nil }
            ?? Walk(grid(of: history.space))
        // One owner: what is remembered is not copied when it grows.
        memo.value = nil
        defer { memo.value = walk }
        let taken = Set(history.trials.compactMap { walk.grid.point(of: $0.assignment) })
        var place = 0
        while let stop = walk.stop(place) {
            guard taken.contains(stop.point) else {
                return Proposal(
                    walk.grid.assignment(at: stop.point), .grid(point: stop.number, of: walk.grid.count))
            }
            place += 1
        }
        return nil
    }

    /// How many points the grid of `space` has, forbidden ones included; `Int.max` if more than that.
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

/// The allowed points of a grid in order, as far as they have been looked for.
private struct Walk {
    struct Stop {
        let point: Grid.Point
        /// From 1, forbidden points counted.
        let number: Int
    }

    let grid: Grid
    private var stops: [Stop] = []
    /// Where to look on.
    private var next: Stop?

    private static let patience = 20_000

    init(_ grid: Grid) {
        self.grid = grid
        next = Stop(point: grid.first, number: 1)
    }

    /// The allowed point at `place`, from 0; nil after the last.
    mutating func stop(_ place: Int) -> Stop? {
        while stops.count <= place {
            guard let found = search() else { return nil }
            stops.append(found)
        }
        return stops[place]
    }

    private mutating func search() -> Stop? {
        for _ in 0..<Self.patience {
            guard let stop = next else { return nil }
            guard let depth = grid.forbiddenDepth(of: stop.point) else {
                next = grid.after(stop.point).map { Stop(point: $0, number: stop.number + 1) }
                return stop
            }
            let (after, passed) = grid.after(allLike: stop.point, to: depth)
            next = after.map { Stop(point: $0, number: stop.number.saturatingSum(passed)) }
        }
        next = nil
        return nil
    }
}

/// The grid itself. A point is the index of each parameter's level, `Grid.inactive` where it has none.
private struct Grid {
    typealias Point = [Int]
    static let inactive = -1

    let space: Space
    let levels: [[ParameterValue]]
    /// How many parameters from the first decide about each formula of the space's rules.
    private let depths: [Expression: Int]
    let count: Int

    init(space: Space, levels: [[ParameterValue]]) {
        self.space = space
        self.levels = levels
        let formulas = space.derived.map(\.value) + space.constraints.map(\.expression)
        depths = formulas.reduce(into: [:]) { depths, formula in
            let names = space.searchedNames(of: formula)
            depths[formula] = (space.parameters.lastIndex { names.contains($0.name) } ?? -1) + 1
        }
        count = Self.count(space, levels, after: [:])
    }

    /// With how many parameters from the first the point is forbidden already; nil where it is allowed.
    func forbiddenDepth(of point: Point) -> Int? {
        guard space.hasRules else { return nil }
        return space.broken(by: assignment(at: point)).compactMap { depths[$0] }.min()
    }

    /// What follows the points that share the first `depth` levels of `point`, which is the first of these,
    /// and how many these are.
    func after(allLike point: Point, to depth: Int) -> (next: Point?, passed: Int) {
        let prefix = Array(point.prefix(depth))
        let passed = Self.count(space, levels, after: assignment(at: prefix), from: depth)
        return (after(prefix), passed)
    }

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

    /// Branches only at parameters that others depend on; all others multiply.
    private static func count(
        _ space: Space, _ levels: [[ParameterValue]], after prefix: Assignment, from index: Int = 0
    ) -> Int {
        guard index < levels.count else { return 1 }
        let parameter = space.parameters[index]
        guard parameter.isActive(in: prefix) else {
            return count(space, levels, after: prefix, from: index + 1)
        }
        guard space.parameters.contains(where: { $0.when[parameter.name] != nil }) else {
            return levels[index].count.saturatingProduct(
                count(space, levels, after: prefix, from: index + 1))
        }
        return levels[index].reduce(0) { sum, level in
            let branch = prefix.merging([parameter.name: level]) { _, new in new }
            return sum.saturatingSum(count(space, levels, after: branch, from: index + 1))
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
