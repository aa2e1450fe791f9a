import FleetModel
import StudyCore

/// What trainers read themselves.
extension ScheduleText {
    /// A scheduler for `Trainer(optimizers=…)`. The batch size of a Trainer is fixed, so a batch size that moves
    /// becomes one call of `train()` for each piece.
    func huggingface() throws(Missing) -> [String] {
        let rate = try rate()
        return [
            "# The schedule of study \(study), found by iterhpo. Steps are optimiser steps, counted from 1.",
            "from bisect import bisect_right", "", "from torch.optim.lr_scheduler import LambdaLR", "",
        ] + table(names) + [
            "PEAK = max(VALUES[\(ParameterValue.string(rate).python)])", "", "",
            "def at(name, step):",
            "    return VALUES[name][max(0, bisect_right(FIRST_STEPS, step) - 1)]", "", "",
            "def scheduler(optimizer):",
            "    \"\"\"For Trainer(optimizers=(optimizer, scheduler(optimizer))), with an optimizer made with lr=PEAK.\"\"\"",
            "    return LambdaLR(",
            "        optimizer, lambda done: at(\(ParameterValue.string(rate).python), done + 1) / PEAK)",
        ] + batchNote
    }

    private var batchNote: [String] {
        guard let batchSize, Set(values(of: batchSize)).count > 1 else { return [] }
        let sizes = pieces.map { "\($0.params[batchSize]?.description ?? "?") to step \($0.lastStep)" }
        return [
            "", "",
            "# The batch size moves too, and a Trainer's is fixed: train piece by piece, each with max_steps set",
            "# to the piece's last step and resume_from_checkpoint=True.",
            "# \(batchSize): \(sizes.joined(separator: ", "))",
        ]
    }

    /// Megatron-LM's `--step-batch-size-schedule "0:64 1M:128"`: batch sizes by tokens consumed (megatron/core/
    /// num_microbatches_calculator.py), and the learning rate by samples, for which Megatron has no table.
    func megatron() throws(Missing) -> [String] {
        let rate = try rate()
        guard let batchSize, !values(of: batchSize).contains(where: { $0?.number == nil }) else {
            throw Missing(
                description: "Megatron's schedule needs a batch size in each stage: "
                    + "say which parameter is it with --batch-size")
        }
        guard let length = sequenceLength else {
            throw Missing(
                description: "Megatron counts in tokens, and the study file has no seq-length among its "
                    + "trainer settings: give --seq-length")
        }
        let sizes = values(of: batchSize).map { Int($0!.number!) }
        let samples = Self.consumed(pieces, sizes)
        let steps = zip(samples, sizes).enumerated().filter { index, _ in
            index == 0 || sizes[index] != sizes[index - 1]
        }.map { "\($0.element.0 * length):\($0.element.1)" }
        let rows = zip(pieces, samples).map { piece, sample in
            "# \(piece.firstStep)\t\(sample)\t\(sample * length)\t\(piece.params[rate]?.description ?? "")"
        }
        let first = pieces[0].params[rate]?.description ?? ""
        return [
            "# The schedule of study \(study), found by iterhpo.",
            "--train-samples \(samples.last!)",
            "--step-batch-size-schedule \"\(steps.joined(separator: " "))\"",
            "--lr \(first) --lr-decay-style constant",
            "# Megatron-LM has no table of learning rates: continue at each row with its lr (plugin megatron,",
            "# warm_start: everything, does that), or set the optimizer's lr from this table.",
            "# iteration\tsamples\ttokens\tlr",
        ] + rows
    }

    /// Samples before each piece, and after the last.
    private static func consumed(_ pieces: [SchedulePiece], _ sizes: [Int]) -> [Int] {
        zip(pieces, sizes).reduce(into: [0]) { sums, entry in
            sums.append(sums[sums.count - 1] + (entry.0.lastStep - entry.0.firstStep + 1) * entry.1)
        }
    }
}
