import FleetModel
import TrainerKit
import Wire

/// `micro_batch`: at most so many samples in one forward pass; `auto`: found by running out of memory.
/// `{micro_batch}` and `{accumulation}` are then dealt from the trial's `batch_size` over its GPUs.
struct MicroBatchSetting: Sendable {
    struct Split {
        let microBatch: Int
        let accumulation: Int
    }

    /// nil while the kit has not put a number here.
    private let largest: Int?

    init?(_ settings: inout SettingsReader) {
        guard let value = settings.value("micro_batch") else { return nil }
        largest = value.isAuto ? nil : settings.int("micro_batch", in: 1...)
    }

    /// Samples of one GPU in an optimiser step.
    func share(of spec: RunSpec) throws(Refusal) -> Int {
        guard let batch = spec.assignment["batch_size"]?.number.flatMap(Int.init(exactly:)), batch > 0 else {
            throw Refusal("micro_batch deals a trial's batch_size; found no whole batch_size in its space")
        }
        let devices = max(1, spec.gpuIndices.count)
        guard batch % devices == 0 else {
            throw Refusal("found batch_size \(batch), expected a multiple of the trial's \(devices) GPUs")
        }
        return batch / devices
    }

    /// The largest even parts of a GPU's share.
    func split(of spec: RunSpec) throws(Refusal) -> Split {
        let share = try share(of: spec)
        let size = stride(from: min(largest ?? share, share), through: 1, by: -1).first { share % $0 == 0 }
        return Split(microBatch: size ?? 1, accumulation: share / (size ?? 1))
    }
}
