/// The eigenvectors and eigenvalues of a symmetric matrix, by Jacobi's rotations in turn (Golub and Van Loan
/// 2013, section 8.5): short, exact in the small eigenvalues too, and fast where the matrix is small.
struct SymmetricEigen {
    /// Row-major, one eigenvector a row.
    private(set) var vectors: [Double]
    private(set) var values: [Double]

    /// - Parameter matrix: symmetric and finite, `order` x `order`.
    init(_ matrix: [Double], order: Int) {
        var matrix = matrix
        var vectors = [Double](repeating: 0, count: order * order)
        for index in 0..<order { vectors[index * order + index] = 1 }
        matrix.withUnsafeMutableBufferPointer { matrix in
            vectors.withUnsafeMutableBufferPointer { vectors in
                // Quadratic near the end: more than ten sweeps are not seen.
                for _ in 0..<40 where Self.sweep(matrix, vectors, order) {}
            }
        }
        values = (0..<order).map { matrix[$0 * order + $0] }
        self.vectors = vectors
    }

    /// One rotation for each pair; false when all that is off the diagonal has vanished beside it.
    private static func sweep(
        _ a: UnsafeMutableBufferPointer<Double>, _ vectors: UnsafeMutableBufferPointer<Double>, _ order: Int
    ) -> Bool {
        var rotated = false
        for p in 0..<max(0, order - 1) {
            for q in (p + 1)..<order {
                let (app, aqq, apq) = (a[p * order + p], a[q * order + q], a[p * order + q])
                guard abs(apq) > 1e-17 * (abs(app) + abs(aqq)), apq * apq > 1e-28 * abs(app * aqq) else {
                    continue
                }
                rotated = true
                let ratio = (aqq - app) / (2 * apq)
                let t = (ratio < 0 ? -1 : 1) / (abs(ratio) + (1 + ratio * ratio).squareRoot())
                let cosine = 1 / (1 + t * t).squareRoot()
                rotate(a, p, q, order, cosine, t * cosine)
                rotateRows(vectors, p, q, order, cosine, t * cosine)
            }
        }
        return rotated
    }

    private static func rotate(
        _ a: UnsafeMutableBufferPointer<Double>, _ p: Int, _ q: Int, _ order: Int, _ cosine: Double,
        _ sine: Double
    ) {
        rotateRows(a, p, q, order, cosine, sine)
        for row in 0..<order {
            let (x, y) = (a[row * order + p], a[row * order + q])
            a[row * order + p] = cosine * x - sine * y
            a[row * order + q] = sine * x + cosine * y
        }
        a[p * order + q] = 0
        a[q * order + p] = 0
    }

    private static func rotateRows(
        _ a: UnsafeMutableBufferPointer<Double>, _ p: Int, _ q: Int, _ order: Int, _ cosine: Double,
        _ sine: Double
    ) {
        for column in 0..<order {
            let (x, y) = (a[p * order + column], a[q * order + column])
            a[p * order + column] = cosine * x - sine * y
            a[q * order + column] = sine * x + cosine * y
        }
    }
}
