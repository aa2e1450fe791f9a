public import FleetModel

/// NSGA-II (Deb et al. 2002), for several objectives; with one it is a plain genetic algorithm.
///
/// A child of two parents, each the better of two drawn from the best `population` trials that ended so far:
/// by front, then by room around it. No generations, so any number of trials may run at a time: a trial that
/// ends counts at once. A child that the history has already is made anew.
///
/// A parameter that both parents have comes from either, or by simulated binary crossover; one that neither
/// has is drawn at random. Pruned trials stand behind complete ones, those that break the study's constraints
/// behind all others (constrained domination), failed ones are no parents.
///
/// The defaults are small against those of the paper, for searches of some hundred trials.
public struct NSGA2Sampler: Sampler {
    /// Parents kept, at least 2.
    public let population: Int
    /// So many random trials come first, at least 2.
    public let startup: Int
    /// How likely parents are mixed, else the first is taken as it is; from 0 to 1.
    public let crossover: Double
    /// How likely each parameter is changed; by default 1 / the number of parameters.
    public let mutation: Double?
    private var memo = Memo<NSGA2Population>()

    public init(population: Int = 20, startup: Int = 10, crossover: Double = 0.9, mutation: Double? = nil) {
        precondition(population >= 2, "a child has two parents")
        precondition(startup >= 2, "a startup of two trials gives the first parents")
        precondition((0...1).contains(crossover) && (0...1).contains(mutation ?? 0), "shares are from 0 to 1")
        self.population = population
        self.startup = startup
        self.crossover = crossover
        self.mutation = mutation
    }

    public mutating func propose(
        from history: History, using generator: inout SeededGenerator
    ) -> Proposal? {
        var best = memo.value ?? NSGA2Population(capacity: population)
        memo.value = nil
        best.absorb(history)
        defer { memo.value = best }
        let tried = history.trials.count - best.failed
        if tried < startup {
            return Proposal(history.space.draw(using: &generator), .startup(number: tried + 1, of: startup))
        }
        // With all of many parallel trials still running there is nobody to descend from.
        guard best.parents.count >= 2 else {
            return Proposal(history.space.draw(using: &generator), .random)
        }
        return child(of: best, in: history, using: &generator)
    }

    private func child(
        of best: NSGA2Population, in history: History, using generator: inout SeededGenerator
    ) -> Proposal? {
        let variation = NSGA2Variation(
            crossover: crossover, mutation: mutation ?? 1 / Double(max(1, history.dimensions)),
            crossoverIndex: 2, mutationIndex: 10)
        for _ in 0..<10 {
            let (mother, father) = (best.tournament(using: &generator), best.tournament(using: &generator))
            let row = variation.child(
                of: history.row(mother.index), history.row(father.index), in: history, using: &generator)
            let assignment = history.assignment(at: row)
            if !history.hasPlaces(history.places(of: assignment)) {
                return Proposal(assignment, .offspring(parents: best.parents.count))
            }
        }
        return Proposal(history.space.draw(using: &generator), .random)
    }
}

extension History {
    /// Whether some trial has exactly these places.
    func hasPlaces(_ row: [Double]) -> Bool {
        let dimensions = dimensions
        return places.withUnsafeBufferPointer { places in
            for start in stride(from: 0, to: places.count, by: max(1, dimensions)) {
                var column = 0
                while column < dimensions,
                    places[start + column] == row[column] || places[start + column].isNaN && row[column].isNaN
                {
                    column += 1
                }
                if column == dimensions { return true }
            }
            return false
        }
    }
}
