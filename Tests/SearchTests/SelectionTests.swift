import FleetModel
import Testing

@testable import Search

@Suite struct SelectionTests {
    @Test(arguments: [0, 1, 2, 7, 60, 1000])
    func `the first few of many are those that sorting puts first, equal ones as they arrived`(few: Int) {
        var g = SeededGenerator(seed: 51)
        for keys in [0, 5, 10_000] {
            let many = (0..<500).map { (key: g.int(0...keys), arrival: $0) }
            let first = many.first(few) { $0.key < $1.key }
            let sorted = many.sorted { ($0.key, $0.arrival) < ($1.key, $1.arrival) }
            #expect(first.map(\.arrival) == sorted.prefix(few).map(\.arrival))
        }
    }

    @Test func `the median is that of all sorted`() throws {
        #expect([Double]().median == nil)
        var g = SeededGenerator(seed: 52)
        for count in Array(1...40) + [999, 1000] {
            for keys in [0, 3, 10_000] {
                let values = (0..<count).map { _ in Double(g.int(-keys...keys)) }
                let sorted = values.sorted()
                let median = 0.5 * (sorted[(count - 1) / 2] + sorted[count / 2])
                for order in [values, sorted, sorted.reversed()] { #expect(order.median == median) }
            }
        }
    }
}
