// The only file of Search that imports the C library, and only for functions of numbers.
// Results may differ in the last bit between C libraries, so effects are journalled and not only events.
import FleetModel
import Glibc

func log(_ x: Double) -> Double { Glibc.log(x) }

func exp(_ x: Double) -> Double { Glibc.exp(x) }

func log2(_ x: Double) -> Double { Glibc.log2(x) }

func log10(_ x: Double) -> Double { Glibc.log10(x) }

func pow(_ x: Double, _ y: Double) -> Double { Glibc.pow(x, y) }

/// Probability that a standard normal variable is at most `z`.
func normalCDF(_ z: Double) -> Double { 0.5 * Glibc.erfc(-z * 0.5.squareRoot()) }

extension SeededGenerator {
    /// One draw from the standard normal distribution (Box and Muller 1958), two uniform draws each.
    mutating func normal() -> Double {
        let radius = (-2 * Glibc.log(1 - unit())).squareRoot()
        return radius * Glibc.cos(2 * Double.pi * unit())
    }
}

/// Between -π/2 and π/2.
func atan(_ x: Double) -> Double { Glibc.atan(x) }

/// Of counts, which are not negative: what is too large is as many as there can be.
extension Int {
    func saturatingProduct(_ other: Int) -> Int {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }

    func saturatingSum(_ other: Int) -> Int {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}

/// `x` with three significant digits, for sentences.
func short(_ x: Double, digits: Int = 3) -> String {
    guard x.isFinite, x != 0 else { return "\(x)" }
    let places = digits - 1 - Int(Glibc.floor(Glibc.log10(Swift.abs(x))))
    guard (-22...22).contains(places) else { return "\(x)" }
    let power = Glibc.pow(10, Double(Swift.abs(places)))
    let rounded = places >= 0 ? (x * power).rounded() / power : (x / power).rounded() * power
    guard rounded == rounded.rounded(), Swift.abs(rounded) < 1e15 else { return "\(rounded)" }
    return "\(Int(rounded))"
}

/// The `p`-quantile of the standard normal distribution, 0 < p < 1, to about nine digits: the rational
/// approximation in Abramowitz and Stegun 26.2.23, then three steps of Newton's method.
func normalQuantile(_ p: Double) -> Double {
    guard p <= 0.5 else { return -normalQuantile(1 - p) }
    let t = (-2 * log(p)).squareRoot()
    let ratio =
        (2.515517 + t * (0.802853 + t * 0.010328))
        / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
    var z = ratio - t
    for _ in 0..<3 { z -= (normalCDF(z) - p) * 2.5066282746310002 * exp(0.5 * z * z) }
    return z
}
