public import FleetModel
public import Search

/// One round of a study: trials over one space from one training state. A plain search has one stage.
public struct Stage: Hashable, Codable, Sendable {
    public let index: Int
    public let space: Space
    /// The training state that its trials start from; nil: a new model.
    public let origin: Checkpoint?
    public let openedAt: Timestamp
    /// By number.
    public internal(set) var trials: [Trial] = []
    /// Numbers of the completed trials, best first.
    private(set) var ranked: [Int] = []
    /// The best trial, once the stage is closed.
    public internal(set) var best: TrialID?
    /// The best checkpoint stands among the study's results.
    public internal(set) var isKept = false
    public internal(set) var closedAt: Timestamp?
    /// Assignments that come before the sampler's.
    var enqueued: [Assignment]
    var pruner: PrunerKind
    /// The sampler has no more to propose.
    var isExhausted = false

    init(index: Int, opening: StageOpening, pruner: PrunerKind, at now: Timestamp) {
        self.index = index
        space = opening.space
        origin = opening.origin
        enqueued = opening.enqueued
        openedAt = now
        self.pruner = pruner
    }

    /// Completed trials, best first; equal losses in order of number.
    public var ranking: [Trial] { ranked.map { trials[$0] } }

    /// Takes a trial that has just completed into the ranking; answers its position from 0.
    mutating func rank(_ number: Int) -> Int {
        let loss = trials[number].result!
        var (low, high) = (0, ranked.count)
        while low < high {
            let middle = (low + high) / 2
            let other = ranked[middle]
            if (trials[other].result!, other) < (loss, number) { low = middle + 1 } else { high = middle }
        }
        ranked.insert(number, at: low)
        return low
    }

    /// What a sampler may learn from.
    var observations: [Observation] {
        trials.map { trial in
            Observation(trial.assignment, trial.observed)
        }
    }
}

extension Trial {
    fileprivate var observed: Observation.Result {
        switch state {
        case .queued, .running: .running
        case .ended(.completed(let loss)): .complete(loss)
        case .ended(.failed), .ended(.cancelled): .failed
        case .stopping, .ended(.pruned):
            progress.latest.map { .pruned(step: progress.latestStep, $0) } ?? .failed
        }
    }
}
