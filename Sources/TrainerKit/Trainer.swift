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

    /// What is wrong with the study's space for this trainer; paths start at the study file's root
    /// (`["space", "lr"]`). By default every parameter must be one of `about.parameters`.
    func problems(with parameters: [PluginCheck.Parameter]) -> [Problem]

    /// How one run is executed. May be called twice a run (an in-process trainer's child asks again), so what
    /// it does to the folder must bear repeating.
    func execution(of spec: RunSpec, in folder: TrialFolder) throws(Refusal) -> Execution

    /// What a line of the trainer's output means. Pure: it sees each line of a program once, in order,
    /// without its newline, cut after 64 KiB. Not called for `Execution.inProcess`. By default nothing.
    func signals(in line: String, from stream: OutputStream) -> [Signal]
}

extension Trainer {
    public var makesCheckpoints: Bool { true }

    public var coolsDown: Bool { false }

    public func problems(with parameters: [PluginCheck.Parameter]) -> [Problem] {
        guard let known = Self.about.parameters else { return [] }
        return parameters.filter { !known.contains($0.name) }.map { parameter in
            Problem(
                at: ["space", parameter.name], found: parameter.name,
                expected: "a parameter of \(Self.about.name): \(known.joined(separator: ", "))",
                nearest: nearestName(to: parameter.name, among: known), isAboutKey: true)
        }
    }

    public func signals(in line: String, from stream: OutputStream) -> [Signal] { [] }
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

/// Which of a trainer's two outputs.
public enum OutputStream: Hashable, Sendable {
    case standardOutput, standardError
}

/// What a line of a trainer's output says.
public enum Signal: Hashable, Sendable {
    /// Steps count from the start of the trial and grow. Metrics of one step may come in several signals;
    /// the metric that the study optimises comes last among them.
    case report(Report)
    /// A complete checkpoint stands in `folder`: a path below the trial folder, absolute or relative to
    /// the command's working folder. The kit moves it into the trial folder's `checkpoints/`.
    case checkpoint(step: Int, folder: String)
    /// Something that a person should know.
    case note(String)

    /// A report of plain numbers, which may be NaN or infinite.
    public static func report(step: Int, metrics: [String: Double]) -> Signal {
        .report(Report(step: step, metrics: metrics.mapValues { Reading($0) }))
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
    /// Where the program saves checkpoints by itself.
    public var checkpoints: CheckpointWatch?

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
