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
}
