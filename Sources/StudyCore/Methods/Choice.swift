public import FleetModel
import Search

/// Which trial of a stage the next one goes on from, and why it.
public struct Choice: Hashable, Codable, Sendable {
    public let trial: TrialID
    public let reason: ChoiceReason

    init(trial: TrialID, because reason: ChoiceReason) {
        self.trial = trial
        self.reason = reason
    }
}

/// Why a trial was chosen. Differences and deviations are in the objective's own unit.
public enum ChoiceReason: Hashable, Codable, Sendable {
    /// Its loss is the lowest.
    case lowest
    /// The surface through all losses is lowest where it stands; `lowest` has a lower loss of its own, by
    /// `difference`, within the `noise`.
    case smoothed(lowest: TrialID, difference: Double, noise: Double)
    /// The surface is lower at `best`, but by no more than half the noise, and this trial trains faster: a step,
    /// or a token where those are compared, takes it this share of the time.
    case cheaper(best: TrialID, difference: Double, noise: Double, share: Double)
    /// Its gain in the probability of the right next token is the largest for what it adds to a metric.
    case mostEfficient(gain: Double, cost: Double, metric: String)
    /// No step from it gains more than the noise: the largest gain is `most`, with a standard deviation of
    /// `noise`.
    case noGain(most: Double, noise: Double)
    /// Nothing else of its stage completed.
    case alone
}

extension Stage {
    /// The trials of which one is chosen, best first: `count` of those completed; where some were repeated, those.
    private func candidates(_ count: Int) -> [Trial] {
        let repeated = Set(trials.compactMap(\.repeats))
        // The others have lost their checkpoints.
        let standing = Array(ranking.prefix(count))
        guard !repeated.isEmpty else { return standing }
        return standing.filter { repeated.contains($0.repeats ?? $0.id.number) }
    }

    /// The candidate with the lowest loss, the mean over its repeats.
    func lowestChoice(among count: Int) -> Choice? {
        let candidates = candidates(count)
        let groups = Dictionary(grouping: ranking) { $0.repeats ?? $0.id.number }
        let means = groups.mapValues { $0.reduce(0) { $0 + ($1.result?.value ?? 0) } / Double($0.count) }
        let best = candidates.min { a, b in
            let (first, second) = (means[a.repeats ?? a.id.number]!, means[b.repeats ?? b.id.number]!)
            return first < second
        }
        return best.map { Choice(trial: $0.id, because: .lowest) }
    }

    /// The candidate where a smooth surface through all the stage's losses (`SmoothedLosses`) is lowest: single
    /// losses are off by noise, and the lowest of many is the luckiest. Among those within half the noise's
    /// deviation the one that trains clearly faster.
    func smoothedChoice(among count: Int, _ fidelity: Fidelity) -> Choice? {
        guard let lowest = lowestChoice(among: count), let surface = SmoothedLosses(history) else {
            return lowestChoice(among: count)
        }
        let standing = candidates(count).compactMap { trial in
            surface.loss(of: trial.id.number).map { (trial: trial, loss: $0) }
        }
        guard let best = standing.min(by: { $0.loss < $1.loss }) else { return lowest }
        let near = standing.filter { $0.loss - best.loss <= surface.noise / 2 }
        let costs = near.compactMap { near in
            near.trial.cost(fidelity).map { (trial: near.trial, loss: near.loss, cost: $0) }
        }
        if let cost = best.trial.cost(fidelity), let cheap = costs.min(by: { $0.cost < $1.cost }),
            cheap.cost < 0.8 * cost
        {
            return Choice(
                trial: cheap.trial.id,
                because: .cheaper(
                    best: best.trial.id, difference: cheap.loss - best.loss, noise: surface.noise,
                    share: cheap.cost / cost))
        }
        guard best.trial.id != lowest.trial, let result = best.trial.result,
            let least = trials[lowest.trial.number].result
        else { return lowest }
        return Choice(
            trial: best.trial.id,
            because: .smoothed(
                lowest: lowest.trial, difference: result.value - least.value, noise: surface.noise))
    }
}

extension Trial {
    /// Seconds for a unit of what trials are compared at, as its reports show them.
    fileprivate func cost(_ fidelity: Fidelity) -> Double? {
        progress.speed.secondsPerStep.map { $0 / fidelity.units(perStepOf: assignment) }
    }
}
