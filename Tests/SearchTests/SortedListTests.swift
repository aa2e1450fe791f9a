import FleetModel
import Foundation
import Search
import Testing

@Suite struct SortedListTests {
    /// Equal by key: the arrival tells equal ones apart.
    struct Item: Comparable, Hashable, Codable, Sendable {
        let key: Int
        let arrival: Int

        static func == (a: Item, b: Item) -> Bool { a.key == b.key }
        static func < (a: Item, b: Item) -> Bool { a.key < b.key }
        func hash(into hasher: inout Hasher) { hasher.combine(key) }
    }

    /// Thousands of elements make many blocks.
    @Test(arguments: [3, 100_000])
    func `insertions and removals do what they do to an array`(keys: Int) throws {
        var (list, array, g) = (SortedList<Item>(), [Item](), SeededGenerator(seed: 41))
        for arrival in 0..<6000 {
            let item = Item(key: g.int(0...keys), arrival: arrival)
            let place = array.firstIndex { item < $0 } ?? array.count
            array.insert(item, at: place)
            #expect(list.insert(item) == place)
            guard arrival % 3 == 2 else { continue }
            let gone = array[g.int(0...array.count - 1)]
            list.remove(gone)
            array.remove(at: array.firstIndex(of: gone) ?? 0)
        }
        #expect(list.count == array.count)
        #expect(list.elements.map(\.arrival) == array.map(\.arrival))
        for _ in 0..<200 {
            let probe = Item(key: g.int(-1...keys + 1), arrival: 0)
            #expect(list.rank(of: probe) == array.count { $0 < probe })
            let index = g.int(0...array.count - 1)
            #expect(list[index].arrival == array[index].arrival)
        }
        #expect(try JSONDecoder().decode(SortedList<Item>.self, from: JSONEncoder().encode(list)) == list)
    }

    @Test func `what is not there is not removed, and the last one leaves an empty list`() {
        var list = SortedList<Int>()
        list.remove(1)
        #expect(list.first == nil && list.rank(of: 5) == 0)
        list.insert(2)
        list.remove(1)
        list.remove(3)
        #expect(list.elements == [2])
        list.remove(2)
        #expect(list == SortedList())
        #expect(SortedList(sorted: Array(0..<2000)).elements == Array(0..<2000))
    }
}
