import FleetModel

/// A space as models over places see it: one column a parameter, the conditions by number instead of name.
struct PlaceColumns {
    struct Column {
        /// How many choices there are; 0 for a number.
        let choices: Int
        /// nil for choices.
        let axis: Axis?
        /// The share of the axis that its widest cell takes; 0 in a continuum.
        let widestCell: Double
        /// Active only where every gate is open.
        let gates: [Gate]
    }

    /// A column of choices on which another depends.
    struct Gate {
        let column: Int
        /// By choice.
        let opens: [Bool]
    }

    let columns: [Column]
    /// Whether all values can be listed, so that a proposal may turn out to be known.
    let isFinite: Bool

    var count: Int { columns.count }

    init(_ history: History) {
        let parameters = history.space.parameters
        let domains = Dictionary(
            uniqueKeysWithValues: parameters.enumerated().map { ($1.name, ($0, $1.domain)) })
        columns = zip(parameters, history.axes).map { parameter, axis in
            let gates = parameter.when.sorted { $0.key < $1.key }.compactMap { name, listed -> Gate? in
                guard let (column, domain) = domains[name] else { return nil }
                return Gate(column: column, opens: domain.choices.map { listed.contains($0) })
            }
            return Column(
                choices: parameter.domain.choices.count, axis: axis,
                widestCell: axis.map { Self.cell(at: 0, on: $0) } ?? 0, gates: gates)
        }
        isFinite = columns.allSatisfy { $0.axis.map { $0.count != nil } ?? true }
    }

    /// Whether `column` has a value in a row whose earlier columns are filled.
    func isActive(_ column: Int, in row: [Double]) -> Bool {
        columns[column].gates.allSatisfy { gate in
            let choice = row[gate.column]
            return !choice.isNaN && gate.opens[Int(choice)]
        }
    }

    /// `place` moved to the middle of the grid cell that it falls in.
    func snapped(_ place: Double, in column: Int) -> Double {
        guard let axis = columns[column].axis, axis.count != nil else { return place }
        return axis.value(atPlace: place).number.map(axis.place(of:)) ?? place
    }

    /// The share of the axis that belongs to the value at `place`; 0 in a continuum.
    func cell(at place: Double, in column: Int) -> Double {
        columns[column].axis.map { Self.cell(at: place, on: $0) } ?? 0
    }

    /// Cells of the logarithms of whole numbers are widest at the low end.
    private static func cell(at place: Double, on axis: Axis) -> Double {
        let length = axis.high - axis.low
        return length > 0 ? axis.cell(at: axis.low + place * length) / length : 0
    }

    /// A value of `column`, each equally likely.
    func draw(_ column: Int, using generator: inout SeededGenerator) -> Double {
        let choices = columns[column].choices
        guard choices > 0 else { return snapped(generator.unit(), in: column) }
        return (generator.unit() * Double(choices)).rounded(.down)
    }

    /// A row of values, each equally likely.
    func draw(using generator: inout SeededGenerator) -> [Double] {
        var row = [Double](repeating: .nan, count: count)
        for column in 0..<count where isActive(column, in: row) {
            row[column] = draw(column, using: &generator)
        }
        return row
    }
}

extension Domain {
    /// Empty for numbers.
    fileprivate var choices: [ParameterValue] {
        if case .categorical(let choices) = self { choices } else { [] }
    }
}
