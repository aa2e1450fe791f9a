/// Elements in rising order, equal ones in the order of arrival. They lie in blocks of bounded length, so an
/// insertion moves few of them however long the list is: O(√n) at worst, and in practice a block's length.
package struct SortedList<Element>: Hashable, Codable, Sendable
where Element: Comparable & Hashable & Codable & Sendable {
    /// None is empty.
    private var blocks: [[Element]] = []
    package private(set) var count = 0

    /// A block that grows to this length is cut in two.
    private static var longest: Int { 512 }

    package init() {}

    /// - Parameter sorted: rising.
    package init(sorted: [Element]) {
        blocks = stride(from: 0, to: sorted.count, by: Self.longest / 2).map { start in
            Array(sorted[start..<min(start + Self.longest / 2, sorted.count)])
        }
        count = sorted.count
    }

    package var first: Element? { blocks.first?.first }

    package var elements: [Element] { blocks.flatMap(\.self) }

    /// - Parameter index: from 0 to below `count`.
    package subscript(index: Int) -> Element {
        var (block, rest) = (0, index)
        while rest >= blocks[block].count {
            rest -= blocks[block].count
            block += 1
        }
        return blocks[block][rest]
    }

    /// Puts `element` after those that are equal to it.
    /// - Returns: its index.
    @discardableResult
    package mutating func insert(_ element: Element) -> Int {
        count += 1
        guard !blocks.isEmpty else {
            blocks.append([element])
            return 0
        }
        let block = min(blocks.cut { element < $0[0] }, blocks.count)
        let home = max(0, block - 1)
        let place = blocks[home].cut { element < $0 }
        blocks[home].insert(element, at: place)
        let index = (0..<home).reduce(place) { $0 + blocks[$1].count }
        if blocks[home].count >= Self.longest { split(home) }
        return index
    }

    /// Removes one that is equal to `element`, where there is one.
    package mutating func remove(_ element: Element) {
        var home = max(0, blocks.cut { !($0[0] < element) } - 1)
        while home < blocks.count {
            let place = blocks[home].cut { !($0 < element) }
            if place < blocks[home].count {
                guard blocks[home][place] == element else { return }
                blocks[home].remove(at: place)
                if blocks[home].isEmpty { blocks.remove(at: home) }
                return count -= 1
            }
            home += 1
        }
    }

    /// How many elements are less than `element`.
    package func rank(of element: Element) -> Int {
        let home = max(0, blocks.cut { !($0[0] < element) } - 1)
        guard home < blocks.count else { return 0 }
        return (0..<home).reduce(blocks[home].cut { !($0 < element) }) { $0 + blocks[$1].count }
    }

    private mutating func split(_ block: Int) {
        let half = blocks[block].count / 2
        let upper = Array(blocks[block][half...])
        blocks[block].removeSubrange(half...)
        blocks.insert(upper, at: block + 1)
    }
}

extension Array {
    /// The index of the first element that `isPast`, the count if none is; all after it are, too.
    func cut(_ isPast: (Element) -> Bool) -> Int {
        var (first, end) = (0, count)
        while first < end {
            let middle = (first + end) / 2
            if isPast(self[middle]) { end = middle } else { first = middle + 1 }
        }
        return first
    }
}
