import FleetModel

/// A trial in the order of a rung.
struct RungEntry: Hashable, Codable, Sendable, Comparable {
    /// Of the loss at the end, or the loss at the rung while nothing is forecast; lower is better.
    let forecast: Double
    /// From 0, in the order of arrival at the rung.
    let arrival: Int
    let trial: TrialID

    static func < (a: RungEntry, b: RungEntry) -> Bool { (a.forecast, a.arrival) < (b.forecast, b.arrival) }
}

extension RungEntry {
    /// For people, where the forecast is one.
    /// - Parameter loss: at the rung.
    func forecast(from loss: Loss) -> Standing.Forecast? {
        Loss(forecast, .minimize).map { Standing.Forecast(loss: loss, end: $0) }
    }
}

extension SortedList<RungEntry> {
    /// The same trials in the order of what is forecast of them now.
    /// - Parameter forecast: nil of a trial whose forecast stays as it is.
    func again(_ forecast: (TrialID) -> Double?) -> SortedList {
        let entries = elements.map { entry in
            forecast(entry.trial).map {
                RungEntry(forecast: $0, arrival: entry.arrival, trial: entry.trial)
            } ?? entry
        }
        return SortedList(sorted: entries.sorted())
    }
}
