import FleetModel

/// A density made of one normal kernel per observation and a wide one for the prior, all cut off at the ends
/// of the axis (Bergstra et al. 2011, section 4.2, with the bandwidths and weights of Optuna's defaults).
struct ParzenEstimator {
    private struct Kernel {
        let mean: Double
        /// 1 / σ.
        let inverse: Double
        /// weight / (σ · the kernel's mass inside the axis).
        let height: Double
    }

    private let low: Double
    private let high: Double
    private var kernels: [Kernel] = []
    /// Sums of the weights up to and including each kernel; the last is their total.
    private var cumulative: [Double] = []

    /// - Parameter positions: observed places on `axis`, in the order of proposal.
    init(_ axis: Axis, positions: [Double]) {
        (low, high) = (axis.low, axis.high)
        let sorted = Self.weighted(positions, prior: (low + high) / 2).sorted { $0.mean < $1.mean }
        let finest = (high - low) / Double(min(100, 1 + sorted.count))
        var total = 0.0
        kernels.reserveCapacity(sorted.count)
        cumulative.reserveCapacity(sorted.count)
        for (index, point) in sorted.enumerated() {
            let neighbours = Self.reach(of: index, in: sorted)
            let width = point.isPrior ? high - low : max(neighbours, finest, axis.cell(at: point.mean) / 2)
            add(point, width: min(width, high - low))
            total += point.weight
            cumulative.append(total)
        }
    }

    private struct Point {
        let mean: Double
        let weight: Double
        var isPrior = false
    }

    /// The newest 25 count fully, older ones less and less, down to 1/n for the oldest.
    private static func weighted(_ positions: [Double], prior: Double) -> [Point] {
        let count = positions.count + 1
        let ramp = max(0, count - 25)
        var points = positions.enumerated().map { index, position in
            guard index < ramp else { return Point(mean: position, weight: 1) }
            let oldest = 1 / Double(count)
            let share = Double(index) / Double(max(1, ramp - 1))
            return Point(mean: position, weight: oldest + (1 - oldest) * share)
        }
        points.append(Point(mean: prior, weight: 1, isPrior: true))
        return points
    }

    /// The larger of the distances to the two neighbours; at the ends there is only one.
    private static func reach(of index: Int, in points: [Point]) -> Double {
        let below = index > 0 ? points[index].mean - points[index - 1].mean : 0
        let above = index + 1 < points.count ? points[index + 1].mean - points[index].mean : 0
        return max(below, above)
    }

    private mutating func add(_ point: Point, width: Double) {
        // An axis of one value has no length; any width does.
        let inverse = width > 0 ? 1 / width : 1
        let (left, right) = ((low - point.mean) * inverse, (high - point.mean) * inverse)
        // Beyond 6 σ the mass cut off is below 1e-9.
        let mass = (right > 6 ? 1 : normalCDF(right)) - (left < -6 ? 0 : normalCDF(left))
        let height = point.weight * inverse / max(mass, .leastNormalMagnitude)
        kernels.append(Kernel(mean: point.mean, inverse: inverse, height: height))
    }

    /// One position drawn from the density.
    func draw(using generator: inout SeededGenerator) -> Double {
        let mark = generator.unit() * cumulative[cumulative.count - 1]
        let kernel = kernels[min(cumulative.partition { $0 > mark }, kernels.count - 1)]
        // Means lie inside the axis and widths are at most its length, so a draw falls inside at least one
        // time in three.
        for _ in 0..<100 {
            let position = kernel.mean + generator.normal() / kernel.inverse
            if position >= low, position <= high { return position }
        }
        return kernel.mean
    }

    /// The density at `position`, up to a factor that is the same everywhere; above 0.
    func density(at position: Double) -> Double {
        var sum = 0.0
        for kernel in kernels {
            let z = (position - kernel.mean) * kernel.inverse
            // Further out a kernel adds less than the prior's by eight digits.
            if z * z < 40 { sum += kernel.height * exp(-0.5 * z * z) }
        }
        return sum / cumulative[cumulative.count - 1]
    }
}

extension [Double] {
    /// The index of the first element that `isPast`, the count if none is; the elements rise.
    fileprivate func partition(_ isPast: (Double) -> Bool) -> Int {
        var (first, end) = (0, count)
        while first < end {
            let middle = (first + end) / 2
            if isPast(self[middle]) { end = middle } else { first = middle + 1 }
        }
        return first
    }
}
