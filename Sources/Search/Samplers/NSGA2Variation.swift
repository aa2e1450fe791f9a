import FleetModel

/// How NSGA-II makes a child's places of two parents'.
struct NSGA2Variation {
    let crossover: Double
    let mutation: Double
    /// Distribution indices (Deb and Agrawal 1995; Deb and Goyal 1996): the larger, the nearer to the
    /// parents.
    let crossoverIndex: Double
    let mutationIndex: Double

    /// Places for all parameters; what the child's choices make inactive is not looked at.
    func child(
        of mother: ArraySlice<Double>, _ father: ArraySlice<Double>, in history: History,
        using generator: inout SeededGenerator
    ) -> [Double] {
        let crosses = generator.unit() < crossover
        return zip(mother, father).enumerated().map { column, pair in
            let domain = history.space.parameters[column].domain
            let axis = history.axes[column]
            var gene = pair.0.isNaN ? pair.1 : pair.0
            if crosses, !pair.0.isNaN, !pair.1.isNaN {
                gene = crossed(pair.0, pair.1, isOrdered: axis != nil, using: &generator)
            }
            let mutates = generator.unit() < mutation
            // Active in the child and in neither parent: anything may be good.
            if gene.isNaN { return anything(in: domain, using: &generator) }
            guard mutates else { return gene }
            guard let axis else { return anotherChoice(than: gene, in: domain, using: &generator) }
            return mutated(gene, on: axis, using: &generator)
        }
    }

    private func anything(in domain: Domain, using generator: inout SeededGenerator) -> Double {
        guard case .categorical(let choices) = domain else { return generator.unit() }
        return (generator.unit() * Double(choices.count)).rounded(.down)
    }

    private func anotherChoice(
        than gene: Double, in domain: Domain, using generator: inout SeededGenerator
    ) -> Double {
        guard case .categorical(let choices) = domain, choices.count > 1 else { return gene }
        let drawn = (generator.unit() * Double(choices.count - 1)).rounded(.down)
        return drawn < gene ? drawn : drawn + 1
    }

    /// Choices come from one of the parents. Numbers do too, half the time, or spread around both (simulated
    /// binary crossover, Deb and Agrawal 1995).
    private func crossed(
        _ a: Double, _ b: Double, isOrdered: Bool, using generator: inout SeededGenerator
    ) -> Double {
        let (mark, side) = (generator.unit(), generator.unit() < 0.5)
        let spreads = generator.unit() < 0.5
        guard isOrdered, spreads else { return side ? a : b }
        let power = 1 / (crossoverIndex + 1)
        let factor =
            mark < 0.5 ? exp(power * log(2 * mark + 1e-300)) : exp(-power * log(2 * (1 - mark)))
        let middle = (a + b) / 2
        return (middle + (side ? 0.5 : -0.5) * factor * (a - b)).clamped(to: 0...1)
    }

    /// Polynomial mutation within the bounds (Deb and Goyal 1996), on an axis with cells into another cell.
    private func mutated(
        _ gene: Double, on axis: Axis, using generator: inout SeededGenerator
    ) -> Double {
        guard let cell = axis.cell(atPlace: gene) else { return stepped(gene, using: &generator) }
        for _ in 0..<4 {
            let next = stepped(gene, using: &generator)
            if !cell.contains(next) { return next }
        }
        let up = generator.unit() < 0.5
        let (below, above) = (2 * cell.lowerBound - gene, 2 * cell.upperBound - gene)
        return up && above < 1 || below < 0 ? min(above, 1) : below
    }

    private func stepped(_ gene: Double, using generator: inout SeededGenerator) -> Double {
        let gene = gene.clamped(to: 0...1)
        let (mark, power) = (generator.unit(), mutationIndex + 1)
        let isDown = mark < 0.5
        // The share of all steps to that side that would leave the range is taken out.
        let out = exp(power * log(isDown ? 1 - gene : gene))
        let share = isDown ? 2 * mark + (1 - 2 * mark) * out : 2 * (1 - mark) + (2 * mark - 1) * out
        let step = exp(log(share) / power) - 1
        return (isDown ? gene + step : gene - step).clamped(to: 0...1)
    }
}
