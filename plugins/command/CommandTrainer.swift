import FleetModel
import FoundationEssentials
import Glibc
import TrainerKit
import Wire

/// Any program: arguments and environment from templates, metrics from what it prints.
@main struct CommandTrainer: Trainer {
    private let arguments: [Argument]
    private let environment: [String: Template]
    private let workingFolder: String?
    private let sources: MetricsSettings
    private let attest: AttestSettings?
    private let microBatch: MicroBatchSetting?
    private let checkpoints: CheckpointSetting?
    private let stopSignal: Int32

    init(settings: inout SettingsReader) {
        arguments = Argument.list("argv", &settings)
        environment = Template.mapping("environment", &settings)
        workingFolder = settings.optionalPath("working_directory", .folder)
        sources = MetricsSettings(&settings)
        attest = settings.nested("attest", AttestSettings.init)
        microBatch = MicroBatchSetting(&settings)
        checkpoints = settings.nested("checkpoint", CheckpointSetting.init)
        let name = settings.choice("stop_signal", among: Self.signals.keys.sorted(), default: "TERM")
        stopSignal = Self.signals[name] ?? SIGTERM
    }

    private static let signals = [
        "TERM": SIGTERM, "INT": SIGINT, "USR1": SIGUSR1, "USR2": SIGUSR2, "HUP": SIGHUP,
    ]

    var makesCheckpoints: Bool {
        let names = Set(usedNames.map(\.name))
        return checkpoints != nil
            && (!names.isDisjoint(with: ["checkpoint", "checkpoint_file"])
                || names.isSuperset(of: ["warm_from", "resume_from"]))
    }

    var coolsDown: Bool {
        makesCheckpoints && !Set(usedNames.map(\.name)).isDisjoint(with: ["cooldown", "anneal_from"])
    }

    /// Known where every source is a pattern, whose groups are its metrics.
    var metrics: [String]? { sources.metricNames }

    /// Every name in the templates, with its place in the settings.
    private var usedNames: [(name: String, path: [String])] {
        let inArguments = arguments.flatMap(\.parts).map { ($0.template, $0.path) }
        let inEnvironment = environment.map { ($1, ["environment", $0]) }
        return (inArguments + inEnvironment + sources.templates + (attest?.templates ?? [])).flatMap {
            template, path in template.names.map { ($0, path) }
        }
    }

    func problems(with parameters: [PluginCheck.Parameter]) -> [Problem] {
        let known = Set(parameters.map(\.name)).union(RunNames.all)
        let wrong = usedNames.filter { !known.contains($0.name) }.map { name, path in
            Problem(
                at: ["trainer", "settings"] + path, found: "{\(name)}",
                expected: "a parameter of the space, or one of \(RunNames.all.joined(separator: ", "))",
                nearest: nearestName(to: name, among: known.sorted()))
        }
        let used = Set(usedNames.map(\.name))
        let idle = parameters.filter { !used.contains($0.name) }.map { parameter in
            Problem(
                at: ["space", parameter.name], found: "a parameter that nothing uses",
                expected: "{\(parameter.name)} in trainer.settings.argv or in its environment",
                isAboutKey: true)
        }
        return wrong + idle
    }

    func execution(of spec: RunSpec, in folder: TrialFolder) throws(Refusal) -> Execution {
        let names = names(of: spec, folder, try microBatch?.split(of: spec))
        try makeFolder(names.checkpointFolder)
        var command = Command(
            try arguments.map { item throws(Refusal) in try item.filled(from: names) }.flatMap { $0 },
            environment: environment.compactMapValues { $0.filled(from: names) },
            workingFolder: workingFolder, askSignal: stopSignal,
            checkpoints: checkpoints?.watch(in: names.checkpointFolder))
        command.metrics = sources.files(names, from: workingFolder ?? spec.baseFolder)
        return .program(command)
    }

    func expectation(of spec: RunSpec) -> Expectation {
        // Its templates are about the trial's values, not about its folder.
        attest?.expectation(spec, names(of: spec, TrialFolder(path: "/"))) ?? Expectation()
    }

    func reader(of spec: RunSpec, in folder: TrialFolder) throws(Refusal) -> any LineReader {
        sources.reader(names(of: spec, folder), from: workingFolder ?? spec.baseFolder)
    }

    func microBatches(of spec: RunSpec) throws(Refusal) -> MicroBatches? {
        guard let microBatch else { return nil }
        let program = arguments.flatMap(\.parts).map(\.template.text).joined(separator: " ")
        return MicroBatches(dividing: try microBatch.share(of: spec), shape: program)
    }

    private func names(
        of spec: RunSpec, _ folder: TrialFolder, _ split: MicroBatchSetting.Split? = nil
    ) -> RunNames {
        RunNames(spec, folder, split) { checkpoints?.file(in: $0) }
    }

    private func makeFolder(_ path: String) throws(Refusal) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw Refusal("could not make \(path): \(error)")
        }
    }
}

/// `checkpoint: { pattern: "step_{step}", marker: done }`
struct CheckpointSetting {
    private let prefix: String
    private let suffix: String
    private let marker: String?
    private let isCompleteWhenPassed: Bool

    init(_ settings: inout SettingsReader) {
        let pattern = settings.string("pattern", default: "step_{step}")
        let parts = pattern.split(separator: "{step}", omittingEmptySubsequences: false).map(String.init)
        if parts.count != 2 || pattern.contains("/") {
            settings.complain(
                at: ["pattern"], found: "\"\(pattern)\"",
                expected: "the name of a folder or file with {step} in it once")
        }
        prefix = parts[0]
        suffix = parts.last ?? ""
        let marker = settings.string("marker", default: "")
        self.marker = marker.isEmpty ? nil : marker
        isCompleteWhenPassed =
            settings.choice("complete", among: ["rename", "passed"], default: "rename") == "passed"
    }

    func watch(in folder: String) -> CheckpointWatch {
        var watch = CheckpointWatch(folder: folder, prefix: prefix, suffix: suffix, marker: marker)
        watch.isCompleteWhenPassed = isCompleteWhenPassed
        return watch
    }

    /// The file in the checkpoint at `path` that the program saved; nil where that is the folder itself.
    func file(in path: String) -> String? {
        let watch = watch(in: path)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.first { watch.step(in: $0) != nil }.map { "\(path)/\($0)" }
    }
}
