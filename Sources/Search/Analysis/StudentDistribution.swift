/// Student's t distribution with a whole number of degrees of freedom, at least 1.
struct StudentDistribution {
    let degrees: Int

    init(degrees: Int) {
        precondition(degrees >= 1, "a t distribution has at least one degree of freedom")
        self.degrees = degrees
    }

    /// How far from 0 a draw stays with probability `confidence`, above 0 and below 1: the factor of a
    /// two-sided interval. To nine digits up to 2,000 degrees, to six beyond.
    func reach(_ confidence: Double) -> Double {
        precondition(confidence > 0 && confidence < 1, "a confidence lies between 0 and 1")
        var (low, high) = (0.0, 1.0)
        while within(high) < confidence, high < 1e16 { (low, high) = (high, high * 2) }
        for _ in 0..<100 where high - low > 1e-12 * high {
            let middle = low + (high - low) / 2
            if within(middle) < confidence { low = middle } else { high = middle }
        }
        return low + (high - low) / 2
    }

    /// Probability of a draw between -t and t, t from 0.
    func within(_ t: Double) -> Double {
        degrees <= 2_000 ? withinExactly(t) : withinNearly(t)
    }

    /// The finite sums of Abramowitz and Stegun 26.7.3 (odd degrees) and 26.7.4 (even ones).
    private func withinExactly(_ t: Double) -> Double {
        let count = Double(degrees)
        let (sine, cosine) = (t / (count + t * t).squareRoot(), (count / (count + t * t)).squareRoot())
        let isOdd = degrees % 2 == 1
        var term = isOdd ? cosine : 1
        var sum = degrees == 1 ? 0 : term
        for k in stride(from: isOdd ? 3 : 2, to: degrees, by: 2) {
            term *= cosine * cosine * Double(k - 1) / Double(k)
            sum += term
        }
        return isOdd ? (atan(t / count.squareRoot()) + sine * sum) * 2 / Double.pi : sine * sum
    }

    /// By the normal variable of nearly the same probability (Wallace 1959, "Bounds on normal approximations
    /// to Student's and the chi-square distributions").
    private func withinNearly(_ t: Double) -> Double {
        let count = Double(degrees)
        let z = (8 * count + 1) / (8 * count + 3) * (count * log(1 + t * t / count)).squareRoot()
        return 1 - 2 * normalCDF(-z)
    }
}
