import FleetModel

/// A density over rows of places: a mixture of the uniform density and of one kernel an observation, which is
/// a product over the columns (as in Falkner et al. 2018, BOHB, section 4, and in Optuna's multivariate TPE).
///
/// Numbers have normal kernels; choices keep theirs and leak to the others. Where an observation has no value
/// its kernel is uniform. So the trials of all branches of a conditional space share one mixture: a parameter
/// of a branch learns from those that took it, together with all others that were active with it, and
/// parameters outside of branches learn from every trial.
struct ParzenMixture {
    private typealias Lanes = SIMD8<Float>

    private let columns: PlaceColumns
    /// How many kernels.
    private let count: Int
    private let kernels: Kernels
    /// σ by column and kernel.
    private var widths: [Double] = []
    /// The probability with which a choice is drawn anew.
    private let leak: Double
    /// The weight of the uniform density; those of the kernels make up the rest to 1.
    private let uniform: Double
    private let cumulative: [Double]
    /// Eight kernels at a time, by block and then by column: where they lie; by how much the logarithm of a
    /// kernel falls with the square of a distance of 1, as its root; the logarithm of its height.
    private var means: [Lanes]
    private var slopes: [Lanes]
    private var heights: [Lanes]
    /// By block: logarithms of the weights, with the heights in columns that are always active.
    private var bases: [Lanes]
    /// What is taken off all logarithms, so that the highest kernel of many columns is a number yet.
    private var shift = 0.0

    /// - Parameters:
    ///   - prior: the weight of the uniform density beside those of the kernels.
    ///   - leak: the probability with which a choice is drawn anew.
    ///   - width: σ in a column, given its places and the weights of the kernels.
    init(
        _ kernels: Kernels, over columns: PlaceColumns, prior: Double, leak: Double,
        width: (_ places: [Double], _ weights: [Double]) -> Double
    ) {
        (self.columns, self.kernels, self.leak) = (columns, kernels, leak)
        count = kernels.weights.count
        let total = kernels.weights.reduce(prior, +)
        uniform = prior / total
        var sum = 0.0
        cumulative = kernels.weights.map { weight in
            sum += weight / total
            return sum
        }
        let blocks = (count + 7) / 8
        means = [Lanes](repeating: Lanes(), count: blocks * columns.count)
        (slopes, heights) = (means, means)
        // What fills up the last block weighs nothing.
        bases = [Lanes](repeating: Lanes(repeating: -1000), count: blocks)
        for (kernel, weight) in kernels.weights.enumerated() {
            bases[kernel / 8][kernel % 8] = Float(log(weight / total))
        }
        widths.reserveCapacity(count * columns.count)
        for column in 0..<columns.count {
            let places = kernels.places(of: column, among: columns.count)
            if columns.columns[column].choices > 0 {
                addChoices(places, column)
            } else {
                addNumbers(places, width: width(places, kernels.weights), column)
            }
        }
        lower()
    }

    private mutating func lower() {
        let gated = columns.columns.indices.filter { !columns.columns[$0].gates.isEmpty }
        let peaks = bases.indices.map { block in
            gated.reduce(bases[block]) { $0 + heights[block * columns.count + $1] }.max()
        }
        shift = max(0, Double(peaks.max() ?? 0) - 40)
        for block in bases.indices { bases[block] -= Float(shift) }
    }

    /// A choice of its own is at distance 0, each other one at distance 1.
    private mutating func addChoices(_ places: [Double], _ column: Int) {
        let choices = Double(columns.columns[column].choices)
        let same = log((1 - leak) * choices + leak)
        let slope = max(same - log(leak), 0).squareRoot()
        for (kernel, place) in places.enumerated() where !place.isNaN {
            set(kernel, column, place, slope: slope, height: same)
        }
        widths += repeatElement(0, count: count)
    }

    /// A kernel on a grid is not narrower than half its cell. What the ends of the axis cut off is not made up
    /// for, in good and bad densities alike.
    private mutating func addNumbers(_ places: [Double], width: Double, _ column: Int) {
        let isCoarse = columns.columns[column].widestCell / 2 > width
        let height = Self.height(of: width)
        for (kernel, place) in places.enumerated() {
            let cell = isCoarse && !place.isNaN ? columns.cell(at: place, in: column) / 2 : 0
            let own = max(width, cell)
            widths.append(own)
            guard !place.isNaN else { continue }
            set(
                kernel, column, place, slope: 0.5.squareRoot() / own,
                height: cell > width ? Self.height(of: own) : height)
        }
    }

    private static func height(of width: Double) -> Double { -log(width * (2 * Double.pi).squareRoot()) }

    private mutating func set(
        _ kernel: Int, _ column: Int, _ place: Double, slope: Double, height: Double
    ) {
        let (block, lane) = (kernel / 8, kernel % 8)
        let index = block * columns.count + column
        means[index][lane] = Float(place)
        slopes[index][lane] = Float(slope)
        heights[index][lane] = Float(height)
        if columns.columns[column].gates.isEmpty { bases[block][lane] += Float(height) }
    }
}

