import FleetModel
import Foundation
import Testing

@testable import Search

@Suite struct GPModelTests {
    /// Points with a number, a choice of three and a conditional number, and a smooth loss with some noise.
    static func situation(_ count: Int) -> (points: ModelPoints, targets: [Double]) {
        var g = SeededGenerator(seed: 31)
        var points = ModelPoints([.number, .choice(count: 3), .number], capacity: count + 1)
        var targets: [Double] = []
        for _ in 0..<count {
            let (x, choice, y) = (g.unit(), Double(g.int(0...2)), g.unit())
            points.append([x, choice, choice == 0 ? .nan : y])
            targets.append(Foundation.sin(5 * x) + 0.5 * choice + (choice == 0 ? 0 : y * y) + 0.05 * g.normal())
        }
        let mean = targets.reduce(0, +) / Double(count)
        return (points, targets.map { $0 - mean })
    }

    @Test func `the gradient of the marginal likelihood is that of differences`() {
        let (points, targets) = Self.situation(23)
        let noise = (0..<23).map { $0 % 3 == 0 ? 4.0 : 1 }
        let fit = KernelFit(points: points, targets: targets, noise: noise)
        let at = [-0.4, 0.3, 0.1, 0.2, -3.0]
        var gradient = [Double](repeating: 0, count: 5)
        _ = fit.loss(at: at, &gradient)
        for index in at.indices {
            var (up, down, unused) = (at, at, gradient)
            up[index] += 1e-5
            down[index] -= 1e-5
            let slope = (fit.loss(at: up, &unused) - fit.loss(at: down, &unused)) / 2e-5
            #expect(abs(slope - gradient[index]) < 1e-5 * max(1, abs(slope)), "parameter \(index)")
        }
    }

    @Test func `a prediction's slopes are those of differences, one point and eight agree`() {
        let (points, targets) = Self.situation(30)
        let kernel = MaternKernel(weights: [9, 1.5, 4], signal: 1.3, noise: 1e-3)
        let process = GaussianProcess(
            kernel, points, targets: targets, noise: [Double](repeating: 1, count: 30), mean: 0.1)
        func predict(_ point: [Double]) -> (GaussianProcess.Prediction, [Double], [Double]) {
            var (byMean, byVariance) = ([0.0, 0, 0], [0.0, 0, 0])
            var scratch = [Double](repeating: 0, count: 90)
            let prediction = process.predict(
                point, scratch: &scratch, meanSlopes: &byMean, varianceSlopes: &byVariance)
            return (prediction, byMean, byVariance)
        }
        let at = [0.37, 2, 0.61]
        let (prediction, byMean, byVariance) = predict(at)
        for dimension in [0, 2] {
            var (up, down) = (at, at)
            up[dimension] += 1e-5
            down[dimension] -= 1e-5
            let (above, below) = (predict(up).0, predict(down).0)
            #expect(abs((above.mean - below.mean) / 2e-5 - byMean[dimension]) < 1e-6)
            #expect(abs((above.variance - below.variance) / 2e-5 - byVariance[dimension]) < 1e-6)
        }
        var scratch = [Double](repeating: 0, count: 270)
        var eight = [GaussianProcess.Prediction](repeating: .init(mean: 0, variance: 0), count: 8)
        process.predict(eight: (0..<8).flatMap { _ in at }, scratch: &scratch, &eight)
        for other in eight {
            #expect(abs(other.mean - prediction.mean) < 1e-12)
            #expect(abs(other.variance - prediction.variance) < 1e-12)
        }
    }

    @Test func `the fit tells what matters from what does not, and finds the noise`() {
        var g = SeededGenerator(seed: 32)
        var points = ModelPoints([.number, .number], capacity: 80)
        var targets: [Double] = []
        for _ in 0..<80 {
            let (x, y) = (g.unit(), g.unit())
            points.append([x, y])
            targets.append(Foundation.sin(7 * x) + 0.2 * g.normal())
        }
        let kernel = KernelFit(
            points: points, targets: targets, noise: [Double](repeating: 1, count: 80)
        ).kernel()
        #expect(kernel.weights[0] > 20 * kernel.weights[1])
        // 0.04, estimated from 80 points.
        #expect((0.02...0.08).contains(kernel.noise))
    }

    @Test func `inactive values stand at the centre of the others, so the kernel stays positive definite`() {
        let kinds: [ModelPoints.Kind] = [.choice(count: 4)]
        var points = ModelPoints(kinds, capacity: 5)
        for place in [0, 1, 2, 3, Double.nan] { points.append([place]) }
        var squares = [Double](repeating: 0, count: 5)
        points.addSquares(along: 0, from: ModelPoints.inactive, weight: 2, count: 5, to: &squares)
        // The circumradius of a tetrahedron with edges of 1 is √(3/8).
        #expect(squares == [0.75, 0.75, 0.75, 0.75, 0])
        points.addSquares(along: 0, from: 1, weight: 2, count: 5, to: &squares)
        #expect(squares == [2.75, 0.75, 2.75, 2.75, 0.75])
    }
}
