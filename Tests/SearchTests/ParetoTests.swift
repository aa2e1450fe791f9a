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

    @Test(arguments: 1...5)
    func `large fronts are those of a comparison of all with all`(objectives: Int) {
        var g = SeededGenerator(seed: 31)
        let points = (0..<400).map { _ in
            (0..<objectives).map { _ in Loss.of((g.unit() * 40).rounded() / 8) }
        }
        var rest = Array(points.indices)
        for front in Pareto.fronts(of: points) {
            let first = rest.filter { index in !rest.contains { Pareto.dominates(points[$0], points[index]) }
            }
            #expect(front == first)
            rest.removeAll { front.contains($0) }
        }
        #expect(rest.isEmpty)
    }

    @Test func `crowding is the share of the extent between neighbours, summed, and infinite at the ends`() {
        let front = [(0, 10), (1, 6), (4, 5), (10, 0)].map { [Loss.of($0.0), .of($0.1)] }
        let distance = Pareto.crowding(of: front)
        #expect(distance[0] == .infinity && distance[3] == .infinity)
        #expect(abs(distance[1] - (0.4 + 0.5)) < 1e-12 && abs(distance[2] - (0.9 + 0.6)) < 1e-12)
        #expect(Pareto.crowding(of: []) == [])
        #expect(Pareto.crowding(of: [[.of(3), .of(4)]]) == [0])
        #expect(Pareto.crowding(of: [[.of(3)], [.of(3)], [.of(3)]]) == [0, 0, 0])
        // The equal ones in the middle touch each other on one side.
        let twins = [(0, 4), (1, 3), (1, 3), (4, 0)].map { [Loss.of($0.0), .of($0.1)] }
        #expect(Pareto.crowding(of: twins)[1...2].allSatisfy { $0 == 1 })
    }

    @Test(arguments: 1...4)
    func `losses as large as numbers get give crowding and volume without not-a-number`(objectives: Int) {
        let (huge, tiny) = (Double.greatestFiniteMagnitude, Double.leastNonzeroMagnitude)
        var g = SeededGenerator(seed: 32)
        for _ in 0..<200 {
            let points = (0..<8).map { _ in
                (0..<objectives).map { _ in Loss.of([-huge, -1, 0, tiny, 1, huge][g.int(0...5)]) }
            }
            #expect(Pareto.fronts(of: points).joined().count == 8)
            #expect(Pareto.crowding(of: points).allSatisfy { $0 >= 0 })
            guard objectives >= 2 else { continue }
            for edge in [0, 2, huge] {
                let reference = [Loss](repeating: .of(edge), count: objectives)
                #expect(Pareto.hypervolume(of: points, below: reference) >= 0)
            }
        }
    }

    @Test(arguments: [2, 3, 4, 5])
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
