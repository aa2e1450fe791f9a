/// The lower triangular factor L of a positive definite matrix K = L Lᵀ, packed row after row, so that a
/// point more is a row more.
struct Cholesky {
    private(set) var count = 0
    /// Row i begins at i (i + 1) / 2 and has i + 1 entries.
    private(set) var rows: [Double] = []
    /// 1 / L[i][i].
    private(set) var inverses: [Double] = []
    /// The natural logarithm of the determinant of K.
    private(set) var logDeterminant = 0.0

    init() {}

    /// - Parameter matrix: the lower triangle of K, packed in the same way.
    init(_ matrix: [Double], count: Int) {
        rows = matrix
        inverses.reserveCapacity(count)
        for _ in 0..<count { finishRow() }
    }

    @inline(__always)
    static func start(of row: Int) -> Int { row * (row + 1) / 2 }

    /// Extends K by one row.
    /// - Parameter row: K[n][0], … K[n][n].
    mutating func append(_ row: some Sequence<Double>) {
        rows.append(contentsOf: row)
        finishRow()
    }

    /// Keeps the first `count` rows: the factor of the leading block of K.
    mutating func keep(_ count: Int) {
        guard count < self.count else { return }
        self.count = count
        rows.removeLast(rows.count - Self.start(of: count))
        inverses.removeLast(inverses.count - count)
        logDeterminant = -2 * inverses.reduce(0) { $0 + log($1) }
    }

    /// Turns the next row of K, which stands in `rows` already, into the next row of L.
    private mutating func finishRow() {
        let pivot = rows.withUnsafeMutableBufferPointer { rows in
            inverses.withUnsafeBufferPointer { inverses in
                guard let base = rows.baseAddress else { return 1.0 }
                let row = base + Self.start(of: count)
                if let inverses = inverses.baseAddress {
                    Self.solve(UnsafePointer(base), inverses, row, count)
                }
                // Rounding may eat a pivot of two points that are nearly one.
                let square = max(row[count] - dot(row, row, count), 1e-12 * max(row[count], 1e-12))
                row[count] = square.squareRoot()
                return row[count]
            }
        }
        inverses.append(1 / pivot)
        logDeterminant += 2 * log(pivot)
        count += 1
    }

    /// Solves L x = b in place for the leading `count` rows.
    private static func solve(
        _ rows: UnsafePointer<Double>, _ inverses: UnsafePointer<Double>, _ x: UnsafeMutablePointer<Double>,
        _ count: Int
    ) {
        var index = 0
        while index + 4 <= count {
            let r0 = rows + start(of: index)
            let r1 = r0 + index + 1
            let r2 = r1 + index + 2
            let r3 = r2 + index + 3
            let sums = dots(x, r0, r1, r2, r3, index)
            let x0 = (x[index] - sums[0]) * inverses[index]
            let x1 = (x[index + 1] - sums[1] - r1[index] * x0) * inverses[index + 1]
            let x2 = (x[index + 2] - sums[2] - r2[index] * x0 - r2[index + 1] * x1) * inverses[index + 2]
            let rest = r3[index] * x0 + r3[index + 1] * x1 + r3[index + 2] * x2
            let x3 = (x[index + 3] - sums[3] - rest) * inverses[index + 3]
            x.set(Lanes(x0, x1, x2, x3), at: index)
            index += 4
        }
        while index < count {
            x[index] = (x[index] - dot(x, rows + start(of: index), index)) * inverses[index]
            index += 1
        }
    }
}

extension Cholesky {
    /// Solves L x = b in place; `x` has `count` entries.
    func solveLower(_ x: UnsafeMutablePointer<Double>) {
        rows.withUnsafeBufferPointer { rows in
            inverses.withUnsafeBufferPointer { inverses in
                guard let rows = rows.baseAddress, let inverses = inverses.baseAddress else { return }
                Self.solve(rows, inverses, x, count)
            }
        }
    }

