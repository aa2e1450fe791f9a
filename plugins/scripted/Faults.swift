import FleetModel
import Glibc
import TrainerKit
import Wire

/// What goes wrong, before the step that is named is done.
struct Faults {
    static let settings: [TrainerDescription.Setting] = [
        .init("crash_at_step", "Exits with crash_exit, or dies of crash_signal, at that step."),
        .init("crash_exit", "Exit code of the crash; 1 to 255, 1 by default."),
        .init("crash_signal", "Number of the signal that ends it instead (11: segmentation fault)."),
        .init("silence_at_step", "Hangs at that step without a word."),
        .init("garbage_at_step", "Writes binary noise and a line of 2 MB at that step, and goes on."),
        .init("nan_at_step", "Reports a loss that is not a number at that step."),
        .init("out_of_memory_at_step", "Fails at that step as PyTorch does when the GPU's memory is full."),
        .init("ignore_stop", "true: goes on when asked to stop, and ignores SIGTERM."),
        .init("only_trials", "Numbers of the trials that the faults strike; all by default."),
        .init("only_first_attempt", "true: a second attempt of a trial has no faults."),
    ]

    private(set) var nanAtStep: Int?
    private(set) var ignoreStop = false
    private var crashAtStep: Int?
    private var crashExit = 1
    private var crashSignal: Int?
    private var silenceAtStep: Int?
    private var garbageAtStep: Int?
    private var outOfMemoryAtStep: Int?
    private var onlyTrials: [Int] = []
    private var onlyFirstAttempt = false

    private init() {}

    init(_ settings: inout SettingsReader) {
        crashAtStep = settings.optionalInt("crash_at_step", in: 1...)
        crashExit = settings.int("crash_exit", default: 1, in: 1...255)
        crashSignal = settings.optionalInt("crash_signal", in: 1...64)
        silenceAtStep = settings.optionalInt("silence_at_step", in: 1...)
        garbageAtStep = settings.optionalInt("garbage_at_step", in: 1...)
        nanAtStep = settings.optionalInt("nan_at_step", in: 1...)
        outOfMemoryAtStep = settings.optionalInt("out_of_memory_at_step", in: 1...)
        ignoreStop = settings.bool("ignore_stop", default: false)
        onlyTrials = settings.ints("only_trials", default: [])
        onlyFirstAttempt = settings.bool("only_first_attempt", default: false)
    }

    /// Those that strike this run.
    func of(_ run: RunID) -> Faults {
        let strikes =
            (onlyTrials.isEmpty || onlyTrials.contains(run.trial.number))
            && !(onlyFirstAttempt && run.attempt > 0)
        return strikes ? self : Faults()
    }

    func prepare() {
        if ignoreStop { signal(SIGTERM, SIG_IGN) }
    }

    func strike(at step: Int) throws {
        if step == garbageAtStep { writeGarbage() }
        if step == crashAtStep { crash(at: step) }
        if step == silenceAtStep { while true { pause() } }
        if step == outOfMemoryAtStep {
            throw ScriptedFault(
                text:
                    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB at step \(step).")
        }
    }

    private func crash(at step: Int) {
        guard let crashSignal else {
            print(ScriptedFault(text: "scripted crash at step \(step)"), to: &standardError)
            exit(Int32(crashExit))
        }
        signal(Int32(crashSignal), SIG_DFL)
        raise(Int32(crashSignal))
    }

    private func writeGarbage() {
        print("\u{0}\u{1}\u{1B}[31m{\"step\": \u{FFFF}", terminator: "\n\n\r\n")
        print(String(repeating: "x", count: 2 << 20))
        for stream in [1, 2] as [Int32] { write(stream, [0xff, 0xfe, 0x00, 0x0a] as [UInt8], 4) }
    }
}

/// A failure as its script wants it.
struct ScriptedFault: Error, CustomStringConvertible {
    let text: String
    var description: String { text }
}

/// For `print(_:to:)`.
struct StandardError: TextOutputStream {
    func write(_ text: String) {
        let bytes = Array(text.utf8)
        Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}

nonisolated(unsafe) private var standardError = StandardError()
