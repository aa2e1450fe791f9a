/// Round-to-nearest by adding: after `x + roundingShift` the low bits of the sum hold the whole number.
private let roundingShift: Float = 12_582_912

/// e to each lane; relative error under 2e-7, exactly 0 under -87 (also for -infinity). Range reduction and
/// polynomial of Cephes' `expf` (Moshier).
@inline(__always)
func exponential(_ x: Lanes) -> Lanes {
    let limited = lesser(x, Lanes(repeating: 88))
    let shifted = limited * 1.442_695_04 + roundingShift
    let whole = shifted - roundingShift
    let rest = limited - whole * 0.693_359_375 + whole * 2.121_944_4e-4
    var series = rest * 1.987_569_15e-4 + 1.398_199_950_7e-3
    series = series * rest + 8.333_451_907_3e-3
    series = series * rest + 4.166_579_589_4e-2
    series = series * rest + 1.666_666_545_9e-1
    series = series * rest + 5.000_000_120_1e-1
    series = series * rest * rest + rest + 1
    let bits = unsafeBitCast(shifted, to: SIMD8<UInt32>.self)
    let power = unsafeBitCast((bits &+ 127) &<< 23, to: Lanes.self)
    return (series * power).replacing(with: 0, where: x .< -87)
}

/// The lesser of each pair of lanes; a NaN in `a` stays. (`pointwiseMin` compiles to scalar code.)
@inline(__always)
func lesser(_ a: Lanes, _ b: Lanes) -> Lanes { a.replacing(with: b, where: b .< a) }

/// The greater of each pair of lanes; a NaN in `a` stays.
@inline(__always)
func greater(_ a: Lanes, _ b: Lanes) -> Lanes { a.replacing(with: b, where: b .> a) }