    /// Solves Lᵀ x = b in place; `x` has `count` entries.
    func solveUpper(_ x: UnsafeMutablePointer<Double>) {
        rows.withUnsafeBufferPointer { rows in
            guard let rows = rows.baseAddress else { return }
            for index in stride(from: count - 1, through: 0, by: -1) {
                x[index] *= inverses[index]
                add(-x[index], rows + Self.start(of: index), to: x, index)
            }
        }
    }

    /// K⁻¹ b.
    func solve(_ b: [Double]) -> [Double] {
        var x = b
        x.withUnsafeMutableBufferPointer { x in
            guard let x = x.baseAddress else { return }
            solveLower(x)
            solveUpper(x)
        }
        return x
    }

    /// Solves L X = B for eight right-hand sides at once, in place.
    /// - Parameter block: row-major, `count` rows of eight.
    func solveLower(eight block: UnsafeMutablePointer<Double>) {
        rows.withUnsafeBufferPointer { rows in
            guard let rows = rows.baseAddress else { return }
            for index in 0..<count {
                let row = rows + Self.start(of: index)
                let x = block + index * 8
                var (left, right) = (x.lanes(at: 0), x.lanes(at: 4))
                for before in 0..<index {
                    let known = block + before * 8
                    left -= row[before] * known.lanes(at: 0)
                    right -= row[before] * known.lanes(at: 4)
                }
                x.set(left * inverses[index], at: 0)
                x.set(right * inverses[index], at: 4)
            }
        }
    }

    /// The lower triangle of K⁻¹, packed.
    func inverse() -> [Double] {
        let lower = inverseFactor()
        var result = [Double](repeating: 0, count: rows.count)
        result.withUnsafeMutableBufferPointer { result in
            lower.withUnsafeBufferPointer { lower in
                guard let result = result.baseAddress, let lower = lower.baseAddress else { return }
                // K⁻¹[i][j] = Σ M[k][i] M[k][j] over k >= i, with M = L⁻¹.
                for i in 0..<count {
                    let row = result + Self.start(of: i)
                    var k = i
                    while k + 4 <= count {
                        let (m0, m1) = (lower + Self.start(of: k), lower + Self.start(of: k + 1))
                        let (m2, m3) = (lower + Self.start(of: k + 2), lower + Self.start(of: k + 3))
                        add(Lanes(m0[i], m1[i], m2[i], m3[i]), m0, m1, m2, m3, to: row, i + 1)
                        k += 4
                    }
                    while k < count {
                        let m = lower + Self.start(of: k)
                        add(m[i], m, to: row, i + 1)
                        k += 1
                    }
                }
            }
        }
        return result
    }

    /// L⁻¹, packed.
    private func inverseFactor() -> [Double] {
        var result = [Double](repeating: 0, count: rows.count)
        result.withUnsafeMutableBufferPointer { result in
            rows.withUnsafeBufferPointer { rows in
                guard let result = result.baseAddress, let rows = rows.baseAddress else { return }
                for i in 0..<count {
                    let (l, row) = (rows + Self.start(of: i), result + Self.start(of: i))
                    let scale = -inverses[i]
                    var j = 0
                    while j + 4 <= i {
                        let (m0, m1) = (result + Self.start(of: j), result + Self.start(of: j + 1))
                        let (m2, m3) = (result + Self.start(of: j + 2), result + Self.start(of: j + 3))
                        add(scale * l.lanes(at: j), m0, m1, m2, m3, to: row, j + 1)
                        // The corner in which the four rows differ in length.
                        row[j + 1] +=
                            scale * (l[j + 1] * m1[j + 1] + l[j + 2] * m2[j + 1] + l[j + 3] * m3[j + 1])
                        row[j + 2] += scale * (l[j + 2] * m2[j + 2] + l[j + 3] * m3[j + 2])
                        row[j + 3] += scale * l[j + 3] * m3[j + 3]
                        j += 4
                    }
                    while j < i {
                        add(scale * l[j], result + Self.start(of: j), to: row, j + 1)
                        j += 1
                    }
                    row[i] = inverses[i]
                }
            }
        }
        return result
    }
}
