/// What is to happen, the earliest first; what was put in for the same time comes out in that order, so that
/// a simulation is the same each time.
struct EventHeap<Item> {
    private struct Entry {
        let time: Double
        let sequence: Int
        let item: Item

        func isBefore(_ other: Entry) -> Bool {
            time < other.time || (time == other.time && sequence < other.sequence)
        }
    }

    /// A binary heap: no entry is before its parent, at (index - 1) / 2.
    private var entries: [Entry] = []
    private var sequence = 0

    var isEmpty: Bool { entries.isEmpty }

    mutating func push(_ item: Item, at time: Double) {
        precondition(time.isFinite, "an event happens at some time")
        sequence += 1
        let entry = Entry(time: time, sequence: sequence, item: item)
        entries.append(entry)
        var index = entries.count - 1
        while index > 0, entry.isBefore(entries[(index - 1) / 2]) {
            entries[index] = entries[(index - 1) / 2]
            index = (index - 1) / 2
        }
        entries[index] = entry
    }

    mutating func pop() -> (time: Double, item: Item)? {
        guard let first = entries.first, let last = entries.popLast() else { return nil }
        guard !entries.isEmpty else { return (last.time, last.item) }
        var index = 0
        while case let child = earlierChild(of: index), child < entries.count,
            entries[child].isBefore(last)
        {
            entries[index] = entries[child]
            index = child
        }
        entries[index] = last
        return (first.time, first.item)
    }

    private func earlierChild(of index: Int) -> Int {
        let left = 2 * index + 1
        guard left + 1 < entries.count else { return left }
        return entries[left + 1].isBefore(entries[left]) ? left + 1 : left
    }
}
