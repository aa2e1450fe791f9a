/// Matérn 5/2 over places, with one length for all columns, and a variance of 1; a differing choice counts as half
/// an axis, and so does a value that only one of two rows has.
struct PlaceKernel {
    private static let differing = 0.25

    private let isChoice: [Bool]
    /// 5 / ℓ², with ℓ relative to the diagonal, whose square is the number of columns.
    private let sharpness: Double
    private var rows: [Double] = []
    private var count = 0

    /// - Parameter length: of the distance across the unit cube.
    init(_ columns: PlaceColumns, length: Double) {
        isChoice = columns.columns.map { $0.choices > 0 }
        sharpness = 5 / (length * length * Double(max(isChoice.count, 1)))
    }

    /// - Returns: the covariances with all rows before and, last, with itself and its noise.
    mutating func append(_ row: some Collection<Double>, noise: Double) -> [Double] {
        let row = Array(row)
        let known = covariances(with: row) + [1 + noise]
        rows += row
        count += 1
        return known
    }

    func covariances(with row: [Double]) -> [Double] {
        [Double](unsafeUninitializedCapacity: count) { covariances, initialized in
            for index in 0..<count {
                let square = sharpness * squaredDistance(from: index * isChoice.count, to: row)
                let distance = square.squareRoot()
                covariances[index] = (1 + distance + square / 3) * exp(-distance)
            }
            initialized = count
        }
    }

    private func squaredDistance(from start: Int, to row: [Double]) -> Double {
        rows.withUnsafeBufferPointer { rows in
            var sum = 0.0
            for column in 0..<row.count {
                let (a, b) = (rows[start + column], row[column])
                if a == b || a.isNaN && b.isNaN { continue }
                let isFar = isChoice[column] || a.isNaN || b.isNaN
                sum += isFar ? Self.differing : (a - b) * (a - b)
            }
            return sum
        }
    }
}
