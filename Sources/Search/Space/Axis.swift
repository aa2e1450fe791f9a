import FleetModel

/// A numeric domain stretched onto a line on which equal lengths are equally likely: logarithms for `log`,
/// positions on the grid for steps and whole numbers. On a grid each value owns the cell around it, and the
/// line reaches half a cell beyond its ends, so that rounding gives each value its fair share.
struct Axis {
    private enum Form {
        case linear(ClosedRange<Double>)
        case log(ClosedRange<Double>)
        case floatGrid(low: Double, high: Double, step: Double, last: Double)
        case intGrid(low: Int, step: Int, last: Double)
        case intLog(ClosedRange<Int>)
    }

    private let form: Form
    let low: Double
    let high: Double

    /// nil for choices, which have no order.
    init?(_ domain: Domain) {
        switch domain {
        case .categorical: return nil
        case .float(let low, let high, .linear): self.init(.linear(low...high), low, high)
        case .float(let low, let high, .log):
            self.init(.log(low...high), Search.log(low), Search.log(high))
        case .float(let low, let high, .step(let step)):
            let last = lastIndex(from: low, to: high, step: step)
            self.init(.floatGrid(low: low, high: high, step: step, last: last), -0.5, last + 0.5)
        case .int(let low, let high, .linear): self.init(low, high, step: 1)
        case .int(let low, let high, .step(let step)): self.init(low, high, step: Int(step))
        case .int(let low, let high, .log):
            self.init(.intLog(low...high), Search.log(Double(low) - 0.5), Search.log(Double(high) + 0.5))
        }
    }

    private init(_ low: Int, _ high: Int, step: Int) {
        let last = Double((high - low) / step)
        self.init(.intGrid(low: low, step: step, last: last), -0.5, last + 0.5)
    }

    private init(_ form: Form, _ low: Double, _ high: Double) {
        self.form = form
        self.low = low
        self.high = high
    }

    /// How many values lie on the axis; nil where there is a continuum.
    var count: Int? {
        switch form {
        case .linear, .log: nil
        case .floatGrid(_, _, _, let last), .intGrid(_, _, let last): Int(last) + 1
        case .intLog(let range): range.count
        }
    }

    /// The value at or nearest to `position`; always inside the domain.
    func value(at position: Double) -> ParameterValue {
        switch form {
        case .linear(let range): .float(position.clamped(to: range))
        case .log(let range): .float(exponential(of: position, from: range))
        case .floatGrid(let low, let high, let step, let last):
            .float(min(low + position.rounded().clamped(to: 0...last) * step, high))
        case .intGrid(let low, let step, let last):
            .int(low + Int(position.rounded().clamped(to: 0...last)) * step)
        case .intLog(let range):
            .int(
                Int(
                    Search.exp(position).rounded().clamped(
                        to: Double(range.lowerBound)...Double(range.upperBound))))
        }
    }

    /// The ends come out exactly, whatever `exp` makes of `log`.
    private func exponential(of position: Double, from range: ClosedRange<Double>) -> Double {
        if position <= low { return range.lowerBound }
        return position >= high ? range.upperBound : Search.exp(position).clamped(to: range)
    }

    /// Where `number` lies, moved to the nearest end where it is outside.
    func position(of number: Double) -> Double {
        unboundedPosition(of: number).clamped(to: low...high)
    }

    private func unboundedPosition(of number: Double) -> Double {
        switch form {
        case .linear: number
        case .log, .intLog: number > 0 ? Search.log(number) : low
        case .floatGrid(let low, _, let step, _): ((number - low) / step).rounded()
        case .intGrid(let low, let step, _): ((number - Double(low)) / Double(step)).rounded()
        }
    }

    /// Where `number` lies between the ends, from 0 to 1; outside of that where it is outside of them. An
    /// axis without length has its only value at 1/2.
    func place(of number: Double) -> Double {
        high > low ? (unboundedPosition(of: number) - low) / (high - low) : 0.5
    }

    /// The value at or nearest to `place`, of which 0 to 1 is the axis.
    func value(atPlace place: Double) -> ParameterValue { value(at: low + place * (high - low)) }

    /// The length of the cell that the value at `position` owns; 0 in a continuum.
    func cell(at position: Double) -> Double {
        switch form {
        case .linear, .log: 0
        case .floatGrid, .intGrid: 1
        case .intLog:
            Search.log((Search.exp(position) + 0.5) / max(Search.exp(position) - 0.5, 0.5))
        }
    }

    /// The ends of the cell around the value at `place`, as places; nil in a continuum.
    func cell(atPlace place: Double) -> ClosedRange<Double>? {
        let number = value(atPlace: place).number ?? low
        let (first, last) =
            switch form {
            case .linear, .log: (low, low)
            case .floatGrid, .intGrid: (position(of: number) - 0.5, position(of: number) + 0.5)
            case .intLog: (Search.log(number - 0.5), Search.log(number + 0.5))
            }
        return last > first ? (first - low) / (high - low)...(last - low) / (high - low) : nil
    }

    /// The `index`th value from 0 of an axis that has a `count`.
    func value(index: Int) -> ParameterValue {
        if case .intLog(let range) = form { return .int(range.lowerBound + index) }
        return value(at: Double(index))
    }

    /// `count` values at equal distances from the first to the last, fewer where rounding makes two equal.
    func spread(_ count: Int) -> [ParameterValue] {
        let (first, last) = (position(of: lowest), position(of: highest))
        guard count > 1 else { return [value(at: first)] }
        var values: [ParameterValue] = []
        for index in 0..<count {
            let next = value(at: first + (last - first) * Double(index) / Double(count - 1))
            if values.last != next { values.append(next) }
        }
        return values
    }

    private var lowest: Double { value(at: low).number ?? 0 }
    private var highest: Double { value(at: high).number ?? 0 }

    /// A value drawn uniformly along the axis.
    func draw(using generator: inout SeededGenerator) -> ParameterValue {
        value(at: low + generator.unit() * (high - low))
    }
}

/// The index of the last grid value. The tolerance lets a high of 0.3 be three steps of 0.1.
func lastIndex(from low: Double, to high: Double, step: Double) -> Double {
    ((high - low) / step + 1e-8).rounded(.down)
}

extension Comparable {
    func clamped(to range: ClosedRange<Self>) -> Self {
        min(max(self, range.lowerBound), range.upperBound)
    }
}
