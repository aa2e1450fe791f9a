import FleetModel
import TrainerKit
import Wire

/// All that is decided about one run, before it becomes a command line.
struct RunPlan {
    /// What is loaded at the start; TRAINER_FACTS calls the last three ways A, B and C.
    enum Start: Hashable {
        case nothing
        case weights(SavedPlace)
        case counters(SavedPlace)
        /// `isPatched`: through a copy whose optimiser state holds this trial's rates.
        case everything(SavedPlace, isPatched: Bool)
    }

    let start: Start
    let position: Position
    let batch: GlobalBatch
    let rates: Rates
    let curve: RateCurve
    let intervals: Intervals
    /// `--train-samples`: what the data set is sized for. Constant over a study where the settings say it.
    let trainSamples: Int
    let evaluationBatches: Int
    let steps: Int
    let notes: [String]

    var lastIteration: Int { position.firstIteration + steps }

    /// - Parameter place: the checkpoint that the run starts from; nil for a fresh start.
    init(
        of spec: RunSpec, with settings: MegatronSettings, from place: SavedPlace?, replicas: Int
    ) throws(Refusal) {
        let trial = try TrialValues(spec, settings)
        // With `micro_batch: auto` every divisor of a replica's share is legal, and the kit chooses one.
        let batch = GlobalBatch(nearest: trial.batch, micro: settings.microBatch ?? 1, replicas: replicas)
        let position = try Position(of: spec, at: place, batch: batch.size, settings)
        let rates = trial.rates
        start = try Self.start(spec, place, settings.warmStart, rates)
        (self.position, self.batch, self.rates) = (position, batch, rates)
        steps = spec.steps
        curve = RateCurve(
            settings.schedule, rates: rates, batch: batch.size, steps: spec.steps, cooldown: spec.cooldown,
            origin: settings.warmStart == .everything ? position.firstSamples : 0)
        intervals = Intervals(
            first: position.firstIteration, steps: spec.steps, kept: spec.trainingSteps,
            wanted: settings.wanted)
        trainSamples = try Self.trainSamples(position, batch.size, spec.steps, settings.trainSamples)
        evaluationBatches = max(1, (settings.evaluateSamples + batch.size - 1) / batch.size)
        notes = Self.notes(batch, position, replicas) + intervals.notes
    }

    private static func start(
        _ spec: RunSpec, _ place: SavedPlace?, _ way: WarmStart, _ rates: Rates
    ) throws(Refusal) -> Start {
        guard let place else { return .nothing }
        guard case .warm = spec.start else {
            return .everything(place, isPatched: place.memo?.rates != rates)
        }
        switch way {
        case .weights: return .weights(place)
        case .counters: return .counters(place)
        case .everything: return .everything(place, isPatched: place.memo?.rates != rates)
        }
    }

    /// Enough for this trial, rounded up to a power of two where the settings leave it open, so that few
    /// trials of a study differ in it: data sets with several epochs are shuffled anew for another size.
    private static func trainSamples(
        _ position: Position, _ batch: Int, _ steps: Int, _ asked: Int?
    ) throws(Refusal) -> Int {
        // The loop ends at train_samples / batch iterations, however many samples those before took.
        let need = max(position.firstSamples + steps * batch, (position.firstIteration + steps) * batch)
        guard let asked else { return 1 << (Int.bitWidth - (need - 1).leadingZeroBitCount) }
        guard asked >= need else {
            throw Refusal(
                "found trainer.settings.train_samples \(asked); this trial needs \(need) samples: raise it to "
                    + "what all stages take with the largest batch size")
        }
        return asked
    }

    private static func notes(_ batch: GlobalBatch, _ position: Position, _ replicas: Int) -> [String] {
        var notes: [String] = []
        if let wanted = batch.rounded {
            notes.append(
                "batch size \(wanted.asText) is rounded to \(batch.size), the nearest multiple of micro-batch "
                    + "\(batch.micro) × \(replicas) replicas")
        }
        if !position.isCertain {
            notes.append(
                "the checkpoint does not say how many samples it has seen: assumes \(position.firstSamples); "
                    + "the setting start_samples says it")
        }
        return notes
    }
}

extension Double {
    /// `64` of 64.0, for messages.
    var asText: String { Int(exactly: self).map { "\($0)" } ?? "\(self)" }
}

/// The hyper-parameters of a trial that this plugin itself reads: from the assignment, else from `args`.
struct TrialValues {
    let batch: Double
    let rates: Rates

    init(_ spec: RunSpec, _ settings: MegatronSettings) throws(Refusal) {
        func number(_ name: String, _ flag: String) -> Double? {
            spec.assignment[name]?.number ?? settings.arguments.number(flag)
        }
        guard let lr = number("lr", "lr") else {
            throw Refusal("found no learning rate; expected lr in the space, or in trainer.settings.args")
        }
        guard let batch = number("batch_size", "global-batch-size") else {
            throw Refusal(
                "found no batch size; expected batch_size in the space, or global-batch-size in "
                    + "trainer.settings.args")
        }
        self.batch = batch
        let schedule = settings.schedule
        let isLevel = schedule.style == "constant" || spec.cooldown > 0
        let low = number("min_lr", "min-lr").map { min($0, lr) } ?? lr * schedule.minShare
        rates = Rates(
            // A constant rate has no lower end, and a cooldown goes to zero.
            lr: lr, minLR: isLevel ? 0 : low, weightDecay: number("weight_decay", "weight-decay") ?? 0.01)
    }
}

extension RunRequest<String> {
    /// The checkpoint that the run starts from.
    ///
    /// - Parameter mayLack: whether one that is not here is taken for what its name says, for explanations.
    func savedPlace(mayLack: Bool = false) throws(Refusal) -> SavedPlace? {
        let path: String
        switch start {
        case .fresh: return nil
        case .warm(let from), .resume(let from, _): path = from
        }
        if let place = SavedPlace(at: path) { return place }
        if mayLack { return SavedPlace(unread: path) }
        throw Refusal(
            "found no \(SavedPlace.tracker) in \(path); expected a checkpoint of Megatron's: a folder for "
                + "--load, or one of its iter_ folders")
    }
}

extension Position {
    init(
        of spec: RunSpec, at place: SavedPlace?, batch: Int, _ settings: MegatronSettings
    ) throws(Refusal) {
        switch spec.start {
        case .fresh: self.init(firstIteration: 0, firstSamples: 0, isCertain: true, seed: nil)
        case .warm where settings.warmStart == .weights:
            self.init(firstIteration: 0, firstSamples: 0, isCertain: true, seed: nil)
        case .warm:
            guard let place, let iteration = place.iteration else {
                throw Refusal(
                    "found converted weights without an iteration; expected trainer.settings.warm_start: weights"
                )
            }
            let known = place.memo?.samples(at: iteration) ?? settings.startSamples
            self.init(
                firstIteration: iteration, firstSamples: known ?? iteration * batch, isCertain: known != nil,
                seed: place.memo?.seed)
        case .resume(_, let step):
            let first = place?.memo?.iteration ?? (place?.iteration ?? step) - step
            self.init(
                firstIteration: first, firstSamples: place?.memo?.samples ?? first * batch,
                isCertain: place?.memo != nil || first == 0, seed: place?.memo?.seed)
        }
    }
}
