import FleetModel
import FoundationEssentials
import Glibc
import TrainerKit
import Wire

/// Any script that trains with `transformers.Trainer` or with a loop of its own on accelerate: flags from the
/// trial, metrics and attestation from a Python module that this plugin puts beside the script.
@main struct HuggingFace: Trainer {
    let program: TrainingScript
    let loop: TrainingLoop
    let flags: FlagSettings
    let batches: BatchSettings
    let cadence: CadenceSettings
    /// Whether a warm start keeps the optimiser's moments and the place in the data, or the weights alone.
    let keepsOptimizer: Bool
    /// The flag that takes a folder of weights.
    let modelFlag: String
    /// Whether the Python module is put beside the script; otherwise what it prints must do.
    let usesModule: Bool
    private let environment: [String: String]
    private let workingFolder: String?

    init(settings: inout SettingsReader) {
        program = TrainingScript(&settings)
        loop = TrainingLoop(&settings)
        flags = FlagSettings(&settings, own: loop.ownFlags)
        batches = BatchSettings(&settings)
        cadence = CadenceSettings(&settings)
        usesModule = settings.bool("module", default: true)
        let kinds = ["optimizer", "weights"]
        let kind = settings.choice("warm_start", among: kinds, default: usesModule ? kinds[0] : kinds[1])
        keepsOptimizer = kind == kinds[0]
        modelFlag = settings.string("model_flag", default: "model_name_or_path")
        environment = settings.texts("environment")
        workingFolder = settings.optionalPath("working_directory", .folder)
        if keepsOptimizer, !usesModule {
            settings.complain(
                at: ["warm_start"], found: "optimizer with module: false",
                expected: "weights: without the module a loaded optimiser would keep its old learning rate")
        }
    }

    var coolsDown: Bool { usesModule }

    func problems(with parameters: [PluginCheck.Parameter]) -> [Problem] {
        parameters.compactMap { parameter in
            let path = ["space", parameter.name]
            if loop.ownFlags.contains(parameter.name) {
                return Problem(
                    at: path, found: parameter.name,
                    expected: "lr, batch_size or a flag of the script that huggingface does not set itself",
                    isAboutKey: true)
            }
            guard flags.fixed[TrialValues.flag(of: parameter.name)] != nil else { return nil }
            return Problem(
                at: path, found: "\(parameter.name), which trainer.settings.args fixes too",
                expected: "one of the two", isAboutKey: true)
        }
    }

    func execution(of spec: RunSpec, in folder: TrialFolder) throws(Refusal) -> Execution {
        let place = RunPlace(folder)
        let origin = try Origin(of: spec, loop: loop, keepsOptimizer: keepsOptimizer)
        let values = try values(of: spec)
        let split = batches.split(values.batchSize, over: program.processes(of: spec))
        let cadence = cadence.filled(for: spec, isCounted: !usesModule)
        let own = TrialFlags(
            spec: spec, loop: loop, values: values, split: split, cadence: cadence, origin: origin,
            output: place.output, usesModule: usesModule, modelFlag: modelFlag
        ).all.filter { flags.fixed[$0.name] == nil }
        var plan = RunPlan(spec, place, origin, cadence, flags.asArguments(own))
        plan.keeps_optimizer = keepsOptimizer
        try place.prepare(usesModule ? plan : nil)
        var command = Command(
            program.launch(spec) + flags.arguments(own),
            environment: place.environment(environment, usesModule ? loop : nil, firstStep: spec.firstStep),
            workingFolder: workingFolder)
        if usesModule {
            command.metrics = [MetricsFile(place.reports)]
            command.watchesStopFile = true
        } else {
            command.checkpoints = CheckpointWatch(
                folder: place.output, prefix: "checkpoint-", marker: loop.stateFile)
        }
        command.notes = split.note.map { [$0] } ?? []
        return .program(command)
    }

    private func values(of spec: RunSpec) throws(Refusal) -> TrialValues {
        try TrialValues(spec, fixed: flags.fixed, defaultRate: loop.defaultLearningRate)
    }

    func expectation(of spec: RunSpec) -> Expectation {
        guard let values = try? values(of: spec) else { return Expectation() }
        let batch = batches.split(values.batchSize, over: program.processes(of: spec)).global
        // What a loop of the script's own does where it is told nothing, nobody knows, nor its schedule.
        let isTold = loop == .trainer || values.batchSize != nil
        var expectation = Expectation(
            learningRate: values.learningRate, globalBatchSize: isTold ? batch : nil,
            // Printed numbers have four digits.
            tolerance: usesModule ? 1e-4 : 1e-3, finite: ["loss"],
            share: loop == .trainer ? values.share(of: spec) : nil)
        expectation.judgesPlace = false
        return expectation
    }

    func reader(of spec: RunSpec, in folder: TrialFolder) throws(Refusal) -> any LineReader {
        usesModule
            ? ModuleReader(reports: RunPlace(folder).reports)
            : LogReader(every: cadence.filled(for: spec, isCounted: true).log, step: spec.firstStep)
    }

    func microBatches(of spec: RunSpec) throws(Refusal) -> MicroBatches? {
        let values = try values(of: spec)
        if loop == .accelerate, values.batchSize == nil { return nil }
        let processes = program.processes(of: spec)
        let share = batches.split(values.batchSize, over: processes).share
        let shape = flags.fixed.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.words.joined())" }
        return MicroBatches(
            dividing: share,
            shape: ([program.description, "\(processes) processes"] + shape).joined(separator: " "))
    }
}
