import FleetModel
import Search
import Testing

@Suite struct TrendTests {
    /// The middles of `count` stages of 200 steps.
    static func steps(_ count: Int) -> [Double] { (0..<count).map { 100 + 200 * Double($0) } }

    /// What a stage's optimum would be under `shape`, off by a factor e^±noise (standard deviation).
    static func points(
        _ count: Int, noise: Double, _ g: inout SeededGenerator, shape: (Double) -> Double
    ) -> [PowerLawFit.Point] {
        steps(count).map { x in
            let sum = (0..<12).reduce(0.0) { sum, _ in sum + g.unit() } - 6
            return PowerLawFit.Point(x: x, y: shape(x) * power(2.718281828459045, noise * sum))
        }
    }

    /// base^exponent through Search's own mathematics, which a test cannot import: (e^a)^x by a fit.
    static func power(_ base: Double, _ exponent: Double) -> Double {
        // e^x by its series on a halved argument: exact enough for noise.
        var (term, sum) = (1.0, 1.0)
        let x = exponent / 16
        for k in 1..<12 {
            term *= x / Double(k)
            sum += term
        }
        var result = sum
        for _ in 0..<4 { result *= result }
        return result
    }

    static func design(_ count: Int) throws -> LineDesign {
        let logs = steps(count).map { PowerLawFit([.init(x: 1, y: 1), .init(x: 2.718281828459045, y: $0)])! }
        return try #require(
            LineDesign(places: logs.map(\.exponent), weights: logs.map { _ in 1 }))
    }

    @Test(arguments: [5, 8])
    func `the 90 % interval covers a planted exponent 87 to 93 times in 100`(count: Int) throws {
        var g = SeededGenerator(seed: 31)
        let design = try Self.design(count)
        let covered = (0..<1000).count { _ in
            let points = Self.points(count, noise: 0.15, &g) { 0.02 / $0.squareRoot() }
            return Trend(design, points).exponentInterval().contains(-0.5)
        }
        #expect((870...930).contains(covered), "\(covered) of 1000")
    }

    @Test(arguments: [5, 8])
    func `on flat data a law is claimed in under 5 of 100 cases`(count: Int) throws {
        var g = SeededGenerator(seed: 32)
        let design = try Self.design(count)
        var claimed: [Trend.Verdict: Int] = [:]
        for _ in 0..<1000 {
            let trend = Trend(design, Self.points(count, noise: 0.15, &g) { _ in 0.003 })
            claimed[trend.verdict, default: 0] += 1
        }
        #expect(claimed[.law, default: 0] < 50, "\(claimed)")
        #expect(claimed[.notEnoughEvidence(.mayBeFlat), default: 0] > 900, "\(claimed)")
    }

    @Test func `a planted law is mostly claimed, and its forecast covers the next optimum`() throws {
        var g = SeededGenerator(seed: 33)
        let design = try Self.design(6)
        var (claimed, covered) = (0, 0)
        for _ in 0..<300 {
            let points = Self.points(7, noise: 0.1, &g) { 0.02 / $0.squareRoot() }
            let trend = Trend(design, Array(points.prefix(6)))
            guard let forecast = trend.forecast(at: points[6].x) else { continue }
            claimed += 1
            if forecast.range.contains(points[6].y) { covered += 1 }
            #expect(forecast.factor > 1)
        }
        #expect(claimed > 270, "\(claimed) of 300")
        #expect(Double(covered) / Double(claimed) > 0.85, "\(covered) of \(claimed)")
    }

    @Test func `equal points give no law and no crash`() throws {
        let trend = try #require(Trend(Self.steps(6).map { PowerLawFit.Point(x: $0, y: 0.001) }))
        #expect(trend.verdict == .notEnoughEvidence(.mayBeFlat))
        #expect(trend.forecast(at: 5000) == nil)
        #expect(trend.exponentInterval().contains(0))
        #expect(trend.sentence(of: "lr", over: "t").hasSuffix("not enough evidence that lr moves"))
    }

    @Test func `an exact law is found exactly and one wild point does not bend it`() throws {
        var points = Self.steps(8).map { PowerLawFit.Point(x: $0, y: 3 / $0) }
        let exact = try #require(Trend(points))
        #expect(exact.verdict == .law)
        #expect(abs(exact.exponent + 1) < 1e-9)
        #expect(abs(exact.scale - 3) < 1e-7)
        var g = SeededGenerator(seed: 34)
        points = Self.points(8, noise: 0.02, &g) { 3 / $0 }
        points[5] = .init(x: points[5].x, y: 8 * points[5].y)
        #expect(abs(try #require(Trend(points)).exponent + 1) < 0.15)
        #expect(abs(try #require(PowerLawFit(points)).exponent + 1) > 0.15)
    }

    @Test func `a plateau and a step are told from a law`() throws {
        var g = SeededGenerator(seed: 35)
        let plateau = try #require(Trend(Self.points(10, noise: 0.02, &g) { min($0, 700) }))
        #expect(plateau.verdict == .plateau)
        #expect(abs(try #require(plateau.shapes[0].turn) - 700) < 1)
        let step = try #require(Trend(Self.points(10, noise: 0.02, &g) { $0 < 1000 ? 0.004 : 0.001 }))
        #expect(step.verdict == .step)
        #expect(step.sentence(of: "lr", over: "t").hasPrefix("lr moves, but not along a power law: 0.00"))
    }

    @Test func `too few points are said to be too few`() throws {
        let few = Self.steps(4).map { PowerLawFit.Point(x: $0, y: 3 / $0) }
        #expect(try #require(Trend(few)).verdict == .notEnoughEvidence(.fewPoints(4)))
        #expect(Trend(Array(few.prefix(2))) == nil)
        #expect(Trend(Array(repeating: few[0], count: 5)) == nil)
        #expect(Trend([.init(x: 1, y: .nan), .init(x: 2, y: 1), .init(x: 3, y: 1)]) == nil)
    }

    @Test func `a stage's optimum is the middle of its good trials, not its luckiest one`() throws {
        let cells = [(0.001, 2.00), (0.002, 2.001), (0.004, 2.0), (0.03, 2.6), (0.00001, 2.9), (0.1, .nan)]
            .map { SmoothedOptimum.Cell(value: $0.0, loss: $0.1) }
        let optimum = try #require(SmoothedOptimum(of: cells))
        #expect(abs(optimum.value - 0.002) < 1e-5)
        #expect(optimum.cells > 2.9 && optimum.cells <= 3)
        let single = try #require(SmoothedOptimum(of: [cells[1]]))
        #expect(abs(single.value - 0.002) < 1e-12)
        #expect(SmoothedOptimum(of: [.init(value: -1, loss: 1), .init(value: 1, loss: .infinity)]) == nil)
    }
}
