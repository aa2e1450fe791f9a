/// What a trainer really used in an optimiser step, by its own word. It travels among a report's metrics,
/// under the names of `Attestation.Quantity`, so that results and reports show it like any other metric.
public struct Attestation: Hashable, Sendable {
    /// One thing that is attested; the raw value is its name among metrics.
    public enum Quantity: String, Hashable, Codable, Sendable, CaseIterable {
        /// What the optimiser used in the report's step.
        case learningRate = "learning_rate"
        /// What the schedule's shares are shares of: the trial's own learning rate.
        case peakLearningRate = "peak_learning_rate"
        /// Samples in one optimiser step, over all processes and micro-batches.
        case globalBatchSize = "global_batch_size"
        /// Samples since the data began, over all trials that this one was warm-started through: the place
        /// in the data.
        case consumedSamples = "consumed_samples"
        /// Steps of the learning rate's schedule before the report's step, since the trial began.
        case schedulerSteps = "scheduler_steps"
        /// Optimiser steps since the model was new, as the trainer itself counts them.
        case trainerStep = "trainer_step"
    }

    public private(set) var values: [Quantity: Reading]

    public init(_ values: [Quantity: Double]) {
        self.values = values.mapValues { Reading($0) }
    }

    /// What `report` attests; empty where it attests nothing.
    public init(in report: Report) {
        values = [:]
        for quantity in Quantity.allCases {
            if let reading = report.metrics[quantity.rawValue] { values[quantity] = reading }
        }
    }

    public subscript(quantity: Quantity) -> Reading? { values[quantity] }

    /// The same as metrics of a report.
    public var metrics: [String: Reading] {
        Dictionary(uniqueKeysWithValues: values.map { ($0.rawValue, $1) })
    }
}

extension Attestation.Quantity: CustomStringConvertible {
    public var description: String { rawValue.replacing("_", with: " ") }
}

/// A trainer that used something else than its trial's values: its result would be filed under the wrong
/// hyper-parameters.
public struct Discrepancy: Hashable, Codable, Sendable, CustomStringConvertible {
    public let quantity: Attestation.Quantity
    /// Trial step of the report that shows it.
    public let step: Int
    public let found: Reading
    /// What the trial's values give at that step.
    public let expected: Double

    public init(_ quantity: Attestation.Quantity, step: Int, found: Reading, expected: Double) {
        self.quantity = quantity
        self.step = step
        self.found = found
        self.expected = expected
    }

    public var description: String {
        "at step \(step) the trainer's \(quantity) is \(found), but this trial's is \(expected): "
            + "its result would be another trial's"
    }
}
