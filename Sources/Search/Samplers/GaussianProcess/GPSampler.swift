public import FleetModel

/// Bayesian optimisation.
public struct GPSampler: Sampler {
    /// So many spread trials come first, at least 1.
    public let startup: Int
    private var memo = Memo<Fitted>()

    private struct Fitted: Sendable {
        var count: Int
        var kernel: MaternKernel
    }

    public init(startup: Int = 10) {
        precondition(startup >= 1, "a model needs at least one trial")
        self.startup = startup
    }

    public mutating func propose(
        from history: History, using generator: inout SeededGenerator
    ) -> Proposal? {
        let complete = history.ended.compactMap { index -> (Int, Double)? in
            if case .complete(let losses) = history.trials[index].result { return (index, losses[0].value) }
            return nil
        }
        let tried = history.trials.count
        guard tried >= startup, complete.count >= 2 else {
            if Knobs.v[8] > 0 {
                let dims = history.dimensions
                let row = (0..<dims).map { d in
                    SobolSampler(seed: UInt64(Knobs.v[8])).place(of: tried, dimension: d)
                }
                let coordinates = Coordinates(history)
                return Proposal(history.assignment(at: row.indices.map { coordinates.coordinate($0, at: row[$0]) }), .startup(number: tried + 1, of: startup))
            }
            return Proposal(
                history.space.draw(using: &generator), .startup(number: tried + 1, of: startup))
        }
        let coordinates = Coordinates(history)
        var points = ModelPoints(coordinates.kinds, capacity: history.trials.count + 1)
        for (index, _) in complete { points.append(history.row(index)) }
        let targets = Warp.apply(complete.map(\.1))
        let kernel = fitted(points, targets)
        let noise = [Double](repeating: 1, count: targets.count)
        let process = GaussianProcess(kernel, points, targets: targets, noise: noise, mean: 0)
        let order = targets.indices.sorted { targets[$0] < targets[$1] }
        var incumbent = targets[order[0]]
        if Knobs.v[9] > 0 {
            let search = AcquisitionSearch(
                process: process, improvement: LogImprovement(incumbent: 0), coordinates: coordinates)
            let rows = order.prefix(8).map { Array(history.row(complete[$0].0)) }
            incumbent = search.means(of: rows).min()!
        }
        let search = AcquisitionSearch(
            process: process, improvement: LogImprovement(incumbent: incumbent), coordinates: coordinates)
        let best = order.prefix(5).map { Array(history.row(complete[$0].0)) }
        let ranked = search.ranked(around: best, using: &generator)
        let reason = ProposalReason.model(observations: targets.count, good: 1)
        for candidate in ranked {
            let assignment = history.assignment(at: coordinates.places(candidate.point))
            if history.trials.contains(where: { $0.assignment == assignment }) { continue }
            return Proposal(assignment, reason)
        }
        return Proposal(history.space.draw(using: &generator), .random)
    }

    private mutating func fitted(_ points: ModelPoints, _ targets: [Double]) -> MaternKernel {
        let noise = [Double](repeating: 1, count: targets.count)
        return KernelFit(points: points, targets: targets, noise: noise).kernel()
    }
}

extension SobolSampler {
    func place(of point: Int, dimension: Int) -> Double { coordinate(of: point, dimension: dimension) }
}

extension AcquisitionSearch {
    func means(of points: [[Double]]) -> [Double] {
        let kinds = process.points.kinds
        return points.map { places in
            let p = zip(places, kinds).map { ModelPoints.coordinate($0, $1) }
            var a = p, b = p
            var s = [Double](repeating: 0, count: 3 * process.points.count)
            return process.predict(p, scratch: &s, meanSlopes: &a, varianceSlopes: &b).mean
        }
    }

    func ranked(around best: [[Double]], using generator: inout SeededGenerator) -> [Candidate] {
        let spread = spread(count: Int(Knobs.v[11]), &generator)
        let near = near(best, count: Int(Knobs.v[12]), &generator)
        let all = spread + near
        let scores = scores(of: all)
        var candidates = zip(all, scores).map { Candidate(point: $0, score: $1) }
        let cut = spread.count
        func top(_ range: Range<Int>, _ n: Int) -> [Candidate] {
            Array(range.sorted { scores[$0] > scores[$1] }.prefix(n)).map { candidates[$0] }
        }
        let starts = top(0..<cut, Int(Knobs.v[13])) + top(cut..<all.count, Int(Knobs.v[14]))
        let climbed = starts.map { climb(from: $0) }
        candidates.append(contentsOf: climbed)
        return candidates.sorted { $0.score > $1.score }
    }

    func spread(count: Int, _ generator: inout SeededGenerator) -> [[Double]] {
        let shifts = coordinates.scales.map { _ in generator.unit() }
        return (0..<count).map { number in
            coordinates.scales.indices.map { index in
                let u: Double
                if index < SobolSequence.dimensions {
                    let x = Double(SobolSequence.coordinate(of: UInt32(number), dimension: index)) * 0x1p-32
                    u = x + shifts[index] - (x + shifts[index] >= 1 ? 1 : 0)
                } else {
                    u = generator.unit()
                }
                return coordinates.coordinate(index, at: u)
            }
        }
    }

    func near(_ best: [[Double]], count: Int, _ generator: inout SeededGenerator) -> [[Double]] {
        let dims = coordinates.scales.count
        return (0..<count).map { number in
            let centre = best[number % best.count]
            var point = centre.indices.map {
                centre[$0].isNaN ? coordinates.coordinate($0, at: generator.unit()) : centre[$0]
            }
            let width = [0.3, 0.1, 0.03, 0.01, 0.003][(number / best.count) % 5]
            let chance = max(1 / Double(dims), number % 2 == 0 ? 1 : min(1, 2.5 / Double(dims)))
            for index in 0..<dims where generator.unit() < chance {
                switch coordinates.scales[index] {
                case .choice: if generator.unit() < 0.5 { point[index] = coordinates.coordinate(index, at: generator.unit()) }
                case .grid(let places):
                    let here = places.firstIndex(of: point[index]) ?? 0
                    let hop = generator.normal() * max(width * Double(places.count), 1)
                    point[index] = places[min(max(here + Int(hop.rounded()), 0), places.count - 1)]
                case .line:
                    point[index] = min(max(point[index] + width * generator.normal(), 0), 1)
                }
            }
            return point
        }
    }
}
