import FleetModel
import TrainerKit

/// What a model costs beside what it has learnt and at whatever step: measured once a run, so that every
/// report can hold it.
struct ModelCosts {
    private let values: [StandardMetric: Double]

    init(of training: Training) throws {
        values = [
            .parameters: Double(training.layout.tensors.reduce(0) { $0 + $1.count }),
            .checkpointMiB: try training.checkpointMiB(),
            .inferenceMs: training.inferenceMs(),
        ]
    }

    /// With what is measured anew for each report.
    func metrics(speed: Speed, tokensPerStep: Int) -> [String: Double] {
        var values = values
        values[.peakMemoryMiB] = ProcessMemory.peakMiB
        values[.stepMs] = speed.stepsPerSecond.map { 1000 / $0 }
        values[.tokensPerSecond] = speed.stepsPerSecond.map { $0 * Double(tokensPerStep) }
        return Dictionary(uniqueKeysWithValues: values.map { ($0.rawValue, $1) })
    }
}

extension Native {
    /// What `TrainingLoop` reports.
    var metrics: [String]? {
        let own = ["validation_loss", "training_loss", "gradient_norm"]
        let used: [Attestation.Quantity] = [
            .learningRate, .peakLearningRate, .globalBatchSize, .consumedSamples, .trainerStep,
        ]
        return own + StandardMetric.allCases.map(\.rawValue) + used.map(\.rawValue)
    }
}
