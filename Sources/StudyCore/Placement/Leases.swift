public import FleetModel

/// Runs that hold a lease, in order of launch. A run is found and taken out in constant time.
public struct Leases: Sequence, Sendable {
    /// Gaps stand where runs have left; at most half of it.
    private var runs: [RunID?] = []
    private var places: [RunID: Int] = [:]

    public var count: Int { places.count }
    public var isEmpty: Bool { places.isEmpty }

    public func contains(_ run: RunID) -> Bool { places[run] != nil }

    public func makeIterator() -> some IteratorProtocol<RunID> {
        runs.lazy.compactMap(\.self).makeIterator()
    }

    mutating func append(_ run: RunID) {
        precondition(places[run] == nil, "a run holds one lease")
        places[run] = runs.count
        runs.append(run)
    }

    mutating func remove(_ run: RunID) {
        guard let place = places.removeValue(forKey: run) else { return }
        runs[place] = nil
        if runs.count > 2 * places.count { closeGaps() }
    }

    private mutating func closeGaps() {
        runs.removeAll { $0 == nil }
        for case (let place, let run?) in runs.enumerated() { places[run] = place }
    }
}

extension Leases: Hashable, Codable {
    public static func == (a: Leases, b: Leases) -> Bool { a.count == b.count && a.elementsEqual(b) }

    public func hash(into hasher: inout Hasher) {
        for run in self { hasher.combine(run) }
    }

    public init(from decoder: any Decoder) throws {
        for run in try decoder.singleValueContainer().decode([RunID].self) { append(run) }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(Array(self))
    }
}
