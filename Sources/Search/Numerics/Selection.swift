// What needs only a part of the order of many, without sorting all of them.

extension Sequence {
    /// The `count` elements that would stand first were all sorted, in that order, equal ones as they arrived: for a
    /// few of many.
    func first(_ count: Int, by precedes: (Element, Element) -> Bool) -> [Element] {
        var found: [Element] = []
        for element in self {
            if found.count == count {
                guard let last = found.last, precedes(element, last) else { continue }
                found.removeLast()
            }
            found.insert(element, at: found.cut { precedes(element, $0) })
        }
        return found
    }
}

extension [Double] {
    /// The middle one, of two the mean; nil of nothing.
    var median: Double? {
        guard !isEmpty else { return nil }
        var parted = self
        let upper = parted.part(at: count / 2)
        guard count % 2 == 0, let lower = parted[..<(count / 2)].max() else { return upper }
        return 0.5 * (lower + upper)
    }

    /// Puts what would stand at `place` there, were all sorted, nothing higher before it and nothing lower after it
    /// (quickselect, Hoare 1961).
    /// - Returns: that element.
    private mutating func part(at place: Int) -> Double {
        var (low, high) = (0, count - 1)
        while low < high {
            let pivot = self[(low + high) / 2]
            var (up, down) = (low, high)
            while up <= down {
                while self[up] < pivot { up += 1 }
                while pivot < self[down] { down -= 1 }
                guard up <= down else { break }
                swapAt(up, down)
                (up, down) = (up + 1, down - 1)
            }
            if place <= down { high = down } else if place >= up { low = up } else { break }
        }
        return self[place]
    }
}
