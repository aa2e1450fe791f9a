import FleetModel

/// A coordinate of CMA-ES over an axis with cells, such as whole numbers: without care the distribution
/// would shrink into one cell and see no other again. The margin keeps the chance to leave it at or above
/// 1 / (dimensions · population), by moving the mean and widening the coordinate (Hamano et al. 2022, arXiv
/// 2205.13482, "CMA-ES with margin", section 4). A coordinate of a continuum is left as it is.
struct CMAESMargin: Sendable {
    let axis: Axis
    /// How much wider the coordinate is drawn than the distribution has it.
    private(set) var scale = 1.0

    init(_ axis: Axis) {
        self.axis = axis
    }

    /// Moves `mean` and the scale until there is a chance of `margin` to leave the mean's cell.
    /// - Parameter deviation: of the coordinate, without the scale.
    mutating func correct(_ mean: inout Double, deviation: Double, margin: Double) {
        mean = mean.clamped(to: 0...1)
        guard let cell = axis.cell(atPlace: mean) else { return }
        let width = deviation * scale
        let (isFirst, isLast) = (cell.lowerBound < 1e-9, cell.upperBound > 1 - 1e-9)
        guard !isFirst, !isLast else {
            let reach = width * normalQuantile(1 - margin)
            if isFirst, !isLast { mean = max(mean, cell.upperBound - reach) }
            if isLast, !isFirst { mean = min(mean, cell.lowerBound + reach) }
            return
        }
        let below = normalCDF((cell.lowerBound - mean) / width)
        let above = normalCDF((mean - cell.upperBound) / width)
        guard min(below, above) < margin / 2 else { return }
        widen(&mean, in: cell, below, above, deviation, margin)
    }

    /// Gives both sides at least half of the margin, what the larger one loses to it in proportion.
    private mutating func widen(
        _ mean: inout Double, in cell: ClosedRange<Double>, _ below: Double, _ above: Double,
        _ deviation: Double, _ margin: Double
    ) {
        let (low, high) = (max(below, margin / 2), max(above, margin / 2))
        let middle = 1 - below - above
        let excess = (1 - low - high - middle) / (low + middle + high - 1.5 * margin)
        let ends = [low, high].map { side in
            normalQuantile(1 - (side + excess * (side - margin / 2)).clamped(to: 1e-10...0.5 - 1e-10))
        }
        scale = (cell.upperBound - cell.lowerBound) / ((ends[0] + ends[1]) * deviation)
        mean = (cell.lowerBound * ends[1] + cell.upperBound * ends[0]) / (ends[0] + ends[1])
    }

    /// Where a draw may have been that came out in the cell at `place`: a history knows the cell only. Drawn
    /// again from the part of the normal distribution that falls into it.
    func place(
        in place: Double, mean: Double, deviation: Double, using generator: inout SeededGenerator
    ) -> Double {
        guard let cell = axis.cell(atPlace: place) else { return place }
        let width = deviation * scale
        let low = cell.lowerBound < 1e-9 ? 0 : normalCDF((cell.lowerBound - mean) / width)
        let high = cell.upperBound > 1 - 1e-9 ? 1 : normalCDF((cell.upperBound - mean) / width)
        let mark = generator.unit()
        guard high - low > 1e-9 else { return cell.lowerBound + mark * (cell.upperBound - cell.lowerBound) }
        return mean + width * normalQuantile((low + mark * (high - low)).clamped(to: 1e-12...1 - 1e-12))
    }
}
