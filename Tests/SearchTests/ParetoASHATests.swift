import FleetModel
import Foundation
import Search
import Testing

private func trial(_ number: Int) -> TrialID { TrialID(stage: 0, number: number) }

@Suite struct ParetoASHATests {
    private let usual = ParetoASHA(minStep: 10, reductionFactor: 3, maxStep: 90)

    private func standing(_ verdict: Verdict) -> Standing? {
        switch verdict {
        case .pass(let standing), .stop(.outranked(let standing)): standing
        default: nil
        }
    }

    /// What the last of these trials is told at the first rung.
    private func last(of points: [[Double]], in pruner: ParetoASHA? = nil) -> Verdict {
        var pruner = pruner ?? usual
        return points.enumerated().map { number, point in
            pruner.judge(trial(number), step: 10, losses: point.map { Loss.of($0) })
        }.last ?? .go
    }

    @Test func `with one objective it decides as successive halving does`() {
        for seed in 0..<20 {
            var g = SeededGenerator(seed: UInt64(seed))
            var (pareto, plain) = (usual, ASHAPruner(minStep: 10, reductionFactor: 3, maxStep: 90))
            for number in 0..<60 {
                for step in [7, 10, 35, 89, 90] {
                    let loss = Loss.of(Double(g.int(0...9)))
                    let (one, other) = (
                        pareto.judge(trial(number), step: step, loss: loss),
                        plain.judge(trial(number), step: step, loss: loss)
                    )
                    #expect(standing(one)?.position == standing(other)?.position)
                    #expect(pareto.nextDecision(of: trial(number)) == plain.nextDecision(of: trial(number)))
                    guard standing(one).map({ $0.position <= $0.kept }) != false else { break }
                }
            }
        }
    }

    @Test func `what is dominated stands behind what is not, and the reason has its numbers`() {
        let points: [[Double]] = [[1, 5], [2, 4], [3, 3], [4, 2], [5, 1], [3, 4]]
        let expected = Standing(rung: 10, position: 6, of: 6, kept: 2, front: 2)
        #expect(last(of: points) == .stop(.outranked(expected)))
        #expect("\(expected)" == "rung 10: front 2, place 6 of 6, best 2 go on")
        // Not the best in anything, but nothing is better in everything, and it is far from the others.
        let corner = last(of: [[0, 9], [1, 8.5], [9, 9], [9, 9], [9, 9], [8, 0]])
        #expect(corner == .pass(Standing(rung: 10, position: 2, of: 6, kept: 2, front: 1)))
    }

    @Test func `the first few of a front span all of it`() {
        let line = (0...8).map { [Loss.of(Double($0)), .of(Double(8 - $0))] }
        var places: [Int: Int] = [:]
        for index in line.indices {
            var turned = line
            turned.swapAt(index, line.count - 1)
            places[Pareto.placeInNet(ofLastOf: turned)] = index
        }
        #expect(places[1] == 0 && places[2] == 8 && places[3] == 4)
        // The next two are as far from those, and then come the rest.
        #expect(places.filter { $0.key <= 5 }.values.allSatisfy { $0 % 2 == 0 })
    }

    @Test func `the unit of an objective does not matter, nor that all are equal in one`() {
        var g = SeededGenerator(seed: 3)
        for _ in 0..<200 {
            let points = (0..<g.int(1...30)).map { _ in [Double(g.int(0...20)), Double(g.int(0...20)), 7] }
            let scaled = points.map { [$0[0] * 1024, $0[1] - 64, $0[2]] }
            #expect(last(of: points) == last(of: scaled))
        }
        let huge = [[1e308, -1e308], [-1e308, 1e308], [0, 0]]
        #expect(standing(last(of: huge))?.position == 3)
    }

    @Test func `a better trial is never in a later front, and never at the end is anything decided`() {
        var g = SeededGenerator(seed: 4)
        for _ in 0..<300 {
            let others = (0..<20).map { _ in [Double(g.int(0...9)), Double(g.int(0...9))] }
            let point = [Double(g.int(0...9)), Double(g.int(0...9))]
            let better = [point[0] - Double(g.int(0...2)), point[1] - 1]
            let (front, worse) = (
                standing(last(of: others + [better]))?.front, standing(last(of: others + [point]))?.front
            )
            #expect(try! #require(front) <= #require(worse))
        }
        var pruner = usual
        #expect(pruner.judge(trial(0), step: 90, losses: [.of(1), .of(2)]) == .go)
    }

    @Test func `a trial that skips rungs is judged at each, and a journey through JSON changes nothing`()
        throws
    {
        var pruner = ParetoASHA(minStep: 10, reductionFactor: 2, maxStep: 100)
        for number in 0..<4 {
            _ = pruner.judge(trial(number), step: 45, losses: [.of(Double(number)), .of(Double(-number))])
        }
        #expect(pruner.nextDecision(of: trial(0)) == 80)
        let again = try JSONDecoder().decode(ParetoASHA.self, from: JSONEncoder().encode(pruner))
        #expect(again == pruner)
    }

    /// Losses that fall with the steps, and a cost that is known from the start and falls as the loss rises.
    @Test func `what survives dominates more than what survives by the first objective alone`() {
        var volumes = (pareto: 0.0, plain: 0.0)
        for seed in 0..<10 {
            volumes.pareto += survivors(of: .paretoASHA(ParetoASHA(minStep: 1, maxStep: 27)), seed)
            volumes.plain += survivors(of: .asha(ASHAPruner(minStep: 1, maxStep: 27)), seed)
        }
        #expect(volumes.pareto > 1.15 * volumes.plain, "\(volumes)")
    }

    private func survivors(of pruner: PrunerKind, _ seed: Int) -> Double {
        var (pruner, g) = (pruner, SeededGenerator(seed: UInt64(seed)))
        var ends: [[Loss]] = []
        for number in 0..<120 {
            let (size, luck) = (g.unit(), g.unit())
            for step in 1...27 {
                let loss = 1 - 0.7 * size + 0.3 * luck + 1 / Double(step) + 0.02 * g.unit()
                let losses = [Loss.of(loss), .of(size)]
                if case .stop = pruner.judge(trial(number), step: step, losses: losses) { break }
                if step == 27 { ends.append(losses) }
            }
        }
        return Pareto.hypervolume(of: ends, below: [.of(1.5), .of(1)])
    }
}
