/// Matérn 5/2 over a scaled distance (Rasmussen and Williams 2006, equation 4.17), one length scale for each
/// dimension (automatic relevance determination, section 5.1); choices are a Hamming distance apart.
struct MaternKernel: Hashable {
    /// 1 / length scale², one for each dimension.
    var weights: [Double]
    /// The variance of the function.
    var signal: Double
    /// The variance of a complete trial's loss around it.
    var noise: Double

    /// Covariances of `point` with the first `count` of `points`, and on demand their derivatives by the
    /// squared scaled distance.
    func fill(
        _ row: UnsafeMutablePointer<Double>, slopes: UnsafeMutablePointer<Double>? = nil,
        from point: UnsafePointer<Double>, to points: ModelPoints, count: Int
    ) {
        for index in 0..<count { row[index] = 0 }
        for dimension in weights.indices {
            points.addSquares(
                along: dimension, from: point[dimension], weight: weights[dimension], count: count, to: row)
        }
        var index = 0
        while index + 4 <= count {
            let (value, slope) = shape(row.lanes(at: index))
            row.set(value, at: index)
            slopes?.set(slope, at: index)
            index += 4
        }
        while index < count {
            let (value, slope) = shape(Lanes(repeating: row[index]))
            row[index] = value[0]
            slopes?[index] = slope[0]
            index += 1
        }
    }

    /// Beyond this scaled distance the covariance is 1e-300, and the exponential still a normal number.
    private static let horizon = Lanes(repeating: 690)

    @inline(__always)
    private func shape(_ squares: Lanes) -> (value: Lanes, slope: Lanes) {
        let t = pointwiseMin((5 * squares).squareRoot(), Self.horizon)
        let decay = signal * exponential(-t)
        return (decay * (1 + t + t * t / 3), decay * (1 + t) * (-5 / 6))
    }

    /// The lower triangle of the covariance of all points, packed, without noise; with `slopes` also those.
    func matrix(_ points: ModelPoints, slopes: Bool = false) -> (values: [Double], slopes: [Double]) {
        let count = points.count
        var values = [Double](repeating: 0, count: Cholesky.start(of: count))
        var derivatives = [Double](repeating: 0, count: slopes ? values.count : 0)
        values.withUnsafeMutableBufferPointer { values in
            derivatives.withUnsafeMutableBufferPointer { derivatives in
                guard let values = values.baseAddress else { return }
                for index in 0..<count {
                    let start = Cholesky.start(of: index)
                    points.point(index).withUnsafeBufferPointer { point in
                        guard let point = point.baseAddress else { return }
                        fill(
                            values + start, slopes: slopes ? derivatives.baseAddress.map { $0 + start } : nil,
                            from: point, to: points, count: index + 1)
                    }
                }
            }
        }
        return (values, derivatives)
    }
}
