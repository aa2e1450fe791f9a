import FleetModel
import TrainerKit
import Wire

/// A trial from its present step to its last: steps, reports, checkpoints, and an ear for stop orders.
struct TrainingLoop {
    let training: Training
    /// Steps.
    let evaluateEvery: Int
    /// Steps; 0: only at the end.
    let checkpointEvery: Int
    let validationTokens: Int
    let costs: ModelCosts

    func run(_ session: TrainingSession) throws {
        // A run that died between its last checkpoint and its end has nothing left but to say so.
        if training.isComplete { try report(nil, to: session, speed: Speed()) }
        var speed = Speed()
        while !training.isComplete {
            if let order = session.stopOrder {
                if order.save { try save(session) }
                return
            }
            let step = speed.measuring { training.step() }
            let isBroken = !step.loss.isFinite
            if isBroken || isDue(evaluateEvery) {
                try report(step, to: session, speed: speed)
                speed = Speed()
            }
            if isBroken { return }
            if isToBeSaved { try save(session) }
        }
    }

    private func isDue(_ every: Int) -> Bool {
        training.isComplete || training.isAtCooldown || training.progress.trialSteps % every == 0
    }

    private var isToBeSaved: Bool {
        training.isComplete || training.isAtCooldown || checkpointEvery > 0 && isDue(checkpointEvery)
    }

    private func save(_ session: TrainingSession) throws {
        try session.checkpoint(step: training.progress.trialSteps, write: training.save)
    }

    /// Losses in nats per byte; speed of training alone; what the model costs.
    private func report(_ step: Training.Step?, to session: TrainingSession, speed: Speed) throws {
        var metrics = costs.metrics(speed: speed, tokensPerStep: training.tokensPerStep)
        metrics["validation_loss"] = training.validationLoss(tokens: validationTokens)
        metrics["training_loss"] = training.takeMeanLoss()
        metrics["gradient_norm"] = step?.gradientNorm
        let used = step.map { training.attestation(of: $0) } ?? Attestation([:])
        try session.report(step: training.progress.trialSteps, metrics: metrics, attesting: used)
    }
}

extension Training {
    /// What the last step used.
    fileprivate func attestation(of step: Step) -> Attestation {
        Attestation([
            .learningRate: step.learningRate, .peakLearningRate: hyper.learningRate,
            .globalBatchSize: Double(step.samples), .consumedSamples: Double(progress.samples),
            .trainerStep: Double(progress.totalSteps),
        ])
    }
}

extension Training {
    var isComplete: Bool { progress.trialSteps >= steps }

    /// Steps before the cooldown.
    var trainingSteps: Int { steps - cooldown }

    /// What others go on from is reached.
    var isAtCooldown: Bool { cooldown > 0 && progress.trialSteps == trainingSteps }

    var tokensPerStep: Int { hyper.batchSize * shape.context }
}

/// How long some steps took.
struct Speed {
    private var elapsed = Duration.zero
    private var steps = 0

    mutating func measuring<Result>(_ step: () -> Result) -> Result {
        let start = ContinuousClock.now
        defer {
            elapsed += ContinuousClock.now - start
            steps += 1
        }
        return step()
    }

    /// nil before the first step.
    var stepsPerSecond: Double? { steps == 0 ? nil : Double(steps) / (elapsed / .seconds(1)) }
}
