import FleetModel

/// A space as the model and its search see it: one coordinate a parameter, always with a value, also while it
/// is inactive; which are active follows from the choices.
struct Coordinates {
    enum Scale {
        /// Any place from 0 to 1. What lies on a grid too fine to walk over is moved to it in the end.
        case line
        /// So few places that each can be tried.
        case grid([Double])
        /// Indices of choices.
        case choice(count: Int)
    }

    struct Condition {
        let parent: Int
        /// By the index of the parent's choice.
        let allowed: [Bool]
    }

    /// Finite spaces of at most so many assignments are searched point by point.
    static let listed = 2048
    /// In other spaces grids of more values are treated as lines.
    private static let walkable = 40

    let scales: [Scale]
    let conditions: [[Condition]]
    /// How many different assignments there are at most, nil in a continuum.
    let size: Int?

    init(_ history: History) {
        let parameters = history.space.parameters
        let size = Self.size(of: history)
        self.size = size
        let walkable = size.map { $0 <= Self.listed } == true ? Self.listed : Self.walkable
        scales = zip(parameters, history.axes).map { Scale($0, $1, walkable: walkable) }
        conditions = parameters.map { parameter in
            parameter.when.compactMap { name, listed in
                guard let parent = parameters.firstIndex(where: { $0.name == name }),
                    case .categorical(let choices) = parameters[parent].domain
                else { return nil }
                return Condition(parent: parent, allowed: choices.map(listed.contains))
            }
        }
    }

    private static func size(of history: History) -> Int? {
        zip(history.space.parameters, history.axes).reduce(1) { product, next in
            let count: Int? =
                if case .categorical(let choices) = next.0.domain { choices.count } else { next.1?.count }
            guard let product, let count else { return nil }
            let (result, overflow) = product.multipliedReportingOverflow(by: count)
            return overflow ? nil : result
        }
    }

    var kinds: [ModelPoints.Kind] {
        scales.map { if case .choice(let count) = $0 { .choice(count: count) } else { .number } }
    }

    /// The places of a history: NaN for coordinates that are inactive.
    func places(_ coordinates: [Double]) -> [Double] {
        var places = coordinates
        for index in places.indices where !isActive(index, in: places) { places[index] = .nan }
        return places
    }

    /// The same as a model sees it.
    func modelPoint(_ places: some Sequence<Double>) -> [Double] {
        zip(places, scales).map { place, scale in
            guard place.isNaN else { return place }
            return if case .choice = scale { ModelPoints.inactive } else { 0.5 }
        }
    }

    /// - Parameter places: of the dimensions before `index` at least.
    private func isActive(_ index: Int, in places: [Double]) -> Bool {
        conditions[index].allSatisfy { condition in
            let choice = places[condition.parent]
            return !choice.isNaN && condition.allowed[Int(choice)]
        }
    }

    /// The coordinate at `unit` of 0 to below 1: equal lengths of it are equally likely.
    func coordinate(_ index: Int, at unit: Double) -> Double {
        switch scales[index] {
        case .line: unit
        case .grid(let places): places[places.nearest(to: unit)]
        case .choice(let count): min((unit * Double(count)).rounded(.down), Double(count - 1))
        }
    }

    /// The other coordinates that a step along one dimension may lead to; none on a line.
    func alternatives(to coordinate: Double, along index: Int) -> [Double] {
        switch scales[index] {
        case .line: []
        case .grid(let places):
            places.enumerated().filter { $0.offset != places.nearest(to: coordinate) }.map(\.element)
        case .choice(let count): (0..<count).map(Double.init).filter { $0 != coordinate }
        }
    }
}

extension Coordinates.Scale {
    /// - Parameter walkable: finer grids are treated as lines.
    init(_ parameter: Parameter, _ axis: Axis?, walkable: Int) {
        if case .categorical(let choices) = parameter.domain {
            self = .choice(count: choices.count)
        } else if let axis, let count = axis.count, count <= walkable {
            self = .grid((0..<count).map { axis.place(of: axis.value(index: $0).number ?? 0) })
        } else {
            self = .line
        }
    }
}

extension [Double] {
    /// The index of the nearest of a non-empty list.
    func nearest(to place: Double) -> Int {
        indices.min { abs(self[$0] - place) < abs(self[$1] - place) } ?? 0
    }
}
