import FleetModel
import FoundationEssentials
import TrainerKit
import Wire

/// Trains nothing: loss curves and faults from its settings, for rehearsals and tests.
@main struct ScriptedTrainer: Trainer {
    static let about = TrainerDescription(
        name: "scripted", summary: "trains nothing: loss curves and faults as its settings say.",
        settings: Curve.settings + Pace.settings + Faults.settings,
        example: """
            trainer:
              plugin: scripted
              settings: { curve: power_law, seconds_per_step: 0.002, checkpoint_every: 10 }
            """)

    let curve: Curve
    let pace: Pace
    let faults: Faults

    init(settings: inout SettingsReader) {
        curve = Curve(&settings)
        pace = Pace(&settings)
        faults = Faults(&settings)
    }

    var makesCheckpoints: Bool { pace.checkpointEvery > 0 }

    func execution(of spec: RunSpec, in folder: TrialFolder) -> Execution {
        .inProcess { session in
            var training = try ScriptedTraining(self, session)
            try training.run()
        }
    }
}

/// One run of it.
struct ScriptedTraining {
    let trainer: ScriptedTrainer
    let session: TrainingSession
    let faults: Faults
    /// The state that checkpoints hold.
    var model: Model

    init(_ trainer: ScriptedTrainer, _ session: TrainingSession) throws {
        self.trainer = trainer
        self.session = session
        faults = trainer.faults.of(session.spec.key.run)
        switch session.spec.start {
        case .fresh: model = Model()
        case .warm(let path), .resume(let path, _): model = try Model(checkpoint: path)
        }
    }

    mutating func run() throws {
        faults.prepare()
        let spec = session.spec
        var step = spec.firstStep
        while step < spec.steps {
            if !faults.ignoreStop, let order = session.stopOrder {
                if order.save { try save(step) }
                return
            }
            step += 1
            try faults.strike(at: step)
            let seconds = trainer.pace.seconds(ofStepsWith: spec.seed, trial: spec.key.run.trial)
            if faults.ignoreStop { sleep(seconds: seconds) } else { session.wait(seconds: seconds) }
            model = trainer.curve.trained(model, with: spec.assignment)
            try report(step)
            if trainer.pace.saves(after: step, of: spec.steps) { try save(step) }
        }
    }

    private func report(_ step: Int) throws {
        let spec = session.spec
        guard trainer.pace.reports(after: step, of: spec.steps) || faults.nanAtStep == step else { return }
        var metrics = trainer.curve.copied(spec.assignment)
        metrics[spec.metric] =
            faults.nanAtStep == step ? .nan : trainer.curve.loss(of: model, step: step, seed: spec.seed)
        try session.report(step: step, metrics: metrics)
    }

    private func save(_ step: Int) throws {
        guard trainer.makesCheckpoints else { return }
        try session.checkpoint(step: step) { path in
            trainer.pace.waitForCheckpoint()
            try model.write(to: path, padding: trainer.pace.checkpointBytes)
        }
    }
}

/// All that the scripted trainer has learned.
struct Model: Codable {
    /// Effective steps: what the steps so far were worth.
    var progress = 0.0
    /// Steps since the model was born, over all trials whose checkpoints it went through.
    var steps = 0

    init() {}

    init(checkpoint path: String) throws {
        let file = path + "/state.json"
        guard let bytes = FileManager.default.contents(atPath: file),
            let model = try? JSONDecoder().decode(Model.self, from: bytes)
        else { throw Refusal("found no readable \(file); expected a checkpoint that scripted has saved") }
        self = model
    }

    func write(to path: String, padding: Int) throws {
        try JSONEncoder().encode(self).write(to: URL(filePath: path + "/state.json"))
        if padding > 0 {
            // Differs from step to step and from trial to trial, as weights do.
            let mixed = (progress.bitPattern ^ UInt64(steps)) &* 0x9e37_79b9_7f4a_7c15
            let bytes = Data(repeating: UInt8(truncatingIfNeeded: mixed >> 56), count: padding)
            try bytes.write(to: URL(filePath: path + "/weights.bin"))
        }
    }
}
