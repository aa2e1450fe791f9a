import FleetModel
import Search
import Testing

@Suite struct PowerLawTests {
    /// y = 3 · x^exponent at x = 1, 2, 4, …, each y off by a factor of at most 1 ± noise.
    static func points(
        _ count: Int, exponent: Int, noise: Double, _ g: inout SeededGenerator
    ) -> [PowerLawFit.Point] {
        (0..<count).map { index in
            let x = Double(1 << index)
            var y = 3.0
            for _ in 0..<abs(exponent) { y = exponent > 0 ? y * x : y / x }
            let off = g.unit() + g.unit() + g.unit() - 1.5
            return PowerLawFit.Point(x: x, y: y * (1 + noise * off))
        }
    }

    @Test(arguments: [-2, -1, 0, 1, 3])
    func `an exact law is found exactly`(exponent: Int) throws {
        var g = SeededGenerator(seed: 19)
        let fit = try #require(PowerLawFit(Self.points(5, exponent: exponent, noise: 0, &g)))
        #expect(abs(fit.exponent - Double(exponent)) < 1e-9)
        #expect(abs(fit.scale - 3) < 1e-9)
        #expect(abs(fit(32) / Self.points(6, exponent: exponent, noise: 0, &g)[5].y - 1) < 1e-9)
    }

    @Test(arguments: [3, 4, 6, 12])
    func `the interval covers the planted exponent 95 times in 100`(count: Int) throws {
        var g = SeededGenerator(seed: 20)
        let covered = try (0..<2000).count { _ in
            let fit = try #require(PowerLawFit(Self.points(count, exponent: -1, noise: 0.1, &g)))
            return try #require(fit.exponentInterval).contains(-1)
        }
        // 1900 with a standard deviation of 10.
        #expect((1850...1950).contains(covered), "\(covered) of 2000")
    }

    @Test func `too few points are said to be too few`() throws {
        var g = SeededGenerator(seed: 21)
        #expect(PowerLawFit([]) == nil)
        #expect(PowerLawFit(Self.points(1, exponent: 1, noise: 0, &g)) == nil)
        let pair = try #require(PowerLawFit(Self.points(2, exponent: -1, noise: 0, &g)))
        #expect(pair.exponentInterval == nil)
        #expect(!pair.isEvidence)
        #expect(
            pair.sentence(of: "lr", over: "t")
                == "lr(t) ≈ 3·t^-1 from 2 points: too few to say how sure this is; not enough evidence")
    }

    @Test func `a law that may be flat is no evidence, a steep one is`() throws {
        let flat = [1.0, 2, 1, 2].enumerated().map { PowerLawFit.Point(x: Double($0 + 1), y: $1) }
        let fit = try #require(PowerLawFit(flat))
        #expect(!fit.isEvidence)
        #expect(fit.sentence(of: "lr", over: "t").hasSuffix("not enough evidence that lr moves"))
        var g = SeededGenerator(seed: 22)
        #expect(try #require(PowerLawFit(Self.points(6, exponent: -1, noise: 0.1, &g))).isEvidence)
    }

    @Test(arguments: [
        [PowerLawFit.Point(x: 1, y: 1), .init(x: 1, y: 2)], [.init(x: 0, y: 1), .init(x: 1, y: 1)],
        [.init(x: 1, y: -1), .init(x: 2, y: 1)], [.init(x: 1, y: .nan), .init(x: 2, y: 1)],
        [.init(x: 1, y: .infinity), .init(x: 2, y: 1)],
    ])
    func `points that determine no law give none`(points: [PowerLawFit.Point]) {
        #expect(PowerLawFit(points) == nil)
    }

    /// What scipy 1.17 gives for these points: `stats.linregress` on logarithms, `stats.t.ppf`, and the
    /// textbook formula for a prediction.
    @Test func `intervals are those of scipy`() throws {
        let points = [(1, 2.1), (2, 1.6), (4, 1.05), (8, 0.83), (16, 0.5)]
            .map { PowerLawFit.Point(x: Double($0.0), y: $0.1) }
        let fit = try #require(PowerLawFit(points))
        near(fit.exponent, -0.5087667319323232)
        near(fit.scale, 2.184859069716445)
        near(fit.exponentInterval, -0.6155702761561734...(-0.40196318770847306))
        near(fit.exponentInterval(confidence: 0.5), -0.5344366737904418...(-0.48309679007420464))
        near(fit.interval(at: 32), 0.2931029273852243...0.4789456472019779)
        near(fit.predictionInterval(at: 32), 0.2668815057611733...0.5260026199752261)
        near(
            fit.predictionInterval(at: 32, weight: 4, confidence: 0.99),
            0.2274269882127804...0.6172546730556484)
    }

    @Test func `weights are those of numpy's polyfit`() throws {
        let points = [(1, 2.1, 1), (2, 1.6, 4), (4, 1.05, 2), (8, 0.83, 0.5), (16, 0.5, 3)]
            .map { PowerLawFit.Point(x: Double($0.0), y: $0.1, weight: $0.2) }
        let fit = try #require(PowerLawFit(points))
        near(fit.exponent, -0.538432592998379)
        near(fit.scale, 2.262083505812347)
        near(fit.exponentInterval, -0.6147863209329646...(-0.46207886506379336))
        near(fit.scaleInterval(), 1.983998716412236...2.5791457146311294)
    }

    @Test(arguments: [3, 5, 9])
    func `the prediction covers the next point 95 times in 100`(count: Int) throws {
        var g = SeededGenerator(seed: 23)
        let covered = try (0..<2000).count { _ in
            let points = Self.points(count + 1, exponent: -1, noise: 0.1, &g)
            let fit = try #require(PowerLawFit(Array(points.dropLast())))
            return try #require(fit.predictionInterval(at: points[count].x)).contains(points[count].y)
        }
        #expect((1860...1940).contains(covered), "\(covered) of 2000")
    }

    @Test func `many points give nearly normal intervals`() throws {
        // t with 2001 degrees: 1.961150; scipy's linregress error is the same.
        let points = (1...2003).map { PowerLawFit.Point(x: Double($0), y: $0 % 2 == 0 ? 1 : 2) }
        let fit = try #require(PowerLawFit(points))
        let half = try #require(fit.exponentInterval).upperBound - fit.exponent
        let other = try #require(fit.exponentInterval(confidence: 0.5)).upperBound - fit.exponent
        near(half / other, 2.9070771628084113)
    }

    private func near(_ value: Double, _ expected: Double) {
        #expect(abs(value / expected - 1) < 1e-6, "\(value), not \(expected)")
    }

    private func near(_ interval: ClosedRange<Double>?, _ expected: ClosedRange<Double>) {
        near(interval?.lowerBound ?? .nan, expected.lowerBound)
        near(interval?.upperBound ?? .nan, expected.upperBound)
    }
}
