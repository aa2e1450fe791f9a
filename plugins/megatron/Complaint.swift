import FleetModel

/// What texts of Megatron-LM, PyTorch and NCCL mean when the run then fails; running out of memory the kit
/// knows itself.
enum Complaint {
    private static let causes: [(text: String, cause: @Sendable (String) -> RunFailure.Cause)] = [
        // megatron/core/rerun_state_machine.py and its forerunners.
        ("found NaN in local", notANumber), ("found Inf in local", notANumber),
        ("Unexpected result nan", notANumber), ("Unexpected result inf", notANumber),
        // Before anything is trained: settings.
        ("error: unrecognized arguments", refused), ("error: argument --", refused),
        ("Megatron requires CUDA", refused), ("could not find the metadata file", refused),
        ("ERROR: Invalid metadata file", refused), ("no samples left to consume", refused),
        ("is not divisible by micro batch size", refused),
        ("must be divisible by eval_micro_batch_size", refused),
        ("OptimizerParamScheduler: class input value", refused),
        ("Unable to load optimizer from checkpoint", refused), ("Could not find parameter group", refused),
        // The machine or the wires between machines. The second symptom of many a fault: others outrank it.
        ("Watchdog caught collective operation timeout", node), ("c10::DistBackendError", node),
        ("ncclUnhandledCudaError", node), ("ncclRemoteError", node), ("ncclSystemError", node),
        ("ncclInternalError", node), ("uncorrectable ECC error", node),
        ("CUDA error: an illegal memory access", node), ("CUDA error: unspecified launch failure", node),
        ("CUDA error: device-side assert", refused), ("Connection reset by peer", node),
    ]

    static func cause(in line: String) -> RunFailure.Cause? {
        // Ordinary lines are cheap: all of these hold one of few words.
        causes.first { line.contains($0.text) }.map { $0.cause(String(line.prefix(400))) }
    }

    @Sendable private static func notANumber(_ line: String) -> RunFailure.Cause {
        .notFinite(
            metric: "training_loss", step: iteration(in: line) ?? 0,
            reading: line.contains("nf") ? .notFinite(.positiveInfinity) : .notFinite(.nan))
    }

    /// `iteration 12` or `iteration #12`, since the model was born.
    private static func iteration(in line: String) -> Int? {
        line.firstRange(of: "iteration ").flatMap { found in
            Int(line[found.upperBound...].drop { $0 == "#" }.prefix { $0.isNumber })
        }
    }

    @Sendable private static func refused(_ line: String) -> RunFailure.Cause { .refused(reason: line) }

    @Sendable private static func node(_ line: String) -> RunFailure.Cause { .node(reason: line) }
}
