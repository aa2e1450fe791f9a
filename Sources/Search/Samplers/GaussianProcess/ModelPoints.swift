/// The points on which a Gaussian process is conditioned, one contiguous column a dimension.
///
/// Numbers are places from 0 to 1. Choices are indices. What is inactive stands in the middle of all values:
/// 0.5, or `ModelPoints.inactive`, the centre of the simplex whose corners are the choices. So the kernel sees
/// points of a Euclidean space and stays positive definite; that a parameter has no value is told by its
/// parent's choice, which is a dimension too.
struct ModelPoints: Hashable {
    enum Kind: Hashable {
        case number
        case choice(count: Int)

        /// The squared distance from the simplex's centre to a corner, where two corners are 1 apart.
        var centre: Double {
            guard case .choice(let count) = self else { return 0 }
            return Double(count - 1) / Double(2 * count)
        }
    }

    static let inactive = -1.0

    let kinds: [Kind]
    private(set) var count = 0
    private var capacity: Int
    private(set) var columns: [Double]

    init(_ kinds: [Kind], capacity: Int) {
        self.kinds = kinds
        self.capacity = capacity
        columns = [Double](repeating: 0, count: kinds.count * capacity)
    }

    /// - Parameter row: places as in a history, NaN where inactive.
    mutating func append(_ row: some Sequence<Double>) {
        if count == capacity { grow() }
        for (dimension, place) in row.enumerated() {
            columns[dimension * capacity + count] = Self.coordinate(place, kinds[dimension])
        }
        count += 1
    }

    private mutating func grow() {
        var wider = ModelPoints(kinds, capacity: 2 * capacity + 8)
        for index in 0..<count { wider.append(point(index)) }
        self = wider
    }

    static func coordinate(_ place: Double, _ kind: Kind) -> Double {
        guard place.isNaN else { return place }
        return kind == .number ? 0.5 : inactive
    }

    subscript(index: Int, dimension: Int) -> Double { columns[dimension * capacity + index] }

    /// One point, coordinate by coordinate.
    func point(_ index: Int) -> [Double] {
        kinds.indices.map { columns[$0 * capacity + index] }
    }

    @inline(__always)
    func withColumn<R>(_ dimension: Int, _ body: (UnsafePointer<Double>) -> R) -> R {
        columns.withUnsafeBufferPointer { columns in
            guard let base = columns.baseAddress else { preconditionFailure("a model has room for points") }
            return body(base + dimension * capacity)
        }
    }

    /// sums[i] += weight · squared distance between `coordinate` and point i along one dimension.
    func addSquares(
        along dimension: Int, from coordinate: Double, weight: Double, count: Int,
        to sums: UnsafeMutablePointer<Double>
    ) {
        withColumn(dimension) { column in
            switch kinds[dimension] {
            case .number:
                var index = 0
                while index + 4 <= count {
                    let difference = column.lanes(at: index) - coordinate
                    sums.set(sums.lanes(at: index) + weight * difference * difference, at: index)
                    index += 4
                }
                while index < count {
                    let difference = column[index] - coordinate
                    sums[index] += weight * difference * difference
                    index += 1
                }
            case .choice:
                let centre = weight * kinds[dimension].centre
                let other = coordinate == Self.inactive ? centre : weight
                for index in 0..<count {
                    let choice = column[index]
                    sums[index] += choice == coordinate ? 0 : choice == Self.inactive ? centre : other
                }
            }
        }
    }

    /// Σ factors[i] · squared distance between `coordinate` and point i along one dimension.
    func sumOfSquares(
        along dimension: Int, from coordinate: Double, times factors: UnsafePointer<Double>, count: Int
    ) -> Double {
        withColumn(dimension) { column in
            var sum = 0.0
            switch kinds[dimension] {
            case .number:
                var (lanes, index) = (Lanes(), 0)
                while index + 4 <= count {
                    let difference = column.lanes(at: index) - coordinate
                    lanes += factors.lanes(at: index) * difference * difference
                    index += 4
                }
                sum = lanes.sum()
                while index < count {
                    let difference = column[index] - coordinate
                    sum += factors[index] * difference * difference
                    index += 1
                }
            case .choice:
                let centre = kinds[dimension].centre
                let other = coordinate == Self.inactive ? centre : 1
                for index in 0..<count {
                    let choice = column[index]
                    let square = choice == coordinate ? 0 : choice == Self.inactive ? centre : other
                    sum += factors[index] * square
                }
            }
            return sum
        }
    }

    /// Σ factors[i] · (coordinate - point i) along a dimension of numbers.
    func sumOfDifferences(
        along dimension: Int, from coordinate: Double, times factors: UnsafePointer<Double>
    ) -> Double {
        withColumn(dimension) { column in
            var (lanes, index) = (Lanes(), 0)
            while index + 4 <= count {
                lanes += factors.lanes(at: index) * (coordinate - column.lanes(at: index))
                index += 4
            }
            var sum = lanes.sum()
            while index < count {
                sum += factors[index] * (coordinate - column[index])
                index += 1
            }
            return sum
        }
    }
}
