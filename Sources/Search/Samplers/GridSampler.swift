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
            memo.value.flatMap { $0.began(history) ? $0 : nil }
            ?? Walk(grid(of: history.space))
        // One owner: what is remembered is not copied when it grows.
        memo.value = nil
        defer { memo.value = walk }
        guard let stop = walk.next(in: history) else { return nil }
        return Proposal(walk.grid.assignment(at: stop.point), .grid(point: stop.number, of: walk.grid.count))
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

/// A grid's allowed points that no trial has, in order: a history only grows, so what was passed over stays so.
private struct Walk {
    struct Stop {
        let point: Grid.Point
        /// From 1, forbidden points counted.
        let number: Int
    }

    let grid: Grid
    /// The points of so many trials of the history.
    private var (taken, seen): (Set<Grid.Point>, Int) = ([], 0)
    /// The first point that was allowed and not taken when it was looked for last.
    private var current: Stop?
    /// Where to look on.
    private var ahead: Stop?

    private static let patience = 20_000

    init(_ grid: Grid) {
        self.grid = grid
        ahead = Stop(point: grid.first, number: 1)
        current = search()
    }

    /// Whether it was in `history` that this walk came where it is, as far as can be told at once.
    func began(_ history: History) -> Bool { grid.space == history.space && seen <= history.trials.count }

    /// nil where there is none left.
    mutating func next(in history: History) -> Stop? {
        for trial in history.trials.dropFirst(seen) {
            if let point = grid.point(of: trial.assignment) { taken.insert(point) }
        }
        seen = history.trials.count
        while let stop = current, taken.contains(stop.point) { current = search() }
        return current
    }

    private mutating func search() -> Stop? {
        for _ in 0..<Self.patience {
            guard let stop = ahead else { return nil }
            guard let depth = grid.forbiddenDepth(of: stop.point) else {
                ahead = grid.after(stop.point).map { Stop(point: $0, number: stop.number.saturatingSum(1)) }
                return stop
            }
            let (after, passed) = grid.after(allLike: stop.point, to: depth)
            ahead = after.map { Stop(point: $0, number: stop.number.saturatingSum(passed)) }
        }
        ahead = nil
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

    /// How many points share this beginning, which lasts up to the parameter at `index`.
    private static func count(
        _ space: Space, _ levels: [[ParameterValue]], after prefix: Assignment, from index: Int = 0
    ) -> Int {
        count(of: Array(space.parameters.indices[index...]), in: space, levels, after: prefix)
    }

    /// The points of these parameters, whose numbers rise. Families that do not depend on each other multiply, and
    /// only who has children is gone through level by level: any number of small families takes no longer than their
    /// sum.
    private static func count(
        of parameters: [Int], in space: Space, _ levels: [[ParameterValue]], after prefix: Assignment
    ) -> Int {
        families(of: parameters, in: space, after: prefix).reduce(1) { product, family in
            let (eldest, others) = (family[0], Array(family.dropFirst()))
            guard !others.isEmpty else { return product.saturatingProduct(levels[eldest].count) }
            let name = space.parameters[eldest].name
            let sum = levels[eldest].reduce(0) { sum, level in
                let branch = prefix.merging([name: level]) { _, new in new }
                return sum.saturatingSum(count(of: others, in: space, levels, after: branch))
            }
            return product.saturatingProduct(sum)
        }
    }

    /// Those that can be active after `prefix`, the ones together whose activity depends on each other's values. The
    /// first of each is active, for parents stand before their children.
    private static func families(
        of parameters: [Int], in space: Space, after prefix: Assignment
    ) -> [[Int]] {
        var families: [[Int]] = []
        var familyOf: [String: Int] = [:]
        for index in parameters {
            let parameter = space.parameters[index]
            let canBeActive = parameter.when.allSatisfy { parent, listed in
                familyOf[parent] != nil || prefix[parent].map(listed.contains) ?? false
            }
            guard canBeActive else { continue }
            let joined = Set(parameter.when.keys.compactMap { familyOf[$0] }).sorted()
            let members = joined.flatMap { families[$0] }.sorted() + [index]
            for old in joined { families[old] = [] }
            for member in members { familyOf[space.parameters[member].name] = families.count }
            families.append(members)
        }
        return families.filter { !$0.isEmpty }
    }
}
