import FleetModel

/// Losses as a Gaussian process can model them.
enum Warp {
    static func apply(_ losses: [Double]) -> [Double] {
        switch Int(Knobs.v[7]) {
        case 1: standardised(clip(losses))
        case 2: standardised(halfRank(losses))
        case 3: normalRank(losses)
        case 4: power(losses)
        case 5: standardised(logarithmic(losses))
        case 6: standardised(logarithmic(halfRank(losses)))
        default: standardised(losses)
        }
    }

    static func standardised(_ x: [Double]) -> [Double] {
        let mean = x.reduce(0, +) / Double(x.count)
        let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
        let s = variance > 0 ? 1 / variance.squareRoot() : 1
        return x.map { ($0 - mean) * s }
    }

    /// Winsorise the bad side.
    static func clip(_ x: [Double]) -> [Double] {
        let sorted = x.sorted()
        let median = sorted[sorted.count / 2]
        let low = sorted[0]
        return x.map { min($0, median + Knobs.v[10] * (median - low)) }
    }

    /// Losses above the median are replaced by half-normal quantiles with deviation estimated on the good half.
    static func halfRank(_ x: [Double]) -> [Double] {
        let sorted = x.sorted()
        let n = x.count
        let median = n % 2 == 1 ? sorted[n / 2] : 0.5 * (sorted[n / 2] + sorted[n / 2 - 1])
        let good = sorted.filter { $0 <= median }
        let sd = (good.reduce(0) { $0 + ($1 - median) * ($1 - median) } / Double(good.count)).squareRoot()
        guard sd > 0 else { return x }
        return x.map { v in
            guard v > median else { return v }
            let below = Double(sorted.count { $0 < v })
            let equal = Double(sorted.count { $0 == v })
            return median + sd * quantile((below + 0.5 * equal) / Double(n))
        }
    }

    static func normalRank(_ x: [Double]) -> [Double] {
        let n = x.count
        let sorted = x.sorted()
        return x.map { v in
            let below = Double(sorted.count { $0 < v })
            let equal = Double(sorted.count { $0 == v })
            return quantile((below + 0.5 * equal) / Double(n))
        }
    }

    static func logarithmic(_ x: [Double]) -> [Double] {
        let low = x.min()!, high = x.max()!
        guard high > low else { return x }
        let s = Knobs.v[10]
        return x.map { log(s + ($0 - low) / (high - low)) }
    }

    /// Box-Cox-like: log(c + (y - min)/(median-min)) with c by likelihood of normality.
    static func power(_ x: [Double]) -> [Double] {
        let sorted = x.sorted()
        let low = sorted[0]
        let scale = sorted[sorted.count / 2] - low
        guard scale > 0 else { return standardised(x) }
        var best = (standardised(x), -Double.infinity)
        for c in [0.03, 0.1, 0.3, 1, 3, 10, 100] {
            let warped = x.map { log(c + ($0 - low) / scale) }
            let mean = warped.reduce(0, +) / Double(x.count)
            let variance = warped.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
            let jacobian = -warped.reduce(0, +)
            let score = -0.5 * Double(x.count) * log(variance) + jacobian - Double(x.count) * 0
            if score > best.1 { best = (standardised(warped), score) }
        }
        return best.0
    }

    /// Inverse normal distribution by bisection on normalCDF.
    static func quantile(_ p: Double) -> Double {
        var (low, high) = (-8.0, 8.0)
        for _ in 0..<50 {
            let mid = 0.5 * (low + high)
            if normalCDF(mid) < p { low = mid } else { high = mid }
        }
        return 0.5 * (low + high)
    }
}
