import FleetModel
import Search
import Testing

@Suite struct LearningCurveTests {
    /// y = 2 + 5 / x^(1/2) at x = 1, 4, 9, …, each y off by nearly normal noise of this deviation.
    static func points(_ count: Int, noise: Double, _ g: inout SeededGenerator) -> [PowerLawFit.Point] {
        (1...count).map { index in
            let off = (0..<12).reduce(-6) { sum, _ in sum + g.unit() }
            return PowerLawFit.Point(x: Double(index * index), y: 2 + 5 / Double(index) + noise * off)
        }
    }

    @Test func `an exact curve is found, and continued`() throws {
        var g = SeededGenerator(seed: 40)
        let fit = try #require(LearningCurveFit(Self.points(12, noise: 0, &g)))
        #expect(abs(fit.asymptote - 2) < 1e-4 && abs(fit.scale - 5) < 1e-4 && abs(fit.rate - 0.5) < 1e-4)
        #expect(abs(fit(10_000) - 2.05) < 1e-4)
        #expect(abs(fit(.infinity) - fit.asymptote) < 1e-12)
    }

    @Test(arguments: [8, 20])
    func `the interval covers the planted curve 95 times in 100, far ahead and at infinity`(count: Int) throws
    {
        var g = SeededGenerator(seed: 41)
        var (ahead, limit, next) = (0, 0, 0)
        for _ in 0..<300 {
            let fit = try #require(LearningCurveFit(Self.points(count, noise: 0.05, &g)))
            if try #require(fit.interval(at: 1600)).contains(2.125) { ahead += 1 }
            if try #require(fit.interval(at: .infinity)).contains(2) { limit += 1 }
            let off = (0..<12).reduce(-6) { sum, _ in sum + g.unit() }
            if try #require(fit.predictionInterval(at: 1600)).contains(2.125 + 0.05 * off) { next += 1 }
        }
        // 285 with a standard deviation of 3.8, and some for estimating the noise robustly.
        for covered in [ahead, limit, next] {
            #expect((268...297).contains(covered), "\(ahead) \(limit) \(next)")
        }
    }

    @Test func `an outlier moves the curve little`() throws {
        var g = SeededGenerator(seed: 42)
        var points = Self.points(20, noise: 0.01, &g)
        points[12] = .init(x: points[12].x, y: 40)
        let fit = try #require(LearningCurveFit(points))
        #expect(abs(fit(1600) - 2.125) < 0.05)
    }

    @Test func `a weight of two counts as the point twice`() throws {
        var g = SeededGenerator(seed: 43)
        let points = Self.points(6, noise: 0.02, &g)
        let heavy = points.enumerated().map { PowerLawFit.Point(x: $1.x, y: $1.y, weight: $0 == 2 ? 2 : 1) }
        let twice = try #require(LearningCurveFit(points + [points[2]]))
        let once = try #require(LearningCurveFit(heavy))
        #expect(abs(once(900) - twice(900)) < 0.02)
    }

    @Test func `rising and flat curves are curves too`() throws {
        let rising = (1...9).map { PowerLawFit.Point(x: Double($0), y: 3 - 1 / Double($0)) }
        let fit = try #require(LearningCurveFit(rising))
        #expect(fit.scale < 0 && abs(fit.asymptote - 3) < 1e-3)
        let flat = (1...9).map { PowerLawFit.Point(x: Double($0), y: 7) }
        let level = try #require(LearningCurveFit(flat))
        #expect(level(500) == 7)
        #expect(try #require(LearningCurveFit(Array(rising.prefix(3)))).interval(at: 9) == nil)
    }

    @Test(arguments: [
        [PowerLawFit.Point(x: 1, y: 1), .init(x: 2, y: 1)], [],
        [.init(x: 1, y: 1), .init(x: 1, y: 2), .init(x: 2, y: 2)],
        [.init(x: 0, y: 1), .init(x: 1, y: 1), .init(x: 2, y: 1)],
        [.init(x: 1, y: .nan), .init(x: 2, y: 1), .init(x: 3, y: 1)],
        [.init(x: 1, y: 3, weight: 0), .init(x: 2, y: 1), .init(x: 3, y: 1)],
    ])
    func `points that determine no curve give none`(points: [PowerLawFit.Point]) {
        #expect(LearningCurveFit(points) == nil)
    }
}
