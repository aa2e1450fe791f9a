extension Trend {
    /// A curve that the points may follow, fitted by least squares on logarithms.
    public struct Shape: Hashable, Sendable {
        public enum Kind: String, Hashable, Sendable, CaseIterable {
            case constant, law, plateau, step
        }

        public let kind: Kind
        /// Akaike's criterion for few points, lower is better (Hurvich and Tsai 1989); nil where there are too
        /// few points for so many parameters.
        public let criterion: Double?
        /// Where a plateau begins, or after which a step comes; nil for the others.
        public let turn: Double?
        /// Height before `turn`, or at x = 1 of a slope; and after it.
        private let first: Double
        private let last: Double
        private let slope: Double

        /// The fitted y at `x`, above 0.
        public func callAsFunction(_ x: Double) -> Double {
            switch kind {
            case .constant: exp(first)
            case .law: exp(first + slope * log(x))
            case .plateau: exp(first + slope * log(min(x, turn!)))
            case .step: exp(x <= turn! ? first : last)
            }
        }

        func words(over variable: String) -> String {
            switch kind {
            case .constant: "\(short(exp(first))) throughout"
            case .law: "a power law with exponent \(short(slope))"
            case .plateau:
                "as \(variable)^\(short(slope)) up to \(variable) = \(short(turn!)), then \(short(self(turn!)))"
            case .step: "\(short(exp(first))) up to \(variable) = \(short(turn!)), then \(short(exp(last)))"
            }
        }
    }
}

extension Trend.Shape {
    /// Every shape, fitted; the best criterion first.
    static func all(_ design: LineDesign, _ heights: [Double]) -> [Trend.Shape] {
        let points = WeightedPoints(design.places, heights, design.weights)
        let inner = design.places.dropFirst().dropLast()
        let plateaus = inner.map { plateau(points, until: $0) }
        let steps = design.places.dropLast().filter { $0 < design.places.last! }.map {
            step(points, after: $0)
        }
        let best = [
            [constant(points)], [law(points)], plateaus, steps,
        ].compactMap { rivals in rivals.min { $0.squares < $1.squares } }
        return best.map { $0.shape(points.count) }.sorted { a, b in
            (a.criterion ?? .infinity) < (b.criterion ?? .infinity)
        }
    }

    private struct Fit {
        let kind: Kind
        let squares: Double
        /// The spread of the errors among them.
        let parameters: Int
        var turn: Double?
        var first = 0.0
        var last = 0.0
        var slope = 0.0

        func shape(_ count: Int) -> Trend.Shape {
            let (n, k) = (Double(count), Double(parameters))
            let criterion = n * log(max(squares / n, 1e-18)) + 2 * k + 2 * k * (k + 1) / (n - k - 1)
            return Trend.Shape(
                kind: kind, criterion: n - k - 1 > 0 ? criterion : nil, turn: turn.map(exp), first: first,
                last: last, slope: slope)
        }
    }

    private static func constant(_ points: WeightedPoints) -> Fit {
        let mean = points.mean { _ in true }
        return Fit(kind: .constant, squares: points.squares { _ in mean }, parameters: 2, first: mean)
    }

    private static func law(_ points: WeightedPoints) -> Fit {
        let line = points.line { $0 }
        let squares = points.squares { line.first + line.slope * $0 }
        return Fit(kind: .law, squares: squares, parameters: 3, first: line.first, slope: line.slope)
    }

    private static func plateau(_ points: WeightedPoints, until turn: Double) -> Fit {
        let line = points.line { min($0, turn) }
        let squares = points.squares { line.first + line.slope * min($0, turn) }
        return Fit(
            kind: .plateau, squares: squares, parameters: 4, turn: turn, first: line.first, slope: line.slope)
    }

    private static func step(_ points: WeightedPoints, after turn: Double) -> Fit {
        let (first, last) = (points.mean { $0 <= turn }, points.mean { $0 > turn })
        let squares = points.squares { $0 <= turn ? first : last }
        return Fit(kind: .step, squares: squares, parameters: 4, turn: turn, first: first, last: last)
    }
}

/// Heights over places, and sums over them.
private struct WeightedPoints {
    private let points: [(x: Double, y: Double, weight: Double)]
    var count: Int { points.count }

    init(_ x: [Double], _ y: [Double], _ weights: [Double]) {
        points = x.indices.map { (x[$0], y[$0], weights[$0]) }
    }

    func mean(where isIn: (Double) -> Bool) -> Double {
        let some = points.filter { isIn($0.x) }
        return some.reduce(0) { $0 + $1.weight * $1.y } / some.reduce(0) { $0 + $1.weight }
    }

    func squares(from curve: (Double) -> Double) -> Double {
        points.reduce(0) { $0 + $1.weight * ($1.y - curve($1.x)) * ($1.y - curve($1.x)) }
    }

    /// Least squares over places that were moved by `place`.
    func line(over place: (Double) -> Double) -> (first: Double, slope: Double) {
        let weight = points.reduce(0) { $0 + $1.weight }
        let meanX = points.reduce(0) { $0 + $1.weight * place($1.x) } / weight
        let meanY = points.reduce(0) { $0 + $1.weight * $1.y } / weight
        let xx = points.reduce(0) { $0 + $1.weight * (place($1.x) - meanX) * (place($1.x) - meanX) }
        let xy = points.reduce(0) { $0 + $1.weight * (place($1.x) - meanX) * ($1.y - meanY) }
        let slope = xx > 0 ? xy / xx : 0
        return (meanY - slope * meanX, slope)
    }
}
