/// Slot-seconds that leases have taken, added up as they are given and taken back, so that asking for the
/// sum costs nothing however many there are. Times count from the study's beginning, to keep the digits.
struct Spending: Hashable, Codable, Sendable {
    /// Slots leased now.
    private var width = 0
    /// Of leases that were given back, less the beginnings of those that were not.
    private var sum = 0.0

    func slotSeconds(at now: Double) -> Double { sum + Double(width) * now }

    mutating func begin(_ slots: Int, at now: Double) {
        width += slots
        sum -= Double(slots) * now
    }

    mutating func end(_ slots: Int, at now: Double) {
        width -= slots
        sum += Double(slots) * now
    }
}
