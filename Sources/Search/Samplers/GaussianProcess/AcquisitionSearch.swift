import FleetModel

/// Looks for the point whose expected improvement is largest: many candidates, spread over the space and around
/// the best trials, then steps from the most promising ones.
struct AcquisitionSearch {
    let process: GaussianProcess
    let improvement: LogImprovement
    let coordinates: Coordinates

    struct Candidate {
        var point: [Double]
        var score: Double
    }

    /// Scores of points, eight at a time.
    func scores(of points: [[Double]]) -> [Double] {
        let (count, dimensions) = (process.points.count, coordinates.scales.count)
        let kinds = process.points.kinds
        var rows = [Double](repeating: 0, count: 8 * dimensions)
        var scratch = [Double](repeating: 0, count: 9 * count)
        var predictions = [GaussianProcess.Prediction](
            repeating: .init(mean: 0, variance: 1), count: 8)
        var scores: [Double] = []
        scores.reserveCapacity(points.count)
        for start in stride(from: 0, to: points.count, by: 8) {
            let end = min(start + 8, points.count)
            for index in start..<end {
                let places = coordinates.places(points[index])
                for dimension in 0..<dimensions {
                    rows[(index - start) * dimensions + dimension] =
                        ModelPoints.coordinate(places[dimension], kinds[dimension])
                }
            }
            rows.withUnsafeBufferPointer { rows in
                scratch.withUnsafeMutableBufferPointer { scratch in
                    predictions.withUnsafeMutableBufferPointer { predictions in
                        guard let rows = rows.baseAddress, let scratch = scratch.baseAddress,
                            let results = predictions.baseAddress
                        else { return }
                        process.predict(eight: rows, scratch: scratch, results)
                    }
                }
            }
            for lane in 0..<(end - start) {
                let (mean, variance) = (predictions[lane].mean, predictions[lane].variance)
                scores.append(improvement.at(mean: mean, deviation: variance.squareRoot()).value)
            }
        }
        return scores
    }

    /// Steps uphill from `start`, in turn along all lines together and along each other dimension.
    func climb(from start: Candidate) -> Candidate {
        var best = start
        for _ in 0..<6 {
            let before = best.score
            best = glide(from: best)
            best = step(from: best)
            if best.score <= before + 1e-6 { break }
        }
        return best
    }

    /// Takes the best alternative along each dimension that is no line.
    private func step(from start: Candidate) -> Candidate {
        var best = start
        for dimension in coordinates.scales.indices {
            let others = coordinates.alternatives(to: best.point[dimension], along: dimension)
            guard !others.isEmpty else { continue }
            let points = others.map { other in
                var point = best.point
                point[dimension] = other
                return point
            }
            for (point, score) in zip(points, scores(of: points)) where score > best.score {
                best = Candidate(point: point, score: score)
            }
        }
        return best
    }

    /// Gradient ascent over the active lines, each in units of its length scale.
    private func glide(from start: Candidate) -> Candidate {
        let places = coordinates.places(start.point)
        let free = places.indices.filter { index in
            guard case .line = coordinates.scales[index] else { return false }
            return !places[index].isNaN
        }
        guard !free.isEmpty else { return start }
        let kinds = process.points.kinds
        var point = places.indices.map { ModelPoints.coordinate(places[$0], kinds[$0]) }
        let units = free.map { 1 / process.kernel.weights[$0].squareRoot() }
        var (byMean, byVariance) = (
            [Double](repeating: 0, count: point.count), [Double](repeating: 0, count: point.count)
        )
        var scratch = [Double](repeating: 0, count: 3 * process.points.count)
        var search = QuasiNewton()
        search.iterations = 40
        search.tolerance = 1e-3
        search.reach = 1
        let end = search.minimum(
            from: zip(free, units).map { point[$0] / $1 }, low: units.map { _ in 0 },
            high: units.map { 1 / $0 }
        ) { scaled, gradient in
            for (index, dimension) in free.enumerated() { point[dimension] = scaled[index] * units[index] }
            let prediction = point.withUnsafeBufferPointer { point in
                byMean.withUnsafeMutableBufferPointer { byMean in
                    byVariance.withUnsafeMutableBufferPointer { byVariance in
                        scratch.withUnsafeMutableBufferPointer { scratch in
                            process.predict(
                                point.baseAddress!, scratch: scratch.baseAddress!,
                                meanSlopes: byMean.baseAddress!, varianceSlopes: byVariance.baseAddress!)
                        }
                    }
                }
            }
            let deviation = prediction.variance.squareRoot()
            let value = improvement.at(mean: prediction.mean, deviation: deviation)
            for (index, dimension) in free.enumerated() {
                gradient[index] =
                    -units[index]
                    * (value.byMean * byMean[dimension]
                        + value.byDeviation * byVariance[dimension] / (2 * deviation))
            }
            return -value.value
        }
        guard -end.value > start.score else { return start }
        var best = start
        for (index, dimension) in free.enumerated() {
            best.point[dimension] = min(max(end.point[index] * units[index], 0), 1)
        }
        best.score = -end.value
        return best
    }
}
