import FleetModel

/// How likely CMA-ES draws each choice of the categorical parameters: shares that move towards those of the
/// best trials of a generation, each parameter by itself, and never fall below a margin (after CatCMA, Hamano
/// et al. 2024, with a fixed learning rate).
struct CMAESChoices: Sendable {
    /// The parameters' columns.
    let columns: [Int]
    private var shares: [[Double]]

    init(_ space: Space) {
        var (columns, shares): ([Int], [[Double]]) = ([], [])
        for (column, parameter) in space.parameters.enumerated() {
            guard case .categorical(let choices) = parameter.domain else { continue }
            columns.append(column)
            shares.append(choices.map { _ in 1 / Double(choices.count) })
        }
        self.columns = columns
        self.shares = shares
    }

    /// The index of a choice for the `index`th of `columns`.
    func draw(_ index: Int, using generator: inout SeededGenerator) -> Int {
        var mark = generator.unit()
        for (choice, share) in shares[index].enumerated() {
            mark -= share
            if mark < 0 { return choice }
        }
        return shares[index].count - 1
    }

    /// Learns from a generation: indices of choices, one row a trial, NaN where inactive, and a weight for
    /// each trial. Those above 0 count, as sharply as `selected` equal ones.
    mutating func update(_ rows: [[Double]], weights: [Double], selected: Double) {
        let rate = selected / (selected + 6)
        // Hamano et al. 2024, section 4.3: so rarely that with a chance of 0.73 no parameter leaves its best.
        let leave = 1 - exp(log(0.73) / Double(max(1, columns.count)))
        for index in columns.indices where shares[index].count > 1 {
            let old = shares[index]
            var moved = old
            for (row, weight) in zip(rows, weights) where weight > 0 && !row[index].isNaN {
                for choice in old.indices {
                    moved[choice] += rate * weight * ((choice == Int(row[index]) ? 1 : 0) - old[choice])
                }
            }
            let floor = min(leave / Double(old.count - 1), 1 / Double(old.count))
            let raised = moved.map { max($0, floor) }
            let total = raised.reduce(0, +)
            shares[index] = raised.map { $0 / total }
        }
    }
}
