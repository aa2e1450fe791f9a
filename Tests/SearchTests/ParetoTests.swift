import FleetModel
import Search
import Testing

@Suite struct ParetoTests {
    /// Whole losses from 0 to 5, so that equal ones and equal points turn up.
    static func points(_ count: Int, objectives: Int, _ g: inout SeededGenerator) -> [[Loss]] {
        (0..<count).map { _ in (0..<objectives).map { _ in Loss.of(Double(g.int(0...5))) } }
    }

    /// The volume as a count of unit cells: one counts when some point is at or below its lower corner.
    static func cells(under points: [[Loss]], below edge: Int) -> Int {
        let objectives = points.first?.count ?? 0
        var corners: [[Double]] = [[]]
        for _ in 0..<objectives { corners = corners.flatMap { c in (0..<edge).map { c + [Double($0)] } } }
        return corners.count { corner in
            points.contains { zip($0, corner).allSatisfy { $0.value <= $1 } }
        }
    }

    @Test func `a point dominates what it is nowhere worse than and somewhere better`() {
        #expect(Pareto.dominates([.of(1), .of(2)], [.of(1), .of(3)]))
        #expect(!Pareto.dominates([.of(1), .of(2)], [.of(1), .of(2)]))
        #expect(!Pareto.dominates([.of(1), .of(3)], [.of(2), .of(2)]))
    }

    @Test(arguments: 1...4)
    func `each point is once in a front, dominated by none in its own and by one in the front before`(
        objectives: Int
    ) {
        var g = SeededGenerator(seed: 28)
        for _ in 0..<300 {
            let points = Self.points(g.int(0...30), objectives: objectives, &g)
            let fronts = Pareto.fronts(of: points)
            #expect(fronts.flatMap { $0 }.sorted() == Array(points.indices))
            for (number, front) in fronts.enumerated() {
                #expect(front == front.sorted() && !front.isEmpty)
                for index in front {
                    #expect(!front.contains { Pareto.dominates(points[$0], points[index]) })
                    guard number > 0 else { continue }
                    #expect(fronts[number - 1].contains { Pareto.dominates(points[$0], points[index]) })
                }
            }
        }
    }

    @Test(arguments: [2, 3, 4])
    func `the hypervolume is what counting cells gives`(objectives: Int) {
        var g = SeededGenerator(seed: 29)
        for _ in 0..<60 {
            let points = Self.points(g.int(0...12), objectives: objectives, &g)
            for edge in [3, 6] {
                let reference = [Loss](repeating: .of(Double(edge)), count: objectives)
                let volume = Pareto.hypervolume(of: points, below: reference)
                #expect(volume == Double(Self.cells(under: points, below: edge)), "\(points) below \(edge)")
            }
        }
    }

    @Test(arguments: [2, 3])
    func `only the first front counts, and each of its points`(objectives: Int) throws {
        var g = SeededGenerator(seed: 30)
        let reference = [Loss](repeating: .of(1), count: objectives)
        for _ in 0..<100 {
            let points = (0..<20).map { _ in (0..<objectives).map { _ in Loss.of(g.unit()) } }
            let front = try #require(Pareto.fronts(of: points).first).map { points[$0] }
            let whole = Pareto.hypervolume(of: points, below: reference)
            #expect(abs(Pareto.hypervolume(of: front, below: reference) - whole) < 1e-12)
            for index in front.indices {
                var rest = front
                rest.remove(at: index)
                #expect(Pareto.hypervolume(of: rest, below: reference) < whole)
            }
        }
    }

    @Test func `points at or beyond the reference add nothing`() {
        let reference = [Loss.of(2), .of(2), .of(2)]
        #expect(Pareto.hypervolume(of: [], below: reference) == 0)
        #expect(Pareto.hypervolume(of: [[.of(0), .of(2), .of(0)]], below: reference) == 0)
        #expect(Pareto.hypervolume(of: [[.of(-9), .of(-9), .of(3)]], below: reference) == 0)
        #expect(Pareto.hypervolume(of: [[.of(1), .of(0), .of(-1)]], below: reference) == 6)
    }
}
