import FleetModel
import Glibc
import TrainerKit
import Wire

/// When things happen: how long a step takes, when it reports and saves.
struct Pace {
    static let settings: [TrainerDescription.Setting] = [
        .init("seconds_per_step", "How long a step takes; at least 0, 0 by default."),
        .init(
            "spread",
            "By how much trials differ in that: each takes a factor from 1 - spread to 1 + spread, fixed by seed "
                + "and number; from 0 to 1, 0 by default."),
        .init("report_every", "Steps between reports (the last step reports too); at least 1, 1 by default."),
        .init(
            "checkpoint_every",
            "Steps between checkpoints (the last step saves too); 0, the default: no checkpoints at all."),
        .init("checkpoint_seconds", "How long saving takes; at least 0, 0 by default."),
        .init(
            "checkpoint_bytes", "Size of a checkpoint's weights.bin; at least 0, 0 by default: no such file."),
    ]

    let checkpointEvery: Int
    let checkpointBytes: Int
    private let secondsPerStep: Double
    private let spread: Double
    private let reportEvery: Int
    private let checkpointSeconds: Double

    init(_ settings: inout SettingsReader) {
        secondsPerStep = settings.double("seconds_per_step", default: 0, in: 0...)
        spread = settings.double("spread", default: 0, in: 0...1)
        reportEvery = settings.int("report_every", default: 1, in: 1...)
        checkpointEvery = settings.int("checkpoint_every", default: 0, in: 0...)
        checkpointSeconds = settings.double("checkpoint_seconds", default: 0, in: 0...)
        checkpointBytes = settings.int("checkpoint_bytes", default: 0, in: 0...)
    }

    func reports(after step: Int, of steps: Int) -> Bool {
        step % reportEvery == 0 || step == steps
    }

    func saves(after step: Int, of steps: Int) -> Bool {
        checkpointEvery > 0 && (step % checkpointEvery == 0 || step == steps)
    }

    /// How long a step of the trial takes.
    ///
    /// - Parameters:
    ///   - seed: the study's, which says how fast each trial is.
    ///   - trial: the run's.
    func seconds(ofStepsWith seed: UInt64, trial: TrialID) -> Double {
        var chance = SeededGenerator(seed: seed, stream: UInt64(trial.number))
        return secondsPerStep * (1 + spread * (2 * chance.unit() - 1))
    }

    func waitForCheckpoint() {
        if checkpointSeconds > 0 { sleep(seconds: checkpointSeconds) }
    }
}

/// Sleeps at least that long.
func sleep(seconds: Double) {
    var wanted = timespec(
        tv_sec: Int(seconds), tv_nsec: Int(seconds.truncatingRemainder(dividingBy: 1) * 1_000_000_000))
    var left = timespec()
    while nanosleep(&wanted, &left) != 0, errno == EINTR { wanted = left }
}
