/// What a trial may try, apart from the architecture; all of it may change at a warm start.
struct Hyperparameters: Hashable, Codable {
    /// Above 0.
    var learningRate = 1e-3
    /// Sequences in a step.
    var batchSize = 16
    /// Decoupled (Loshchilov, Hutter 2017), of matrices only.
    var weightDecay = 0.0
    /// Share of activations dropped, in [0, 1).
    var dropout = 0.0
    var warmupSteps = 0
    /// Of SGD, in [0, 1).
    var momentum = 0.9
    /// Of AdamW, in [0, 1).
    var beta1 = 0.9
    var beta2 = 0.999
    /// Longest gradient (root of the sum of squares); 0: no limit.
    var gradientClip = 1.0
    var optimizer = OptimizerKind.adamw
    var schedule = Schedule.constant
}

extension Hyperparameters {
    /// The share of the learning rate for step `step`, counted from 0, of a trial of `steps`, the last
    /// `cooldown` of which take it down by equal parts from where the schedule left it.
    func share(step: Int, of steps: Int, cooldown: Int) -> Double {
        guard cooldown > 0 else { return schedule.share(step: step, of: steps, warmup: warmupSteps) }
        let trainingSteps = steps - cooldown
        let share = schedule.share(
            step: min(step, trainingSteps - 1), of: trainingSteps, warmup: warmupSteps)
        return share * min(1, Double(max(0, steps - step)) / Double(cooldown + 1))
    }
}

enum OptimizerKind: String, CaseIterable, Codable {
    case adamw
    case sgd
}
