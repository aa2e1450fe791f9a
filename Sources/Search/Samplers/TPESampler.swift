public import FleetModel

/// Tree-structured Parzen estimator (Bergstra et al. 2011, section 4), each parameter by itself, with the
/// constants of Optuna's defaults. A conditional parameter learns from the trials in which it was active.
///
/// Complete trials rank by loss, pruned ones after them: the further a trial came the better, then by loss.
/// The best tenth is good, at most 25. All others are bad, and so are running trials, which keeps parallel
/// proposals apart (Ginsbourger et al. 2010, constant liar), and failed ones: what fails by itself, as by
/// not-a-number or out of memory, had better not be tried nearby.
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
        from history: History, using generator: inout SeededGenerator
    ) -> Proposal? {
        let space = history.space
        let split = Split(history.trials)
        guard split.tried >= startup else {
            return Proposal(space.draw(using: &generator), .startup(number: split.tried + 1, of: startup))
        }
        // With all of many parallel trials still running there is nothing to learn from.
        guard split.ranked >= 2 else { return Proposal(space.draw(using: &generator), .random) }
        let reason = ProposalReason.model(observations: history.trials.count, good: split.good.count)
        let isFinite = space.parameters.allSatisfy { $0.domain.isFinite }
        var assignment = model(of: space, split, using: &generator)
        // Repeating a point teaches little; a small space may have no other, so the patience is limited.
        for _ in 0..<8 where isFinite && history.trials.contains(where: { $0.assignment == assignment }) {
            assignment = model(of: space, split, using: &generator)
        }
        return Proposal(assignment, reason)
    }

    private func model(
        of space: Space, _ split: Split, using generator: inout SeededGenerator
    ) -> Assignment {
        var assignment: Assignment = [:]
        for parameter in space.parameters where parameter.isActive(in: assignment) {
            assignment[parameter.name] =
                if case .categorical(let choices) = parameter.domain {
                    choose(parameter.name, among: choices, split, using: &generator)
                } else {
                    place(parameter.name, in: parameter.domain, split, using: &generator)
                }
        }
        return assignment
    }

    /// The candidate, drawn where good trials are dense, at which they are densest compared with bad ones.
    private func place(
        _ name: String, in domain: Domain, _ split: Split, using generator: inout SeededGenerator
    ) -> ParameterValue {
        guard let axis = Axis(domain) else { preconditionFailure("a domain without choices has an axis") }
        let below = ParzenEstimator(axis, positions: axis.positions(of: name, in: split.good))
        let above = ParzenEstimator(axis, positions: axis.positions(of: name, in: split.bad))
        var best: (value: ParameterValue, score: Double)?
        for _ in 0..<candidates {
            let value = axis.value(at: below.draw(using: &generator))
            let position = axis.position(of: value.number ?? axis.low)
            let score = below.density(at: position) / above.density(at: position)
            if score > best?.score ?? -1 { best = (value, score) }
        }
        return best?.value ?? axis.draw(using: &generator)
    }

    /// The same for choices, whose densities are their smoothed shares.
    private func choose(
        _ name: String, among choices: [ParameterValue], _ split: Split,
        using generator: inout SeededGenerator
    ) -> ParameterValue {
        let below = Shares(choices, split.good.compactMap { $0[name] })
        let above = Shares(choices, split.bad.compactMap { $0[name] })
        let drawn = (0..<candidates).map { _ in below.draw(using: &generator) }
        let best = drawn.max { below.of[$0] / above.of[$0] < below.of[$1] / above.of[$1] }
        return choices[best ?? 0]
    }
}

/// The history, cut into good and bad, each in the order of proposal.
private struct Split {
    var good: [Assignment] = []
    var bad: [Assignment] = []
    /// Complete and pruned ones.
    let ranked: Int
    /// Those and running ones.
    let tried: Int

    init(_ history: [Observation]) {
        let ranks = history.indices.compactMap { index in
            history[index].result.rank.map { (rank: $0, index: index) }
        }.sorted { ($0.rank.0, $0.rank.1, $0.index) < ($1.rank.0, $1.rank.1, $1.index) }
        let goodCount = min((ranks.count + 9) / 10, 25)
        var isGood = [Bool](repeating: false, count: history.count)
        for entry in ranks.prefix(goodCount) { isGood[entry.index] = true }
        for (observation, isGood) in zip(history, isGood) {
            if isGood { good.append(observation.assignment) } else { bad.append(observation.assignment) }
        }
        ranked = ranks.count
        tried = history.count { $0.result != .failed }
    }
}

extension Observation.Result {
    /// Lower is better. Complete ones stand before any pruned one; nil where there is nothing to compare.
    fileprivate var rank: (Int, Loss)? {
        switch self {
        case .complete(let losses): (.min, losses[0])
        case .pruned(let step, let loss): (-step, loss)
        case .running, .failed: nil
        }
    }
}

/// How often each choice was made: one count each, and one more spread over all of them as the prior.
private struct Shares {
    let of: [Double]

    init(_ choices: [ParameterValue], _ values: [ParameterValue]) {
        var counts = [Double](repeating: 1 / Double(choices.count), count: choices.count)
        for value in values {
            if let index = choices.firstIndex(of: value) { counts[index] += 1 }
        }
        of = counts.map { $0 / Double(values.count + 1) }
    }

    func draw(using generator: inout SeededGenerator) -> Int {
        var mark = generator.unit()
        for (index, share) in of.enumerated() {
            mark -= share
            if mark < 0 { return index }
        }
        return of.count - 1
    }
}

extension Axis {
    fileprivate func positions(of name: String, in assignments: [Assignment]) -> [Double] {
        assignments.compactMap { $0[name]?.number.map(position(of:)) }
    }
}

extension Domain {
    /// Whether its values could be listed.
    fileprivate var isFinite: Bool {
        Axis(self).map { $0.count != nil } ?? true
    }
}
