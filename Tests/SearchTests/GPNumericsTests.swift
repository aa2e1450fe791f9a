import FleetModel
import Foundation
import Testing

@testable import Search

@Suite struct GPNumericsTests {
    /// The lower triangle, packed, of A Aᵀ + 1 for a random A.
    static func matrix(_ count: Int, _ g: inout SeededGenerator) -> [Double] {
        let a = (0..<count).map { _ in (0..<count).map { _ in g.normal() } }
        return (0..<count).flatMap { i in
            (0...i).map { j in (0..<count).reduce(i == j ? 1 : 0) { $0 + a[i][$1] * a[j][$1] } }
        }
    }

    /// K x for a packed K.
    static func product(_ matrix: [Double], _ x: [Double]) -> [Double] {
        x.indices.map { i in
            x.indices.reduce(0) { sum, j in
                sum + matrix[Cholesky.start(of: max(i, j)) + min(i, j)] * x[j]
            }
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 7, 8, 9, 17, 64])
    func `a factor solves its own matrix, and its inverse is one`(count: Int) {
        var g = SeededGenerator(seed: UInt64(count))
        let matrix = Self.matrix(count, &g)
        let factor = Cholesky(matrix, count: count)
        let x = (0..<count).map { _ in g.normal() }
        let solved = factor.solve(Self.product(matrix, x))
        #expect(zip(solved, x).allSatisfy { abs($0 - $1) < 1e-9 })
        let inverse = factor.inverse()
        let again = Self.product(inverse, Self.product(matrix, x))
        #expect(zip(again, x).allSatisfy { abs($0 - $1) < 1e-9 })
        let squares = (0..<count).map { factor.rows[Cholesky.start(of: $0 + 1) - 1] }
        #expect(abs(squares.reduce(0) { $0 + 2 * Foundation.log($1) } - factor.logDeterminant) < 1e-10)
    }

    @Test func `rows appended one at a time give the factor of the whole`() {
        var g = SeededGenerator(seed: 3)
        let matrix = Self.matrix(13, &g)
        var grown = Cholesky()
        for row in 0..<13 { grown.append(matrix[Cholesky.start(of: row)..<Cholesky.start(of: row + 1)]) }
        let whole = Cholesky(matrix, count: 13)
        #expect(grown.rows == whole.rows && grown.logDeterminant == whole.logDeterminant)
    }

    @Test func `eight right-hand sides at once are solved as one by one`() {
        var g = SeededGenerator(seed: 4)
        let factor = Cholesky(Self.matrix(11, &g), count: 11)
        var block = (0..<88).map { _ in g.normal() }
        let before = block
        block.withUnsafeMutableBufferPointer { factor.solveLower(eight: $0.baseAddress!) }
        for lane in 0..<8 {
            var x = (0..<11).map { before[$0 * 8 + lane] }
            x.withUnsafeMutableBufferPointer { factor.solveLower($0.baseAddress!) }
            #expect((0..<11).allSatisfy { abs(x[$0] - block[$0 * 8 + lane]) < 1e-12 })
        }
    }

    @Test func `the exponential agrees with the C library's`() {
        var g = SeededGenerator(seed: 5)
        for _ in 0..<2000 {
            let x = Lanes((0..<4).map { _ in (g.unit() - 0.5) * 1400 })
            let y = exponential(x)
            for lane in 0..<4 {
                #expect(abs(y[lane] / Foundation.exp(x[lane]) - 1) < 1e-14, "\(x[lane])")
            }
        }
    }

    /// By mpmath 1.3 with 50 digits: log h(z) and its derivative, h(z) = φ(z) + z Φ(z).
    @Test(arguments: [
        (-1000.0, -500014.73445209116, 1000.001999994), (-100, -5010.1295788002498, 100.01999400419587),
        (-40, -808.29856835661996, 40.049906657648518), (-12.5, -84.114182840685441, 12.657057565828094),
        (-5.000001, -16.744306524477701, 5.3618171812802966),
        (-4.999999, -16.744295800845219, 5.3618153012958988), (-3, -7.8696860596030285, 3.5323375176251605),
        (-1, -2.4851210257126413, 1.9042712333296918), (0, -0.91893853320467274, 1.2533141373155003),
        (2.5, 0.91709206559216452, 0.39719771838373845), (9, 2.1972245773362194, 0.11111111111111111),
    ])
    func `the logarithm of the expected improvement has its digits far out`(
        z: Double, value: Double, slope: Double
    ) {
        let found = LogImprovement.standard(z)
        #expect(abs(found.value - value) <= 1e-11 * abs(value))
        #expect(abs(found.slope - slope) <= 1e-10 * abs(slope))
    }

    @Test func `the slopes of the improvement are those of differences`() {
        let improvement = LogImprovement(incumbent: 0.3)
        for (mean, deviation) in [(0.1, 0.2), (1.0, 0.1), (2.0, 0.05), (-3.0, 1.5)] {
            let at = improvement.at(mean: mean, deviation: deviation)
            let step = 1e-6
            let byMean =
                (improvement.at(mean: mean + step, deviation: deviation).value
                    - improvement.at(mean: mean - step, deviation: deviation).value) / (2 * step)
            let byDeviation =
                (improvement.at(mean: mean, deviation: deviation + step).value
                    - improvement.at(mean: mean, deviation: deviation - step).value) / (2 * step)
            #expect(abs(byMean - at.byMean) < 1e-5 * max(1, abs(at.byMean)))
            #expect(abs(byDeviation - at.byDeviation) < 1e-4 * max(1, abs(at.byDeviation)))
        }
    }

    @Test func `a valley inside a box is followed to its bottom, or to the wall`() {
        let search = QuasiNewton(iterations: 200, tolerance: 1e-8)
        func rosenbrock(_ x: [Double], _ gradient: inout [Double]) -> Double {
            let (a, b) = (1 - x[0], x[1] - x[0] * x[0])
            gradient = [-2 * a - 400 * b * x[0], 200 * b]
            return a * a + 100 * b * b
        }
        let free = search.minimum(from: [-1.2, 1], low: [-3, -3], high: [3, 3], of: rosenbrock)
        #expect(abs(free.point[0] - 1) < 1e-5 && abs(free.point[1] - 1) < 1e-5)
        // On the wall x = 0.5 the best is y = 0.25.
        let walled = search.minimum(from: [-1.2, 1], low: [-3, -3], high: [0.5, 3], of: rosenbrock)
        #expect(walled.point[0] == 0.5 && abs(walled.point[1] - 0.25) < 1e-5)
    }
}
