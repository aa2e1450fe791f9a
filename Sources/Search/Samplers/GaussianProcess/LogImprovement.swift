/// The logarithm of the expected improvement, and its slopes, without ever taking the logarithm of zero (Ament
/// et al. 2023, "Unexpected Improvements to Expected Improvement", section 4.1).
struct LogImprovement {
    /// The loss to be improved upon.
    let incumbent: Double

    struct Value {
        let value: Double
        /// Derivatives by the mean and by the standard deviation.
        let byMean: Double
        let byDeviation: Double
    }

    /// - Parameter deviation: above 0.
    func at(mean: Double, deviation: Double) -> Value {
        let z = (incumbent - mean) / deviation
        let (value, slope) = Self.standard(z)
        return Value(
            value: value + log(deviation), byMean: -slope / deviation,
            byDeviation: (1 - z * slope) / deviation)
    }

    /// log(φ(z) + z Φ(z)) and its derivative.
    static func standard(_ z: Double) -> (value: Double, slope: Double) {
        let logDensity = -0.5 * z * z - 0.9189385332046728
        guard z < -5 else {
            let mass = normalCDF(z)
            let improvement = exp(logDensity) + z * mass
            return (log(improvement), mass / improvement)
        }
        // Mills' ratio as a continued fraction 1 / (t + c), c = 1 / (t + 2 / (t + 3 / …)): then the improvement
        // is φ(t) c / (t + c), with nothing to cancel. Sixteen terms give all digits from 5 on.
        let t = -z
        var tail = t
        for term in stride(from: 16.0, through: 2, by: -1) { tail = t + term / tail }
        let c = 1 / tail
        return (logDensity + log(c / (t + c)), tail)
    }
}
