// The only file of Simulation that imports the C library, and only for functions of numbers.
import FleetModel
import Glibc

func log(_ x: Double) -> Double { Glibc.log(x) }

func exp(_ x: Double) -> Double { Glibc.exp(x) }

func pow(_ x: Double, _ y: Double) -> Double { Glibc.pow(x, y) }

extension SeededGenerator {
    /// One draw from the standard normal distribution (Box and Muller 1958), two uniform draws each.
    mutating func normal() -> Double {
        let radius = (-2 * Glibc.log(1 - unit())).squareRoot()
        return radius * Glibc.cos(2 * Double.pi * unit())
    }

    /// Time to the next of independent happenings, `mean` apart on average.
    mutating func exponential(mean: Double) -> Double { -mean * Glibc.log(1 - unit()) }

    /// 1 or more; the smaller `index`, the heavier the tail.
    mutating func pareto(index: Double) -> Double { Glibc.pow(1 - unit(), -1 / index) }

    /// True for that share of draws.
    mutating func chance(_ share: Double) -> Bool { unit() < share }

    mutating func draw(_ range: ClosedRange<Double>) -> Double {
        range.lowerBound + unit() * (range.upperBound - range.lowerBound)
    }

    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: elements.indices, using: &self)]
    }
}
