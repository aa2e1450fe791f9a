import FleetModel

/// How far a training has come: all state that is neither parameters nor moments.
struct Progress: Hashable, Codable {
    /// Steps of this trial.
    var trialSteps = 0
    /// Steps since the model was new, over all trials that this one was warm-started through.
    var totalSteps = 0
    /// Sequences learnt from since the model was new.
    var samples = 0
    /// Draws the places of batches.
    var data: SeededGenerator
    /// Draws a seed of masks for each step.
    var dropout: SeededGenerator
    /// Of the training losses since the last report.
    var lossSum = 0.0
    var lossCount = 0

    /// The beginning of a trial of a model that has `totalSteps` behind it. A warm start draws other
    /// batches than those that the model has seen.
    init(seed: UInt64, totalSteps: Int = 0, samples: Int = 0) {
        self.totalSteps = totalSteps
        self.samples = samples
        let stream = UInt64(totalSteps) << 8
        data = SeededGenerator(seed: seed, stream: stream + 1)
        dropout = SeededGenerator(seed: seed, stream: stream + 2)
    }
}

/// A model in training.
final class Training {
    let shape: Architecture
    let layout: ParameterLayout
    let parameters: Parameters
    var optimizer: Optimizer
    var progress: Progress
    let hyper: Hyperparameters
    let corpus: Corpus
    /// Steps of the trial, for the schedule.
    let steps: Int
    /// The last so many of them take the learning rate down to near 0.
    let cooldown: Int

    private let replicas: [Replica]

    /// One optimiser step.
    struct Step {
        /// Mean cross-entropy of the batch before the step, nats per byte.
        let loss: Double
        /// Before clipping.
        let gradientNorm: Double
        let learningRate: Double
        /// Sequences in the batch.
        let samples: Int
    }

    /// A new model.
    init(
        _ shape: Architecture, hyper: Hyperparameters, corpus: Corpus, steps: Int, cooldown: Int = 0,
        seed: UInt64,
        threads: Int
    ) throws(OutOfMemory) {
        let layout = ParameterLayout(shape)
        let parameters = try Parameters(shape, layout: layout)
        var generator = SeededGenerator(seed: seed, stream: 0)
        parameters.initialize(layout, layers: shape.layers, generator: &generator)
        self.shape = shape
        self.layout = layout
        self.parameters = parameters
        self.hyper = hyper
        self.corpus = corpus
        self.steps = steps
        self.cooldown = cooldown
        optimizer = try Optimizer(kind: hyper.optimizer, layout: layout)
        progress = Progress(seed: seed)
        replicas = try (0..<max(1, threads)).map { _ throws(OutOfMemory) in
            try Replica(shape, layout: layout, parameters: parameters)
        }
    }

    /// The learning rate of the step to come.
    var learningRate: Double {
        hyper.learningRate * hyper.share(step: progress.trialSteps, of: steps, cooldown: cooldown)
    }

    /// One optimiser step on the next batch.
    func step() -> Step {
        let batch = corpus.batch(hyper.batchSize, context: shape.context, generator: &progress.data)
        let seed = progress.dropout.next()
        let loss = learn(batch, dropout: hyper.dropout > 0 ? Dropout(share: hyper.dropout, seed: seed) : nil)
        let gradient = replicas[0].gradient.buffer
        let norm = gradient.norm()
        let clip = hyper.gradientClip
        let rate = learningRate
        optimizer.update(
            parameters.buffer, gradient: gradient, scale: clip > 0 && norm > clip ? clip / norm : 1,
            layout: layout, hyper: hyper, learningRate: rate)
        progress.trialSteps += 1
        progress.totalSteps += 1
        progress.samples += batch.starts.count
        progress.lossSum += loss
        progress.lossCount += 1
        return Step(loss: loss, gradientNorm: norm, learningRate: rate, samples: batch.starts.count)
    }

    /// The mean training loss since this was last asked; nil where there was no step.
    func takeMeanLoss() -> Double? {
        defer { (progress.lossSum, progress.lossCount) = (0, 0) }
        return progress.lossCount == 0 ? nil : progress.lossSum / Double(progress.lossCount)
    }

    /// Mean cross-entropy of the validation text, nats per byte, on at most `tokens` tokens of it.
    func validationLoss(tokens: Int) -> Double {
        let windows = corpus.validationWindows(context: shape.context, tokens: tokens)
        let sums = divided(windows) { replica, part, _ in replica.loss(part) }
        return sums.reduce(0, +) / Double(windows.starts.count * shape.context)
    }

    /// What a forward pass over one sequence takes on one thread, in milliseconds: the median of five passes or
    /// more, up to fifteen in a tenth of a second, after two that warm up.
    func inferenceMs() -> Double {
        let sequence = corpus.validationWindows(context: shape.context, tokens: shape.context)
        var times: [Duration] = []
        let start = ContinuousClock.now
        for pass in 0..<17 where times.count < 5 || ContinuousClock.now - start < .milliseconds(100) {
            let time = ContinuousClock().measure { replicas[0].infer(sequence) }
            if pass >= 2 { times.append(time) }
        }
        return times.sorted()[times.count / 2] / .milliseconds(1)
    }

    /// Puts the gradient of the mean cross-entropy of `batch` into the first replica; answers the mean.
    private func learn(_ batch: Windows, dropout: Dropout?) -> Double {
        let tokens = batch.starts.count * shape.context
        let sums = divided(batch) { replica, part, first in
            replica.gradient.buffer.clear()
            return replica.learn(part, scale: 1 / Float(tokens), dropout: dropout, firstSequence: first)
        }
        for replica in replicas.dropFirst().prefix(sums.count - 1) {
            replicas[0].gradient.buffer.add(replica.gradient.buffer)
        }
        return sums.reduce(0, +) / Double(tokens)
    }

    /// Divides windows among the replicas, each on a thread of its own, and answers their sums in order: the
    /// same sums at every run with the same number of threads.
    private func divided(
        _ windows: Windows, _ body: (Replica, _ part: Windows, _ first: Int) -> Double
    ) -> [Double] {
        let count = min(replicas.count, windows.starts.count)
        let share = (windows.starts.count + count - 1) / count
        var sums = [Double](repeating: 0, count: count)
        sums.withUnsafeMutableBufferPointer { sums in
            // Safe: each thread has a replica and an element of `sums` of its own, and `inParallel` joins.
            nonisolated(unsafe) let (sums, body, replicas) = (sums, body, replicas)
            inParallel(count) { index in
                let part = Windows(
                    text: windows.text, starts: windows.starts.dropFirst(index * share).prefix(share))
                sums[index] = body(replicas[index], part, index * share)
            }
        }
        return sums
    }
}
