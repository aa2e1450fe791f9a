import FleetModel

extension Coordinates {
    /// Points of Sobol's sequence, moved around by a random shift (Cranley and Patterson 1976).
    func spread(_ count: Int, using generator: inout SeededGenerator) -> [[Double]] {
        let shifts = scales.map { _ in generator.unit() }
        return (0..<count).map { number in
            scales.indices.map { index in
                guard index < SobolSequence.dimensions else { return coordinate(index, at: generator.unit()) }
                let plain = SobolSequence.coordinate(of: UInt32(number), dimension: index)
                let place = Double(plain) * 0x1p-32 + shifts[index]
                return coordinate(index, at: place < 1 ? place : place - 1)
            }
        }
    }

    /// Points around `centres` (rows of places), from far to very near; every other one differs in few
    /// coordinates only.
    func near(_ centres: [[Double]], count: Int, using generator: inout SeededGenerator) -> [[Double]] {
        guard !centres.isEmpty else { return [] }
        let widths = [0.3, 0.1, 0.03, 0.01, 0.003]
        return (0..<count).map { number in
            let centre = centres[number % centres.count]
            let width = widths[number / centres.count % widths.count]
            let share = number % 2 == 0 ? 1 : min(1, 2.5 / Double(scales.count))
            return scales.indices.map { index in
                let place = centre[index]
                // An inactive parameter may become active through a choice of another.
                guard !place.isNaN else { return coordinate(index, at: generator.unit()) }
                return generator.unit() < share
                    ? moved(place, along: index, by: width, using: &generator) : place
            }
        }
    }

    private func moved(
        _ place: Double, along index: Int, by width: Double, using generator: inout SeededGenerator
    ) -> Double {
        switch scales[index] {
        case .choice:
            return generator.unit() < 0.5 ? coordinate(index, at: generator.unit()) : place
        case .grid(let places):
            let hop = generator.normal() * max(width * Double(places.count), 1)
            return places[(places.nearest(to: place) + Int(hop.rounded())).clamped(to: 0...places.count - 1)]
        case .line:
            return (place + width * generator.normal()).clamped(to: 0...1)
        }
    }
}
