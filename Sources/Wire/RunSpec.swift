public import FleetModel
import FoundationEssentials

/// What to run, as the coordinator orders it: checkpoints are named, not yet found on a disk.
public typealias Launch = RunRequest<Checkpoint>

/// What to run, as a plugin reads it in `spec.json` of the trial folder, written once before the plugin
/// starts and never changed: checkpoints are absolute paths on the node.
public typealias RunSpec = RunRequest<String>

/// What to run. `Source` says where a checkpoint is.
public struct RunRequest<Source: Hashable & Codable & Sendable>: Hashable, Codable, Sendable {
    /// Where the training state comes from.
    public enum Start: Hashable, Codable, Sendable {
        /// A new model.
        case fresh
        /// Weights and optimiser state of another trial; this trial's own hyper-parameters apply, and its
        /// steps count from 0.
        case warm(from: Source)
        /// The same trial goes on after a fault or a pause: same hyper-parameters, from trial step `step`.
        case resume(from: Source, step: Int)
    }

    public let key: RunKey
    /// Name of the plugin's executable.
    public let plugin: String
    /// `trainer.settings` of the study file, a mapping.
    public let settings: JSON
    public let assignment: Assignment
    public let start: Start
    /// The trial is complete at this trial step.
    public let steps: Int
    /// The last so many of `steps` take the learning rate down to near 0 in a straight line, from what it
    /// was; 0: none do. A checkpoint of trial step `trainingSteps`, before that, is saved: others go on
    /// from there. Less than `steps`.
    public let cooldown: Int
    /// The metric that the study optimises; a run that never reports it has failed.
    public let metric: String
    public let seed: UInt64
    /// Of this node; a run never uses others.
    public let slots: [Slot]
    /// The other nodes of the run; nil where it has one node.
    public let gang: Gang?
    /// A run that writes nothing for longer than this is killed.
    public let silenceSeconds: Double
    /// Between asking a trainer to stop and SIGTERM, and again between SIGTERM and SIGKILL.
    public let graceSeconds: Double
    /// Absolute folder that relative paths in `settings` start from: the study file's.
    public let baseFolder: String
    /// What the study's first trials start from instead of a new model: a folder of the node with one of its
    /// trainer's checkpoints, or a pre-trained model. In a `RunSpec` a fresh start is a warm one from there
    /// already (`startingAsTheStudy`); trainers whose scripts build the model from a folder need it in
    /// later trials too.
    public let startFrom: String?

    public init(
        key: RunKey, plugin: String, settings: JSON, assignment: Assignment, start: Start, steps: Int,
        cooldown: Int = 0, metric: String, seed: UInt64, slots: [Slot], gang: Gang? = nil,
        silenceSeconds: Double, graceSeconds: Double,
        baseFolder: String, startFrom: String? = nil
    ) {
        self.key = key
        self.plugin = plugin
        self.settings = settings
        self.assignment = assignment
        self.start = start
        self.steps = steps
        self.cooldown = cooldown
        self.metric = metric
        self.seed = seed
        self.slots = slots
        self.gang = gang
        self.silenceSeconds = silenceSeconds
        self.graceSeconds = graceSeconds
        self.baseFolder = baseFolder
        self.startFrom = startFrom
    }

    /// The steps before the cooldown.
    public var trainingSteps: Int { steps - cooldown }

    /// Trial step at which this run begins: 0, or where it resumes.
    public var firstStep: Int {
        guard case .resume(_, let step) = start else { return 0 }
        return step
    }

    /// The same request with other settings, or from elsewhere.
    public func with(settings: JSON? = nil, start: Start? = nil) -> RunRequest {
        RunRequest(
            key: key, plugin: plugin, settings: settings ?? self.settings, assignment: assignment,
            start: start ?? self.start, steps: steps, cooldown: cooldown, metric: metric, seed: seed,
            slots: slots, gang: gang, silenceSeconds: silenceSeconds, graceSeconds: graceSeconds,
            baseFolder: baseFolder, startFrom: startFrom)
    }

    /// The same request with its checkpoint found: `find` answers where it is.
    public func located<Place: Hashable & Codable & Sendable, Failure: Error>(
        by find: (Source) throws(Failure) -> Place
    ) throws(Failure) -> RunRequest<Place> {
        let place: RunRequest<Place>.Start =
            switch start {
            case .fresh: .fresh
            case .warm(let source): .warm(from: try find(source))
            case .resume(let source, let step): .resume(from: try find(source), step: step)
            }
        return RunRequest<Place>(
            key: key, plugin: plugin, settings: settings, assignment: assignment, start: place, steps: steps,
            cooldown: cooldown, metric: metric, seed: seed, slots: slots, gang: gang,
            silenceSeconds: silenceSeconds,
            graceSeconds: graceSeconds, baseFolder: baseFolder, startFrom: startFrom)
    }
}

extension RunRequest<String> {
    /// The same spec, with `startFrom` as an absolute path of this node, and a start from there instead of
    /// a new model.
    public var startingAsTheStudy: RunSpec {
        guard let startFrom else { return self }
        let folder = absolute(startFrom)
        let place: Start = if case .fresh = start { .warm(from: folder) } else { start }
        return RunSpec(
            key: key, plugin: plugin, settings: settings, assignment: assignment, start: place, steps: steps,
            cooldown: cooldown, metric: metric, seed: seed, slots: slots, gang: gang,
            silenceSeconds: silenceSeconds, graceSeconds: graceSeconds, baseFolder: baseFolder,
            startFrom: folder)
    }

    private func absolute(_ path: String) -> String {
        if path.hasPrefix("~/") {
            return (ProcessInfo.processInfo.environment["HOME"] ?? "") + path.dropFirst()
        }
        return path.hasPrefix("/") ? path : baseFolder + "/" + path
    }
}
