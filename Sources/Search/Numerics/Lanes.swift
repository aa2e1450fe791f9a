/// Loops over buffers of doubles, four lanes at a time. The compiler may not reorder sums of floating point,
/// so what should run in lanes is written in lanes.
typealias Lanes = SIMD4<Double>

extension UnsafePointer<Double> {
    @inline(__always)
    func lanes(at index: Int) -> Lanes {
        UnsafeRawPointer(self + index).loadUnaligned(as: Lanes.self)
    }
}

extension UnsafeMutablePointer<Double> {
    @inline(__always)
    func lanes(at index: Int) -> Lanes {
        UnsafeRawPointer(self + index).loadUnaligned(as: Lanes.self)
    }

    @inline(__always)
    func set(_ lanes: Lanes, at index: Int) {
        UnsafeMutableRawPointer(self + index).storeBytes(of: lanes, as: Lanes.self)
    }
}

/// Sum of a[i] · b[i].
@inline(__always)
func dot(_ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int) -> Double {
    var (even, odd) = (Lanes(), Lanes())
    var index = 0
    while index + 8 <= count {
        even += a.lanes(at: index) * b.lanes(at: index)
        odd += a.lanes(at: index + 4) * b.lanes(at: index + 4)
        index += 8
    }
    var sum = (even + odd).sum()
    while index < count {
        sum += a[index] * b[index]
        index += 1
    }
    return sum
}

/// The products of one vector with four others, which share its loads.
@inline(__always)
func dots(
    _ a: UnsafePointer<Double>, _ b0: UnsafePointer<Double>, _ b1: UnsafePointer<Double>,
    _ b2: UnsafePointer<Double>, _ b3: UnsafePointer<Double>, _ count: Int
) -> Lanes {
    var (s0, s1, s2, s3) = (Lanes(), Lanes(), Lanes(), Lanes())
    var index = 0
    while index + 4 <= count {
        let lanes = a.lanes(at: index)
        s0 += lanes * b0.lanes(at: index)
        s1 += lanes * b1.lanes(at: index)
        s2 += lanes * b2.lanes(at: index)
        s3 += lanes * b3.lanes(at: index)
        index += 4
    }
    var sums = Lanes(s0.sum(), s1.sum(), s2.sum(), s3.sum())
    while index < count {
        sums += a[index] * Lanes(b0[index], b1[index], b2[index], b3[index])
        index += 1
    }
    return sums
}

/// y[i] += factor · x[i].
@inline(__always)
func add(_ factor: Double, _ x: UnsafePointer<Double>, to y: UnsafeMutablePointer<Double>, _ count: Int) {
    var index = 0
    while index + 4 <= count {
        y.set(y.lanes(at: index) + factor * x.lanes(at: index), at: index)
        index += 4
    }
    while index < count {
        y[index] += factor * x[index]
        index += 1
    }
}

/// y[i] += Σ factors[k] · x_k[i], four vectors in one pass over y.
@inline(__always)
func add(
    _ factors: Lanes, _ x0: UnsafePointer<Double>, _ x1: UnsafePointer<Double>,
    _ x2: UnsafePointer<Double>, _ x3: UnsafePointer<Double>, to y: UnsafeMutablePointer<Double>,
    _ count: Int
) {
    var index = 0
    while index + 4 <= count {
        let first = factors[0] * x0.lanes(at: index) + factors[1] * x1.lanes(at: index)
        let second = factors[2] * x2.lanes(at: index) + factors[3] * x3.lanes(at: index)
        y.set(y.lanes(at: index) + (first + second), at: index)
        index += 4
    }
    while index < count {
        let first = factors[0] * x0[index] + factors[1] * x1[index]
        y[index] += first + (factors[2] * x2[index] + factors[3] * x3[index])
        index += 1
    }
}

/// e to the power of numbers from -708 to 708, to two units in the last place: Cody and Waite's reduction by
/// multiples of ln 2, then Taylor's series. No table and no C library, so it is the same everywhere.
@inline(__always)
func exponential(_ x: Lanes) -> Lanes {
    // Adding 1.5 · 2^52 leaves the rounded integer in the lowest bits.
    let shifted = x * 1.4426950408889634 + 0x1.8p52
    let whole = shifted - 0x1.8p52
    let r = (x - whole * 6.93147180369123816490e-01) - whole * 1.90821492927058770002e-10
    var p = r * (1.0 / 479_001_600) + 1.0 / 39_916_800
    p = p * r + 1.0 / 3_628_800
    p = p * r + 1.0 / 362_880
    p = p * r + 1.0 / 40_320
    p = p * r + 1.0 / 5_040
    p = p * r + 1.0 / 720
    p = p * r + 1.0 / 120
    p = p * r + 1.0 / 24
    p = p * r + 1.0 / 6
    p = p * r + 0.5
    p = p * r + 1
    p = p * r + 1
    let power = unsafeBitCast(shifted, to: SIMD4<UInt64>.self) &<< 52
    return unsafeBitCast(unsafeBitCast(p, to: SIMD4<UInt64>.self) &+ power, to: Lanes.self)
}
