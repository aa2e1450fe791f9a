import Foundation

/// One axis of a plot: numbers to pixels, and round numbers to label.
struct PlotAxis {
    enum Scale { case linear, log }

    let scale: Scale
    private(set) var low: Double
    private(set) var high: Double
    /// Pixels at `low` and at `high`.
    private let from: Double
    private let to: Double

    /// Spans all finite `values` (above 0 on logarithms) with a margin, or 0 to 1 where there are none.
    init(
        _ scale: Scale, over values: some Sequence<Double>, from: Double, to: Double, margin: Double = 0.04
    ) {
        let sound = values.filter { $0.isFinite && (scale == .linear || $0 > 0) }
        self.scale = scale
        self.from = from
        self.to = to
        (low, high) = (0, 1)
        var (a, b) = (Self.place(sound.min() ?? (scale == .log ? 0.1 : 0), scale), 0.0)
        b = Self.place(sound.max() ?? 1, scale)
        // One value alone gets room around it.
        if b - a < 1e-12 * max(1, abs(a)) { (a, b) = (a - 0.5, b + 0.5) }
        let room = (b - a) * margin
        low = Self.value(a - room, scale)
        high = Self.value(b + room, scale)
    }

    private static func place(_ value: Double, _ scale: Scale) -> Double {
        scale == .log ? log10(value) : value
    }

    private static func value(_ place: Double, _ scale: Scale) -> Double {
        scale == .log ? pow(10, place) : place
    }

    /// Pixels; nil for what the axis cannot show.
    func pixel(_ value: Double) -> Double? {
        guard value.isFinite, scale == .linear || value > 0 else { return nil }
        let (a, b) = (Self.place(low, scale), Self.place(high, scale))
        return from + (Self.place(value, scale) - a) / (b - a) * (to - from)
    }

    /// Round numbers inside the axis, about `count`.
    func ticks(_ count: Int = 5) -> [Double] {
        scale == .log ? logTicks(count) : linearTicks(count)
    }

    private func linearTicks(_ count: Int) -> [Double] {
        let raw = (high - low) / Double(max(1, count))
        let power = pow(10, floor(log10(raw)))
        let step = [1.0, 2, 5, 10].map { $0 * power }.first { $0 >= raw * 0.999 } ?? 10 * power
        let first = (low / step).rounded(.up)
        return (0...count + 2).map { (first + Double($0)) * step }.filter { $0 <= high }
    }

    /// Powers of ten where there are enough of them, else 1, 2 and 5 times those, else round numbers.
    private func logTicks(_ count: Int) -> [Double] {
        let powers = (Int(floor(log10(low)))...Int(ceil(log10(high)))).map { pow(10, Double($0)) }
        for steps in [[1.0], [1, 3], [1, 2, 5]] {
            let ticks = powers.flatMap { power in steps.map { $0 * power } }.filter {
                $0 >= low && $0 <= high
            }
            if ticks.count > count + 2 { return thinned(ticks, to: count) }
            if ticks.count >= min(3, count) { return ticks }
        }
        return linearTicks(count)
    }

    private func thinned(_ ticks: [Double], to count: Int) -> [Double] {
        let stride = (ticks.count + count - 1) / count
        return ticks.enumerated().filter { $0.offset % stride == 0 }.map(\.element)
    }
}
