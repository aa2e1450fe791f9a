/// Densities of one parameter's places, over cells: its choices, its values where these are few, else 50
/// equal lengths of its axis.
struct DensityGrid {
    let cells: Int
    private let isOrdered: Bool
    /// Whether places count cells already, as those of choices do.
    private let isIndexed: Bool

    init(_ domain: Domain, _ axis: Axis?) {
        isOrdered = axis != nil
        switch domain {
        case .categorical(let choices):
            cells = choices.count
            isIndexed = true
        case .int(_, _, .log):
            // Its values do not own equal lengths.
            cells = 50
            isIndexed = false
        default:
            cells = axis.map { $0.high > $0.low ? min(50, $0.count ?? 50) : 1 } ?? 1
            isIndexed = false
        }
    }

    /// Pearson's: the mean over `others` of (density / their density - 1)².
    func divergence(of places: [Double], from others: [Double]) -> Double {
        let theirs = density(of: others, prior: [Double](repeating: 1 / Double(cells), count: cells))
        // The others' density is the prior: what little is known does not speak against being like them.
        return zip(density(of: places, prior: theirs), theirs).reduce(0) { sum, pair in
            let (mine, other) = pair
            return sum + (mine - other) * (mine - other) / other
        }
    }

    /// The mass of each cell, above 0; `prior` counts as one place more.
    private func density(of places: [Double], prior: [Double]) -> [Double] {
        var counts = [Double](repeating: 0, count: cells)
        for place in places { counts[cell(of: place)] += 1 }
        let smooth = isOrdered && cells > 1 ? blurred(counts) : counts
        return zip(smooth, prior).map { ($0 + $1) / Double(places.count + 1) }
    }

    private func cell(of place: Double) -> Int {
        let position = isIndexed ? place.rounded() : (place * Double(cells)).rounded(.down)
        return Int(position.clamped(to: 0...Double(cells - 1)))
    }

    /// A normal kernel in place of each count, cut off at the ends of the axis.
    private func blurred(_ counts: [Double]) -> [Double] {
        let width = Self.bandwidth(of: counts)
        // Mass below each distance from the kernel's middle, in half cells.
        let below = (0...2 * cells).map { normalCDF((Double($0 - cells) + 0.5) / width) }
        var masses = [Double](repeating: 0, count: cells)
        for (middle, count) in counts.enumerated() where count > 0 {
            let (low, high) = (below[cells - middle - 1], below[2 * cells - middle - 1])
            for cell in masses.indices {
                let offset = cell - middle + cells
                masses[cell] += count * (below[offset] - below[offset - 1]) / (high - low)
            }
        }
        return masses
    }

    /// Scott's rule (1992) with the smaller of deviation and quartile range, in cells; at least so wide that
    /// 90 % of a kernel lie in its own cell.
    private static func bandwidth(of counts: [Double]) -> Double {
        let total = counts.reduce(0, +)
        let mean = counts.enumerated().reduce(0) { $0 + Double($1.offset) * $1.element } / total
        let squares = counts.enumerated().reduce(0) { sum, cell in
            sum + (Double(cell.offset) - mean) * (Double(cell.offset) - mean) * cell.element
        }
        let quartiles = quantile(0.75, of: counts, total) - quantile(0.25, of: counts, total)
        let deviation = (squares / max(1, total - 1)).squareRoot()
        let narrow = min(deviation, quartiles > 0 ? quartiles / 1.34 : deviation)
        return max(1.059 * narrow / exp(0.2 * log(total)), 0.5 / 1.64)
    }

    /// The cell in which the counts from below reach this share.
    private static func quantile(_ share: Double, of counts: [Double], _ total: Double) -> Double {
        var sum = 0.0
        for (cell, count) in counts.enumerated() {
            sum += count
            if sum >= share * total { return Double(cell) }
        }
        return Double(counts.count - 1)
    }
}
