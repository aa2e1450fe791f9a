import FleetModel
import TrainerKit

/// `micro_batch`: samples of one forward pass on one device, at most.
struct BatchSettings {
    private let microBatch: Int?

    init(_ settings: inout SettingsReader) {
        // The kit puts a number here before a run.
        let isAuto = settings.value("micro_batch")?.isAuto == true
        microBatch = isAuto ? nil : settings.optionalInt("micro_batch", in: 1...)
    }

    /// How `wanted` samples are dealt to `processes`; by default 8 to each, as TrainingArguments does.
    func split(_ wanted: Int?, over processes: Int) -> BatchSplit {
        BatchSplit(wanted: wanted ?? 8 * processes, processes: processes, microBatch: microBatch)
    }
}

/// A global batch as processes × accumulation × samples in a forward pass.
struct BatchSplit: Hashable {
    let wanted: Int
    let processes: Int
    let perDevice: Int

    /// Samples of one process in an optimiser step: the nearest to its share of `wanted`.
    let share: Int

    init(wanted: Int, processes: Int, microBatch: Int?) {
        self.wanted = wanted
        self.processes = processes
        let share = max(1, (wanted + processes / 2) / processes)
        self.share = share
        let most = min(microBatch ?? share, share)
        perDevice = stride(from: most, through: 1, by: -1).first { share % $0 == 0 } ?? 1
    }

    var accumulation: Int { share / perDevice }

    var global: Int { share * processes }

    /// Where the batch could not be dealt evenly.
    var note: String? {
        guard global != wanted else { return nil }
        return "batch size \(wanted) is rounded to \(global), a multiple of its \(processes) processes"
    }
}
