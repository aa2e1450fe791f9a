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

enum OptimizerKind: String, CaseIterable, Codable {
    case adamw
    case sgd
}
