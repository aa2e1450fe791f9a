public import FleetModel
public import Wire

/// What a plugin author writes: what the trainer's settings are, how a run of it is executed, and what the
/// lines that it prints mean. The kit does the rest: processes, logs, faults, stopping, checkpoints.
///
///     @main struct MyTrainer: Trainer {
///         static let about = TrainerDescription(name: "mine", summary: "Trains mine.")
///         let layers: Int
///         init(settings: inout SettingsReader) { layers = settings.int("layers", default: 2, in: 1...) }
///         func execution(of spec: RunSpec, in folder: TrialFolder) -> Execution {
///             .program(Command(["/opt/mine", "--layers", "\(layers)", "--steps", "\(spec.steps)"]))
///         }
///         func signals(in line: String, from stream: OutputStream) -> [Signal] { … }
///     }
public protocol Trainer: Sendable {
    static var about: TrainerDescription { get }

    /// Reads and checks `trainer.settings`. Every fault is kept in the reader, which answers a default
    /// meanwhile, so that the user sees all of them at once; a trainer of faulty settings is never run.
    init(settings: inout SettingsReader)

    /// Whether it saves checkpoints under these settings, and starts from them. By default true.
    var makesCheckpoints: Bool { get }

    /// Whether it can take the learning rate down at the end of a run, as `RunSpec.cooldown` asks. By
    /// default false.
    var coolsDown: Bool { get }

    /// The names of all metrics that its reports may hold under these settings, `StandardMetric` among them, so
    /// that a study of another one is refused before anything runs. By default nil: they cannot be known
    /// before a run.
    var metrics: [String]? { get }

    /// What is wrong with the study's space for this trainer; paths start at the study file's root
    /// (`["space", "lr"]`). By default every parameter must be one of `about.parameters`.
    func problems(with parameters: [PluginCheck.Parameter]) -> [Problem]

    /// How one run is executed. May be called twice a run (an in-process trainer's child asks again), so what
    /// it does to the folder must bear repeating.
    func execution(of spec: RunSpec, in folder: TrialFolder) throws(Refusal) -> Execution

    /// The same for an explanation, where nothing will be started: a checkpoint that is named may lie on
    /// another machine. By default `execution(of:in:)`.
    func explanation(of spec: RunSpec, in folder: TrialFolder) throws(Refusal) -> Execution

    /// What the run's reports must attest (`Attestation`), so that no result is recorded under values that
    /// the trainer did not use. By default nothing. A requirement of its own, because only the trainer's
    /// author knows its schedules.
    func expectation(of spec: RunSpec) -> Expectation

    /// What a line of the trainer's output means. Pure: it sees each line of a program once, in order,
    /// without its newline, cut after 64 KiB. Not called for `Execution.inProcess`. By default nothing.
    func signals(in line: String, from stream: OutputStream) -> [Signal]

    /// Who reads the lines of one run, where their meaning depends on the run or on earlier lines: trainers
    /// that count their steps since the model was born. By default `signals(in:from:)`.
    func reader(of spec: RunSpec, in folder: TrialFolder) throws(Refusal) -> any LineReader

    /// The micro-batches that a run may try, where the settings leave that to us (`micro_batch: auto`). The
    /// kit then puts a number in the place of `auto` in `settings.micro_batch` before it asks for the
    /// execution, and asks again with a smaller one when memory ran out. By default nil: nothing to choose.
    func microBatches(of spec: RunSpec) throws(Refusal) -> MicroBatches?
}

/// Reads what one run's program prints. It sees each line once, in order, without its newline, cut after
/// 64 KiB.
public protocol LineReader {
    mutating func signals(in line: String, from stream: OutputStream) -> [Signal]
}

/// A reader without memory.
private struct PlainReader<Reading: Trainer>: LineReader {
    let trainer: Reading

    func signals(in line: String, from stream: OutputStream) -> [Signal] {
        trainer.signals(in: line, from: stream)
    }
}

extension Trainer {
    public var makesCheckpoints: Bool { true }

    public var coolsDown: Bool { false }

    public var metrics: [String]? { nil }

    public func problems(with parameters: [PluginCheck.Parameter]) -> [Problem] {
        guard let known = Self.about.parameters else { return [] }
        return parameters.filter { !known.contains($0.name) }.map { parameter in
            Problem(
                at: ["space", parameter.name], found: parameter.name,
                expected: "a parameter of \(Self.about.name): \(known.joined(separator: ", "))",
                nearest: nearestName(to: parameter.name, among: known), isAboutKey: true)
        }
    }

