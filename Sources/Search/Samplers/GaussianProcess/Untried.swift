import FleetModel

extension Coordinates {
    /// The places of each allowed point of a small finite space that no trial has, nil for other spaces.
    func untried(in history: History) -> [[Double]]? { points(of: history, without: history.trials.indices) }

    /// The same, but for certain trials only.
    fileprivate func points(of history: History, without trials: some Sequence<Int>) -> [[Double]]? {
        guard let size, size <= Self.listed else { return nil }
        var taken = Set(trials.map { key(of: Array(history.row($0))) })
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
        return history.trials.indices.contains { history.lies($0, at: row) }
    }
}

extension History {
    fileprivate func lies(_ index: Int, at row: [Double]) -> Bool {
        zip(self.row(index), row).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN }
    }

    private func isRunning(_ index: Int) -> Bool { trials[index].result == .running }

    /// Whether a trial that has not ended has this assignment.
    func isRunning(_ assignment: Assignment) -> Bool {
        guard ended.count < trials.count else { return false }
        let row = places(of: assignment)
        return trials.indices.contains { lies($0, at: row) && isRunning($0) }
    }

    /// A random assignment that no running trial has; nil where none is found: in a small finite space, where each is
    /// running.
    func drawIdle(using generator: inout SeededGenerator) -> Assignment? {
        if let idle = Coordinates(self).points(of: self, without: trials.indices.filter(isRunning)) {
            return idle.isEmpty ? nil : assignment(at: idle[Int(generator.unit() * Double(idle.count))])
        }
        // Of so many points few can be running.
        for _ in 0..<8 {
            guard let drawn = space.draw(using: &generator) else { return nil }
            if !isRunning(drawn) { return drawn }
        }
        return nil
    }
}
