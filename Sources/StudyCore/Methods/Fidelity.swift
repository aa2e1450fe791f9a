public import FleetModel

/// What trials are compared at: equal steps, or equal numbers of samples (and so of tokens), where a larger
/// batch takes fewer steps. A stage's steps, rungs and curves are in units: steps of a trial whose batch has
/// the reference size.
public enum Fidelity: Hashable, Codable, Sendable {
    case steps
    /// - Parameters:
    ///   - parameter: the one that says how many samples a step takes.
    ///   - reference: the batch size for which a unit is a step; above 0.
    case samples(parameter: String, reference: Double)

    /// Units in a step of a trial; above 0.
    func units(perStepOf assignment: Assignment) -> Double {
        guard case .samples(let parameter, let reference) = self,
            let batch = assignment[parameter]?.number, batch > 0
        else { return 1 }
        return batch / reference
    }

    /// Steps that come to `units`, at least 1.
    public func steps(_ units: Int, of assignment: Assignment) -> Int {
        let rate = self.units(perStepOf: assignment)
        return rate == 1 ? units : max(1, Int((Double(units) / rate).rounded()))
    }

    /// Whole units that `steps` come to. Steps are rounded to the nearest, so what is almost there counts.
    public func units(_ steps: Int, of assignment: Assignment) -> Int {
        let rate = self.units(perStepOf: assignment)
        return rate == 1 ? steps : Int((Double(steps) * rate + rate / 2).rounded(.down))
    }
}