extension ParzenMixture {
    /// The logarithm of the density at `row`, relative to the uniform one.
    func logDensity(at row: [Double]) -> Double {
        let parts = row.indices.filter { !row[$0].isNaN }.map { column in
            Part(
                column: column, place: Lanes(repeating: Float(row[column])),
                isChoice: columns.columns[column].choices > 0, isGated: !columns.columns[column].gates.isEmpty
            )
        }
        var density = Lanes()
        for block in bases.indices { density += exponential(logKernels(of: block, at: parts)) }
        return shift + log(uniform * exp(-shift) + Double(density.sum()))
    }

    /// One active column of a row.
    private struct Part {
        let column: Int
        let place: Lanes
        let isChoice: Bool
        let isGated: Bool
    }

    private func logKernels(of block: Int, at parts: [Part]) -> Lanes {
        let start = block * columns.count
        return means.withUnsafeBufferPointer { means in
            slopes.withUnsafeBufferPointer { slopes in
                var sum = bases[block]
                for part in parts {
                    let index = start + part.column
                    var distance = part.place - means[index]
                    if part.isChoice { distance.replace(with: 1, where: distance .!= 0) }
                    let fall = distance * slopes[index]
                    sum -= fall * fall
                    if part.isGated { sum += heights[index] }
                }
                return sum
            }
        }
    }

    /// A row drawn from the mixture.
    func draw(using generator: inout SeededGenerator) -> [Double] {
        var row = [Double](repeating: .nan, count: columns.count)
        let mark = generator.unit()
        let home = cumulative.firstIndex { mark < $0 }
        for column in 0..<columns.count where columns.isActive(column, in: row) {
            row[column] = draw(column, home, using: &generator)
        }
        return row
    }

    /// - Parameter home: the kernel that the row is drawn from, nil for the uniform density.
    private func draw(_ column: Int, _ home: Int?, using generator: inout SeededGenerator) -> Double {
        guard let kernel = known(column, near: home, using: &generator) else {
            return columns.draw(column, using: &generator)
        }
        let mean = mean(column, kernel)
        if columns.columns[column].choices > 0 {
            return generator.unit() < leak ? columns.draw(column, using: &generator) : mean
        }
        // A mean inside and a width below the axis's length: a third or more of the draws fall inside.
        for _ in 0..<30 {
            let place = mean + widths[column * count + kernel] * generator.normal()
            if place >= 0, place <= 1 { return columns.snapped(place, in: column) }
        }
        return mean
    }

    /// Where the home kernel has no value, a leak of choices having opened a branch, any that has one.
    private func known(_ column: Int, near home: Int?, using generator: inout SeededGenerator) -> Int? {
        guard let home, mean(column, home).isNaN else { return home }
        let known = (0..<count).filter { !mean(column, $0).isNaN }
        return known.isEmpty ? nil : known[Int(generator.unit() * Double(known.count))]
    }

    private func mean(_ column: Int, _ kernel: Int) -> Double {
        kernels.rows[kernel * columns.count + column]
    }
}

/// e^x for x up to 80 and 0 for those below -80, to six digits: 2^x as a power of two, which goes into the exponent's bits,
/// times a polynomial (the Taylor series of 2^f for f in -1/2...1/2).
private func exponential(_ x: SIMD8<Float>) -> SIMD8<Float> {
    let shifter = SIMD8<Float>(repeating: 12_582_912)  // 1.5 · 2^23: adding it rounds to a whole number
    let power = x.replacing(with: -80, where: x .< -80) * 1.442_695_04
    let shifted = power + shifter
    let f = power - (shifted - shifter)
    var series = f * 1.333_55e-3 + 9.618_13e-3
    series = series * f + 5.550_41e-2
    series = series * f + 2.402_265e-1
    series = series * f + 6.931_472e-1
    series = series * f + 1
    let exponent = unsafeBitCast(shifted, to: SIMD8<Int32>.self) &<< 23
    let value = unsafeBitCast(unsafeBitCast(series, to: SIMD8<Int32>.self) &+ exponent, to: SIMD8<Float>.self)
    return value.replacing(with: 0, where: x .< -80)
}

/// Observations to make kernels of.
struct Kernels {
    /// Rows of places, one after the other.
    private(set) var rows: [Double] = []
    private(set) var weights: [Double] = []

    func places(of column: Int, among columns: Int) -> [Double] {
        stride(from: column, to: rows.count, by: columns).map { rows[$0] }
    }

    mutating func add(_ row: some Sequence<Double>, weight: Double) {
        rows += row
        weights.append(weight)
    }

    mutating func add(_ other: Kernels, share: Double) {
        rows += other.rows
        weights += other.weights.map { $0 * share }
    }
}
