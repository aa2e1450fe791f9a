import FleetModel

extension Coordinates {
    /// The places of each allowed point of a small finite space that no trial has, nil for other spaces.
    func untried(in history: History) -> [[Double]]? {
        guard let size, size <= Self.listed else { return nil }
        var taken = Set(history.trials.indices.map { key(of: Array(history.row($0))) })
        var rows: [[Double]] = []
        for number in 0..<size {
            let row = places(coordinates(number: number))
            guard taken.insert(key(of: row)).inserted else { continue }
            if history.space.allows(history.assignment(at: row)) { rows.append(row) }
        }
        return rows
    }

    /// The `number`th point of a finite space, inactive coordinates included.
    private func coordinates(number: Int) -> [Double] {
        var rest = number
        return scales.map { scale in
            let values = values(of: scale)
            defer { rest /= values.count }
            return values[rest % values.count]
        }
    }

    private func values(of scale: Scale) -> [Double] {
        switch scale {
        case .line: [0.5]
        case .grid(let places): places
        case .choice(let count): (0..<count).map(Double.init)
        }
    }

    /// The choices and the numbers of the grid's cells; places may differ in their last digits.
    private func key(of row: [Double]) -> [Int] {
        zip(row, scales).map { place, scale in
            guard !place.isNaN else { return -1 }
            return switch scale {
            case .line: 0
            case .grid(let places): places.nearest(to: place)
            case .choice: Int(place)
            }
        }
    }

    /// Whether a trial of `history` lies at the places of `assignment`.
    func isTaken(_ assignment: Assignment, in history: History) -> Bool {
        let row = history.places(of: assignment)
        return history.trials.indices.contains { index in
            zip(history.row(index), row).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN }
        }
    }
}
