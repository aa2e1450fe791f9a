/// What a trial costs beside what it has learnt, under names that mean the same with every plugin, so that a
/// study may weigh them: the raw value is the name among a report's metrics. All of it is measured; a plugin
/// reports those that it can.
public enum StandardMetric: String, Hashable, Codable, Sendable, CaseIterable {
    /// Trainable numbers of the model, shared ones counted once.
    case parameters
    /// What the files of a checkpoint take on a disk, in MiB (`DiskSize` in TrainerKit). Where the trainer does
    /// not tell it, the kit measures the last checkpoint that was published: reports before the first have
    /// none, and that of the last step waits for its checkpoint.
    case checkpointMiB = "checkpoint_mib"
    /// A forward pass over one sequence of the model's context length, in milliseconds: the median of several.
    case inferenceMs = "inference_ms"
    /// The most memory that the trainer held so far, in MiB: of a GPU where it trains on one, of its process
    /// otherwise.
    case peakMemoryMiB = "peak_memory_mib"
    /// An optimiser step, in milliseconds: the mean since the report before.
    case stepMs = "step_ms"
    /// Tokens learnt from in a second of training, over all processes.
    case tokensPerSecond = "tokens_per_second"

    /// What it is counted in, for axes and tables.
    public var unit: String? {
        switch self {
        case .parameters: nil
        case .checkpointMiB, .peakMemoryMiB: "MiB"
        case .inferenceMs, .stepMs: "ms"
        case .tokensPerSecond: "tokens/s"
        }
    }
}
