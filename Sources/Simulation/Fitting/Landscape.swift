import FleetModel
import Search

/// How the floor of a loss curve depends on the assignment: a sum over the parameters, a parabola over the
/// place of a number between the ends of its range, and one height for each choice. It is flat outside of
/// what was tried.
public struct Landscape: Hashable, Sendable {
    private var effects: [String: Effect] = [:]
    /// The height where nothing has an effect.
    private(set) var level = 0.0

    enum Effect: Hashable, Sendable {
        /// slope · u + bend · u² for a place u within the range that was tried; never the top of a hill.
        case number(slope: Double, bend: Double, tried: ClosedRange<Double>)
        case choice([ParameterValue: Double])
    }

    /// Backfitting (Friedman and Stuetzle 1981): each parameter in turn explains what the others leave, held
    /// back a little (by `caution` trials' worth of no effect) so that few trials do not make mountains.
    ///
    /// - Parameters:
    ///   - heights: at least one.
    init(_ heights: [(assignment: Assignment, height: Double)], over space: Space) {
        level = heights.map(\.height).median ?? 0
        let parameters = space.parameters.filter { parameter in
            Set(heights.compactMap { $0.assignment[parameter.name] }).count > 1
        }
        for _ in 0..<30 {
            for parameter in parameters {
                effects[parameter.name] = nil
                let rest = heights.compactMap { entry in
                    entry.assignment[parameter.name].map {
                        (value: $0, height: entry.height - height(of: entry.assignment, in: space))
                    }
                }
                effects[parameter.name] = Effect(parameter.domain, rest)
            }
            let misses = heights.map { $0.height - height(of: $0.assignment, in: space) }
            level += misses.reduce(0, +) / Double(misses.count)
        }
    }

    mutating func raise(by height: Double) { level += height }

    /// The floor of the curve of a trial with this assignment.
    func height(of assignment: Assignment, in space: Space) -> Double {
        space.parameters.reduce(level) { sum, parameter in
            guard let effect = effects[parameter.name], let value = assignment[parameter.name] else {
                return sum
            }
            return sum + effect.height(value, parameter.domain)
        }
    }

    /// The parameters that the trials told apart.
    var names: [String] { effects.keys.sorted() }
}

extension Landscape.Effect {
    private static let caution = 0.5

    fileprivate init(_ domain: Domain, _ points: [(value: ParameterValue, height: Double)]) {
        if case .categorical = domain {
            let groups = Dictionary(grouping: points, by: \.value)
            self = .choice(
                groups.mapValues { group in
                    group.reduce(0) { $0 + $1.height } / (Double(group.count) + Self.caution)
                })
            return
        }
        let places = points.map { (place: domain.place(of: $0.value), height: $0.height) }
        let tried = places.map(\.place)
        let range = (tried.min() ?? 0)...(tried.max() ?? 1)
        let (slope, bend) = Self.parabola(places)
        self = .number(slope: slope, bend: bend, tried: range)
    }

    /// Least squares of slope · u + bend · u² about the mean, with a little ridge; without a bend where it
    /// would be a hill.
    private static func parabola(_ points: [(place: Double, height: Double)]) -> (Double, Double) {
        let count = Double(points.count)
        let mean = points.reduce((0.0, 0.0, 0.0)) { sum, point in
            (sum.0 + point.place, sum.1 + point.place * point.place, sum.2 + point.height)
        }
        var (uu, uv, vv, uy, vy) = (0.0, 0.0, 0.0, 0.0, 0.0)
        for point in points {
            let u = point.place - mean.0 / count
            let v = point.place * point.place - mean.1 / count
            let y = point.height - mean.2 / count
            (uu, uv, vv, uy, vy) = (uu + u * u, uv + u * v, vv + v * v, uy + u * y, vy + v * y)
        }
        let ridge = caution / count * 0.02
        let determinant = (uu + ridge) * (vv + ridge) - uv * uv
        let bend = ((uu + ridge) * vy - uv * uy) / determinant
        guard bend > 0, points.count >= 4 else { return (uy / (uu + ridge), 0) }
        return (((vv + ridge) * uy - uv * vy) / determinant, bend)
    }

    fileprivate func height(_ value: ParameterValue, _ domain: Domain) -> Double {
        switch self {
        case .choice(let heights): return heights[value] ?? 0
        case .number(let slope, let bend, let tried):
            let place = min(max(domain.place(of: value), tried.lowerBound), tried.upperBound)
            return slope * place + bend * place * place
        }
    }
}
