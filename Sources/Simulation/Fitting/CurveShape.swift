/// What the loss curves of a study have in common: loss = floor of the trial + amplitude · age^-exponent.
struct CurveShape {
    private(set) var amplitude = 0.0
    private(set) var exponent = 0.5
    /// Spread of the exponents from trial to trial: standard deviation.
    private(set) var exponentSpread = 0.0
    /// Spread of one report about its curve.
    private(set) var noise = 0.0

    private static let exponents = (0...60).map { 0.03 * exp(log(100) * Double($0) / 60) }

    /// The exponent for which the curves are straightest in age^-exponent, each with its own floor and slope
    /// and each counting the same, whatever it falls by (variable projection, Golub and Pereyra 1973); the
    /// median slope. Where no curve falls, a flat shape.
    init(_ curves: [PastStudy.Curve]) {
        let telling = curves.filter { $0.points.count >= 3 }
        guard !telling.isEmpty else { return }
        let misfits = Self.exponents.map { exponent in
            telling.reduce(0) { $0 + Line($1, exponent).misfit }
        }
        let best = misfits.indices.min { misfits[$0] < misfits[$1] } ?? 0
        exponent = Self.exponents[best]
        amplitude = max(0, telling.map { Line($0, exponent).slope }.median ?? 0)
        noise = telling.flatMap(roughness).robustSpread ?? 0
        exponentSpread = spread(of: telling)
    }

    func height(_ age: Double) -> Double { amplitude * pow(age, -exponent) }

    /// What the curve tends to, judged by its end: the last quarter of its points.
    func floor(of curve: PastStudy.Curve) -> Double {
        let end = curve.points.suffix(max(1, curve.points.count / 4))
        return end.reduce(0) { $0 + $1.loss - height($1.age) } / Double(end.count)
    }

    /// How far each point lies from the middle of its neighbours, the curve's own bend taken out; as large as
    /// the noise of one point.
    private func roughness(of curve: PastStudy.Curve) -> [Double] {
        let points = curve.points
        return points.indices.dropFirst().dropLast().map { index in
            let (before, here, after) = (points[index - 1], points[index], points[index + 1])
            let share = (here.age - before.age) / (after.age - before.age)
            func off(_ value: (PastStudy.Curve.Point) -> Double) -> Double {
                value(here) - (1 - share) * value(before) - share * value(after)
            }
            let scale = (1 + (1 - share) * (1 - share) + share * share).squareRoot()
            return (off(\.loss) - off { height($0.age) }) / scale
        }
    }

    /// From how much trials differ early in what they have still to fall: an exponent that differs by d moves
    /// the loss at an age by amplitude · age^-exponent · ln(age) · d.
    private func spread(of curves: [PastStudy.Curve]) -> Double {
        let wanderings = curves.compactMap { curve -> Double? in
            guard let early = curve.points.first(where: { $0.age >= 2 }), early.age < curve.last.age / 2
            else { return nil }
            let pull = height(early.age) * log(early.age)
            return pull > 0 ? (early.loss - height(early.age) - floor(of: curve)) / pull : nil
        }
        return min(wanderings.robustSpread ?? 0, exponent / 4)
    }

    /// The straight line through a curve in age^-exponent.
    private struct Line {
        let slope: Double
        /// Share of the curve's variance that the line leaves: 0 to 1.
        let misfit: Double

        init(_ curve: PastStudy.Curve, _ exponent: Double) {
            let count = Double(curve.points.count)
            let xs = curve.points.map { pow($0.age, -exponent) }
            let (meanX, meanY) = (
                xs.reduce(0, +) / count, curve.points.reduce(0) { $0 + $1.loss } / count
            )
            var (xx, xy, yy) = (0.0, 0.0, 0.0)
            for (x, point) in zip(xs, curve.points) {
                xx += (x - meanX) * (x - meanX)
                xy += (x - meanX) * (point.loss - meanY)
                yy += (point.loss - meanY) * (point.loss - meanY)
            }
            slope = xx > 0 ? xy / xx : 0
            misfit = yy > 0 ? max(0, yy - slope * xy) / yy : 0
        }
    }
}