    public func expectation(of spec: RunSpec) -> Expectation { Expectation() }

    public func signals(in line: String, from stream: OutputStream) -> [Signal] { [] }

    public func reader(of spec: RunSpec, in folder: TrialFolder) throws(Refusal) -> any LineReader {
        PlainReader(trainer: self)
    }

    public func explanation(of spec: RunSpec, in folder: TrialFolder) throws(Refusal) -> Execution {
        try execution(of: spec, in: folder)
    }

    public func microBatches(of spec: RunSpec) throws(Refusal) -> MicroBatches? { nil }
}

/// The settings or the assignment cannot be run; the reason says what was found, what was expected and
/// what to do next. Ends the run as `RunFailure.Cause.refused`.
public struct Refusal: Error, Hashable, CustomStringConvertible {
    public let reason: String

    public init(_ reason: String) {
        self.reason = reason
    }

    public var description: String { reason }
}

/// Where a line comes from.
public enum OutputStream: Hashable, Sendable {
    case standardOutput, standardError
    /// The `MetricsFile` of that path.
    case file(String)
}

/// What a line of a trainer's output says.
public enum Signal: Hashable, Sendable {
    /// Steps count from the start of the trial and grow. Metrics of one step may come in several signals;
    /// the metric that the study optimises comes last among them. What a checkpoint takes is added by the kit
    /// (`StandardMetric.checkpointMiB`).
    case report(Report)
    /// A complete checkpoint stands in `folder`: a path below the trial folder, absolute or relative to
    /// the command's working folder. The kit moves it into the trial folder's `checkpoints/`.
    case checkpoint(step: Int, folder: String)
    /// Something that a person should know.
    case note(String)
    /// What it means if the program then fails: a library's last words before an exit code that says
    /// nothing. Of several the gravest counts, see `RunFailure.Cause.gravity`.
    case fault(RunFailure.Cause)

    /// A report of plain numbers, which may be NaN or infinite.
    public static func report(
        step: Int, metrics: [String: Double], attesting attestation: Attestation = Attestation([:])
    ) -> Signal {
        let measured = metrics.mapValues { Reading($0) }
        return .report(Report(step: step, metrics: measured.merging(attestation.metrics) { $1 }))
    }
}

/// How a run is executed.
public enum Execution: Sendable {
    case program(Command)
    /// Swift code, in a child process of the plugin's own executable: a crash of it is an exit status like
    /// any other, and it can be stopped hard. It ends by returning; an error that it throws is printed to
    /// stderr and is a crash with exit code 1, but a `Refusal` refuses the run.
    case inProcess(@Sendable (TrainingSession) throws -> Void)
}

/// A program to run, without a shell.
public struct Command: Hashable, Sendable {
    /// The program, looked up in PATH where it holds no slash, and its arguments. Never empty.
    public var arguments: [String]
    /// Added to the plugin's own environment.
    public var environment: [String: String]
    /// Absolute; nil: the study file's folder, or the trial folder where the node has no such folder.
    public var workingFolder: String?
    /// What asks the program to end when the run is stopped; SIGTERM and SIGKILL follow, each after
    /// `RunSpec.graceSeconds`.
    public var askSignal: Int32
    /// Whether `askSignal` goes to the program's children instead of its process group: launchers like
    /// torchrun end badly when they are asked themselves.
    public var asksChildren = false
    /// Programs that must have ended with 0, one after the other, before this one starts. Supervised like it
    /// (logs, silence, stop orders), but what they print is not read.
    public var before: [Command] = []
    /// Where the program saves checkpoints by itself.
    public var checkpoints: CheckpointWatch?
    /// Files that the program writes metrics to.
    public var metrics: [MetricsFile] = []
    /// Whether the program looks for `TrialFolder.stop` itself and ends in order where that appears: signals
    /// then follow after the first time of grace only.
    public var watchesStopFile = false
    /// Absolute; what the program prints to stdout is appended to this file too, for plugins on other nodes
    /// of a gang that read it as `metrics`: often one rank alone prints.
    public var mirror: String?
    /// What a person should know about the command: a value that was rounded.
    public var notes: [String] = []

    public init(
        _ arguments: [String], environment: [String: String] = [:], workingFolder: String? = nil,
        askSignal: Int32 = 15, checkpoints: CheckpointWatch? = nil
    ) {
        precondition(!arguments.isEmpty, "a command names at least its program")
        self.arguments = arguments
        self.environment = environment
        self.workingFolder = workingFolder
        self.askSignal = askSignal
        self.checkpoints = checkpoints
    }
}
