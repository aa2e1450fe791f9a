import FleetModel
import TrainerKit
import Wire

/// How often is logged, evaluated and saved, as the settings say it.
struct CadenceSettings {
    private let log: Int?
    private let evaluate: Int?
    private let checkpoint: Int

    init(_ settings: inout SettingsReader) {
        log = settings.optionalInt("log_every", in: 1...)
        evaluate = settings.optionalInt("evaluate_every", in: 0...)
        checkpoint = settings.int("checkpoint_every", default: 0, in: 0...)
    }

    /// - Parameter isCounted: whether the reader counts lines, so that every other mark must be one of them.
    func filled(for spec: RunSpec, isCounted: Bool) -> Cadence {
        let evaluate = evaluate ?? max(1, spec.steps / 8)
        let log = log ?? min(10, evaluate > 0 ? evaluate : 10)
        let marks = [evaluate, checkpoint, spec.steps, spec.firstStep]
        return Cadence(
            log: isCounted ? marks.reduce(log, greatestDivisor) : log, evaluate: evaluate,
            checkpoint: checkpoint)
    }
}

/// In steps of the trial.
struct Cadence: Hashable {
    let log: Int
    /// 0: never by the script's Trainer.
    let evaluate: Int
    /// 0: only at the end, and before a cooldown.
    let checkpoint: Int
}

/// Of two numbers (Euclid); 0 divides nothing.
private func greatestDivisor(_ a: Int, _ b: Int) -> Int {
    b == 0 ? a : greatestDivisor(b, a % b)
}
