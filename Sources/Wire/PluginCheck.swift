public import FleetModel

/// What a plugin is asked about a study before anything runs: `NAME check` reads one on its stdin.
public struct PluginCheck: Hashable, Codable, Sendable {
    /// A parameter of the study's space.
    public struct Parameter: Hashable, Codable, Sendable {
        public let name: String
        public let kind: Kind

        public init(name: String, kind: Kind) {
            self.name = name
            self.kind = kind
        }
    }

    /// What values a parameter takes, in the words of the study file.
    public enum Kind: String, Hashable, Codable, Sendable, CaseIterable {
        case float, int, categorical
    }

    /// `trainer.settings` of the study file, a mapping.
    public let settings: JSON
    /// Absolute folder that relative paths in `settings` start from: the study file's.
    public let baseFolder: String
    public let parameters: [Parameter]
    /// Whether the study's method starts trials from checkpoints of others.
    public let needsCheckpoints: Bool

    public init(settings: JSON, baseFolder: String, parameters: [Parameter], needsCheckpoints: Bool) {
        self.settings = settings
        self.baseFolder = baseFolder
        self.parameters = parameters
        self.needsCheckpoints = needsCheckpoints
    }
}

/// A plugin's answer to a `PluginCheck`.
public struct PluginVerdict: Hashable, Codable, Sendable {
    /// Sorted by path; paths start at the study file's root: `["trainer", "settings", "layers"]`,
    /// `["space", "dropout"]`. Empty: the plugin can run this study.
    public let problems: [Problem]
    /// Whether it can take the learning rate down at the end of a run (`RunRequest.cooldown`).
    public let coolsDown: Bool
    /// The names of all metrics that it may report under these settings, sorted; nil: they cannot be known
    /// before a run.
    public let metrics: [String]?

    public init(problems: [Problem], coolsDown: Bool, metrics: [String]? = nil) {
        self.problems = problems
        self.coolsDown = coolsDown
        self.metrics = metrics
    }
}

/// What a plugin says of itself: `NAME describe` prints one after its hello.
public struct TrainerDescription: Hashable, Codable, Sendable {
    /// One key of `trainer.settings`.
    public struct Setting: Hashable, Codable, Sendable {
        public let name: String
        /// One sentence: what it does, its unit, its range and its default.
        public let meaning: String

        public init(_ name: String, _ meaning: String) {
            self.name = name
            self.meaning = meaning
        }
    }

    /// The plugin's name, as `trainer.plugin` says it.
    public let name: String
    /// One sentence.
    public let summary: String
    /// The hyper-parameters that it understands; nil when it takes any.
    public let parameters: [String]?
    public let settings: [Setting]
    /// The `trainer:` part of a study file that works, for `--help`.
    public let example: String

    public init(
        name: String, summary: String, parameters: [String]? = nil, settings: [Setting] = [],
        example: String = ""
    ) {
        self.name = name
        self.summary = summary
        self.parameters = parameters
        self.settings = settings
        self.example = example
    }
}
