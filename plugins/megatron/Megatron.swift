import FleetModel
import TrainerKit
import Wire

/// Megatron-LM under torchrun: `pretrain_gpt.py` or another entry.
@main struct Megatron: Trainer {
    let settings: MegatronSettings

    init(settings reader: inout SettingsReader) {
        settings = MegatronSettings(&reader)
    }

    /// The schedule is then WSD, whose last phase is the cooldown.
    var coolsDown: Bool { settings.schedule.style == "constant" }

    /// Not known of other entries, nor of models that log losses of their own.
    var metrics: [String]? { settings.namesItsLosses ? nil : LogReader.metrics }

    func problems(with parameters: [PluginCheck.Parameter]) -> [Problem] {
        Parameters.problems(with: parameters, settings)
    }

    func execution(of spec: RunSpec, in folder: TrialFolder) throws(Refusal) -> Execution {
        if spec.gang != nil, settings.sharedFolder == nil { throw Refusal(Self.withoutSharedFolder) }
        return .program(try command(of: spec, in: folder, from: try spec.savedPlace()))
    }

    func explanation(of spec: RunSpec, in folder: TrialFolder) throws(Refusal) -> Execution {
        var command = try command(of: spec, in: folder, from: try spec.savedPlace(mayLack: true))
        if spec.gang != nil, settings.sharedFolder == nil { command.notes.append(Self.withoutSharedFolder) }
        return .program(command)
    }

    private static let withoutSharedFolder =
        "found a run over several nodes and no trainer.settings.shared_folder; expected a folder that all nodes "
        + "see, because every rank writes a part of each checkpoint"

    private func command(
        of spec: RunSpec, in folder: TrialFolder, from place: SavedPlace?
    ) throws(Refusal) -> Command {
        let plan = try plan(of: spec, from: place)
        let launch = Launch(spec: spec, settings: settings, plan: plan, folder: folder)
        var command = Command(
            launch.arguments,
            // Wanted by tensor parallelism before Blackwell, and harmless elsewhere.
            environment: ["CUDA_DEVICE_MAX_CONNECTIONS": "1"].merging(settings.environment) { $1 },
            workingFolder: settings.repository)
        // torchrun itself ends with 1 after SIGTERM, and kills its workers after 30 seconds.
        command.asksChildren = true
        command.notes = plan.notes
        if let patch = patch(for: plan, launch) { command.before = [try patch.prepared(in: folder)] }
        connect(&command, launch)
        return command
    }

    private func patch(for plan: RunPlan, _ launch: Launch) -> CheckpointPatch? {
        guard case .everything(let place, isPatched: true) = plan.start else { return nil }
        return CheckpointPatch(
            python: settings.python, repository: settings.repository, place: place, rates: plan.rates,
            target: launch.patchedFolder)
    }

    /// Checkpoints are rank 0's; the losses are printed by the last rank, on the last node.
    private func connect(_ command: inout Command, _ launch: Launch) {
        let rank = launch.spec.gang?.rank ?? 0
        if rank == 0 { command.checkpoints = launch.checkpoints }
        guard let gang = launch.spec.gang else { return }
        let log = launch.saveFolder + "/last_rank.log"
        if rank == gang.nodes - 1 { command.mirror = log } else { command.metrics = [MetricsFile(log)] }
    }

    func reader(of spec: RunSpec, in folder: TrialFolder) throws(Refusal) -> any LineReader {
        let plan = try plan(of: spec, from: try spec.savedPlace(mayLack: true))
        let sequence = spec.assignment["seq_length"]?.number ?? settings.arguments.number("seq-length")
        return LogReader(
            metric: spec.metric, plan: plan, sequence: sequence, isWhole: settings.isWholeModelOnEachGPU)
    }

    func expectation(of spec: RunSpec) -> Expectation {
        // A run that cannot be planned is refused elsewhere.
        guard let place = try? spec.savedPlace(), let plan = try? plan(of: spec, from: place) else {
            return Expectation()
        }
        let (curve, batch) = (plan.curve, plan.batch.size)
        return Expectation(
            learningRate: plan.rates.lr, globalBatchSize: batch,
            consumedSamples: plan.position.isCertain ? plan.position.firstSamples : nil,
            finite: ["training_loss"]
        ) { steps in
            // The log shows the rate that the next iteration takes.
            curve.rate(at: curve.origin + (steps + 1) * batch) / curve.peak
        }
    }

    func microBatches(of spec: RunSpec) throws(Refusal) -> MicroBatches? {
        let replicas = try replicas(of: spec)
        let batch = try RunPlan(
            of: spec, with: settings, from: try spec.savedPlace(mayLack: true), replicas: replicas
        ).batch.size
        let model = settings.arguments.flags(without: []).joined(separator: " ")
        let layout = settings.layout
        return MicroBatches(
            dividing: batch / replicas,
            shape: "\(model) tensor \(layout.tensor) pipeline \(layout.pipeline) context \(layout.context)")
    }

    func plan(of spec: RunSpec, from place: SavedPlace?) throws(Refusal) -> RunPlan {
        try RunPlan(of: spec, with: settings, from: place, replicas: try replicas(of: spec))
    }

    private func replicas(of spec: RunSpec) throws(Refusal) -> Int {
        try settings.layout.replicas(on: Launch.worldSize(of: spec))
    }
}

extension Launch {
    /// `iter_0000100` becomes a checkpoint that Megatron's own `--load` takes: it keeps its name, beside a
    /// tracker that names it and the memo for the next trial.
    var checkpoints: CheckpointWatch {
        let memo = Memo(
            iteration: plan.position.firstIteration, samples: plan.position.firstSamples,
            batch: plan.batch.size, seed: seed, rates: plan.rates)
        var watch = CheckpointWatch(folder: saveFolder, prefix: "iter_", marker: "metadata.json")
        watch.tracker = SavedPlace.tracker
        watch.offset = plan.position.firstIteration
        watch.digits = 7
        let text = (try? Lines.encode(memo)).map { String(decoding: $0, as: UTF8.self) } ?? ""
        watch.beside = [SavedPlace.tracker: "{number}", Memo.file: text]
        return watch
    }
}
