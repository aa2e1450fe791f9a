import FleetModel

/// Trials before there is a model: of several random draws the one farthest from all trials so far (Mitchell
/// 1991, "Spectrally optimal sampling for distribution ray tracing", best candidate). Distances go around, 0
/// and 1 are neighbours: else the edges would be preferred.
struct SpreadDraw {
    let history: History
    let coordinates: Coordinates
    /// The rows of a small finite space that are left.
    let untried: [[Double]]?

    private static let draws = 32

    func draw(using generator: inout SeededGenerator) -> Assignment {
        // The latest are enough to keep away from.
        let taken = history.trials.indices.suffix(100).map { Array(history.row($0)) }
        var best: (row: [Double], distance: Double) = ([], -1)
        for _ in 0..<(taken.isEmpty || Knobs.v[2] == 0 ? 1 : Self.draws) {
            let row = row(using: &generator)
            let nearest = taken.reduce(Double.infinity) { min($0, distance(row, $1)) }
            if nearest > best.distance { best = (row, nearest) }
        }
        return history.assignment(at: best.row)
    }

    private func row(using generator: inout SeededGenerator) -> [Double] {
        if let untried { return untried[Int(generator.unit() * Double(untried.count))] }
        return coordinates.places(coordinates.draw(using: &generator))
    }

    /// Squared. Choices that differ are half the range apart, and so is a parameter with a value from one
    /// without.
    private func distance(_ a: [Double], _ b: [Double]) -> Double {
        var sum = 0.0
        for index in a.indices {
            if a[index].isNaN || b[index].isNaN {
                sum += a[index].isNaN && b[index].isNaN ? 0 : 0.25
            } else if case .choice = coordinates.scales[index] {
                sum += a[index] == b[index] ? 0 : 0.25
            } else {
                let away = abs(a[index] - b[index])
                sum += min(away, 1 - away) * min(away, 1 - away)
            }
        }
        return sum
    }
}
