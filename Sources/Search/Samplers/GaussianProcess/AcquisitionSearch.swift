import FleetModel

/// Looks for the point whose expected improvement is largest: many candidates, spread over the space and around
/// the best trials, then steps uphill from the most promising ones.
struct AcquisitionSearch {
    let process: GaussianProcess
    let improvement: LogImprovement
    let coordinates: Coordinates
    /// Points scored at most before the best of them are improved.
    let candidates: Int

    struct Candidate {
        /// A value for each coordinate, also for inactive ones.
        var point: [Double]
        var score: Double
    }

    /// So many of the best of both kinds are climbed from.
    private static let climbs = 3
    /// Scoring a candidate costs about n² operations, all together no more than this.
    private static let operations = 2e8

    /// How many candidates there is time for.
    private var affordable: Int {
        let size = Double(max(process.points.count, 1))
        return max(min(64, candidates), min(candidates, Int(Self.operations / (size * size))))
    }

    /// The best allowed point found that no trial has; nil when all that were found are taken.
    /// - Parameters:
    ///   - good: indices of trials whose surroundings are looked at.
    ///   - untried: all that is left of a small finite space.
    func best(
        of history: History, around good: [Int], untried: [[Double]]?,
        using generator: inout SeededGenerator
    ) -> Assignment? {
        if let untried { return history.assignment(at: best(of: untried, using: &generator)) }
        let rows = good.map { Array(history.row($0)) }
        let near = scored(coordinates.near(rows, count: affordable / 3, using: &generator))
        let spread = scored(coordinates.spread(affordable - near.count, using: &generator))
        let starts = spread.prefix(Self.climbs) + near.prefix(Self.climbs)
        let found = starts.map(climb) + spread + near
        return found.sorted { $0.score > $1.score }.lazy
            .map { history.assignment(at: coordinates.places($0.point)) }
            .first { history.space.allows($0) && !coordinates.isTaken($0, in: history) }
    }

    private func best(of untried: [[Double]], using generator: inout SeededGenerator) -> [Double] {
        let count = min(affordable, untried.count)
        let first = generator.unit()
        let rows = (0..<count).map {
            untried[Int((Double($0) + first) / Double(count) * Double(untried.count))]
        }
        let scores = scores(of: rows)
        return rows[scores.indices.max { scores[$0] < scores[$1] } ?? 0]
    }

    /// With their scores, the best first.
    private func scored(_ points: [[Double]]) -> [Candidate] {
        zip(points, scores(of: points.map(coordinates.places))).map { Candidate(point: $0, score: $1) }
            .sorted { $0.score > $1.score }
    }

    /// The logarithms of the expected improvements at rows of places.
    private func scores(of rows: [[Double]]) -> [Double] {
        let (count, dimensions) = (process.points.count, coordinates.scales.count)
        // The last eight are filled up with zeros.
        var points = [Double](repeating: 0, count: (rows.count + 7) / 8 * 8 * dimensions)
        for (index, row) in rows.enumerated() {
            for (dimension, value) in coordinates.modelPoint(row).enumerated() {
                points[index * dimensions + dimension] = value
            }
        }
        var scratch = [Double](repeating: 0, count: 9 * count)
        let none = GaussianProcess.Prediction(mean: 0, variance: 1)
        var predictions = [GaussianProcess.Prediction](repeating: none, count: (rows.count + 7) / 8 * 8)
        points.withUnsafeBufferPointer { points in
            scratch.withUnsafeMutableBufferPointer { scratch in
                predictions.withUnsafeMutableBufferPointer { predictions in
                    guard let points = points.baseAddress, let scratch = scratch.baseAddress,
                        let results = predictions.baseAddress
                    else { return }
                    for start in stride(from: 0, to: rows.count, by: 8) {
                        process.predict(eight: points + start * dimensions, scratch: scratch, results + start)
                    }
                }
            }
        }
        return predictions.prefix(rows.count).map {
            improvement.at(mean: $0.mean, deviation: $0.variance.squareRoot()).value
        }
    }
}

extension AcquisitionSearch {
    /// Steps uphill from `start`, in turn along all lines together and along each other dimension.
    private func climb(from start: Candidate) -> Candidate {
        var best = start
        for _ in 0..<6 {
            let before = best.score
            best = step(from: glide(from: best))
            if best.score <= before + 1e-6 { break }
        }
        return best
    }

    /// Takes the best alternative along each dimension that is no line.
    private func step(from start: Candidate) -> Candidate {
        var best = start
        for dimension in coordinates.scales.indices {
            let points = coordinates.alternatives(to: best.point[dimension], along: dimension).map {
                var point = best.point
                point[dimension] = $0
                return point
            }
            guard !points.isEmpty else { continue }
            if let first = scored(points).first, first.score > best.score { best = first }
        }
        return best
    }

    /// Gradient ascent over the active lines, each in units of its length scale.
    private func glide(from start: Candidate) -> Candidate {
        let places = coordinates.places(start.point)
        let lines = places.indices.filter { index in
            guard case .line = coordinates.scales[index] else { return false }
            return !places[index].isNaN
        }
        guard !lines.isEmpty else { return start }
        var point = coordinates.modelPoint(places)
        let units = lines.map { 1 / process.kernel.weights[$0].squareRoot() }
        var slopes = GaussianProcess.Slopes(count: process.points.count, dimensions: point.count)
        let search = QuasiNewton(iterations: 40, tolerance: 1e-3, reach: 1)
        let end = search.minimum(
            from: zip(lines, units).map { point[$0] / $1 }, low: units.map { _ in 0 },
            high: units.map { 1 / $0 }
        ) { scaled, gradient in
            for (index, line) in lines.enumerated() { point[line] = scaled[index] * units[index] }
            let prediction = process.prediction(at: point, &slopes)
            let deviation = prediction.variance.squareRoot()
            let value = improvement.at(mean: prediction.mean, deviation: deviation)
            for (index, line) in lines.enumerated() {
                let byDeviation = value.byDeviation * slopes.variance[line] / (2 * deviation)
                gradient[index] = -units[index] * (value.byMean * slopes.mean[line] + byDeviation)
            }
            return -value.value
        }
        guard -end.value > start.score else { return start }
        var best = Candidate(point: start.point, score: -end.value)
        for (index, line) in lines.enumerated() {
            best.point[line] = (end.point[index] * units[index]).clamped(to: 0...1)
        }
        return best
    }
}
