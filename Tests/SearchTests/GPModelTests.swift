import FleetModel
import Foundation
import Testing

@testable import Search

@Suite struct GPModelTests {
    /// Points with a number, a choice of three and a conditional number, and a smooth loss with some noise.
    static func situation(_ count: Int) -> TrainingSet {
        var g = SeededGenerator(seed: 31)
        var training = TrainingSet([.number, .choice(count: 3), .number], capacity: count)
        for index in 0..<count {
            let (x, choice, y) = (g.unit(), Double(g.int(0...2)), g.unit())
            let loss = Foundation.sin(5 * x) + 0.5 * choice + (choice == 0 ? 0 : y * y) + 0.05 * g.normal()
            training.append(
                [x, choice, choice == 0 ? .nan : y], target: loss - 0.7,
                variance: index % 3 == 0 ? 0.1 : 0, stage: index % 4 == 0 ? 1 : 0, trial: index)
        }
        return training
    }

    @Test func `the gradient of the marginal likelihood is that of differences`() {
        let fit = KernelFit(training: Self.situation(23))
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
        let kernel = MaternKernel(weights: [9, 1.5, 4], signal: 1.3, noise: 1e-3)
        let process = GaussianProcess(kernel, Self.situation(30))
        func predict(_ point: [Double]) -> (GaussianProcess.Prediction, [Double], [Double]) {
            var slopes = GaussianProcess.Slopes(count: 30, dimensions: 3)
            let prediction = process.prediction(at: point, &slopes)
            return (prediction, slopes.mean, slopes.variance)
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
        var training = TrainingSet([.number, .number], capacity: 80)
        for _ in 0..<80 {
            let (x, y) = (g.unit(), g.unit())
            training.append(
                [x, y], target: Foundation.sin(7 * x) + 0.2 * g.normal(), variance: 0, stage: 0, trial: 0)
        }
        let kernel = KernelFit(training: training).kernel()
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

    @Test func `a model takes a running trial for ended as predicted, and is surer there`() {
        let kernel = MaternKernel(weights: [9, 1.5, 4], signal: 1.3, noise: 1e-3)
        var process = GaussianProcess(kernel, Self.situation(9))
        let (at, elsewhere) = ([0.9, 1, 0.1], [0.2, 0, 0.5])
        let (before, other) = (process.prediction(at: at), process.prediction(at: elsewhere))
        process.believe(in: at)
        let after = process.prediction(at: at)
        #expect(abs(after.mean - before.mean) < 1e-9 && after.variance < 0.01 * before.variance)
        #expect(abs(process.prediction(at: elsewhere).mean - other.mean) < 1e-9)
    }

    @Test
    func `losses keep their proportions up to twice the median, beyond they are bent and keep their order`()
        throws
    {
        let losses = [3.0, 1, 2, 4, 5, 100, 1e6]
        let warp = try #require(Warp(losses))
        let targets = losses.map(warp.target(of:))
        let unit = targets[2] - targets[1]
        #expect(abs(targets[0] - targets[2] - unit) < 1e-9 && abs(targets[4] - targets[3] - unit) < 1e-9)
        #expect(targets[4] < targets[5] && targets[5] < targets[6])
        #expect(targets[6] - targets[5] < 40 * unit)
        #expect(abs(targets.reduce(0, +)) < 1e-9)
        #expect(abs(targets.reduce(0) { $0 + $1 * $1 } / 7 - 1) < 1e-9)
        #expect(Warp([]) == nil)
        let same = try #require(Warp([2, 2, 2]))
        #expect(same.target(of: 2) == 0 && same.target(of: 3).isFinite)
        #expect(try #require(Warp([-1e308, 0, 1e308])).target(of: 1e308).isFinite)
    }

    @Test func `the best and the latest are kept when there are too many`() {
        let training = Self.situation(40)
        let smaller = training.limited(to: 10)
        #expect(smaller.count == 10 && training.limited(to: 40) == training)
        let best = training.targets.indices.sorted { training.targets[$0] < training.targets[$1] }.prefix(5)
        #expect(Set(best).isSubset(of: Set(smaller.trials)))
        #expect(Set(smaller.trials).subtracting(best).allSatisfy { $0 >= 30 })
    }
}
