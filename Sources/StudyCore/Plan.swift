public import FleetModel
public import Search

/// A study file, checked: everything that the engine needs to know, and nothing that can be wrong.
public struct Plan: Hashable, Codable, Sendable {
    public let name: String
    public let trainer: TrainerPlan
    public let objective: Objective
    public let space: Space
    public private(set) var method: Method
    public private(set) var sampler: SamplerKind
    /// In its first state; every stage begins with a copy of it.
    public private(set) var pruner: PrunerKind
    public private(set) var seed: UInt64
    public private(set) var resources: Resources
    public private(set) var budget: Budget
    /// How many trials of each stage keep their checkpoints, the best ones; at least 1.
    public let keepBest: Int
    /// Where the first stage begins to look; nil: wherever its sampler does.
    public let prior: Prior?
    /// Objectives beside the first; empty in most studies.
    public let further: [Objective]
    /// What a trial must keep to be chosen, where anything does.
    public let bounds: [MetricBound]
    /// How often each trial is run in all, with different seeds; at least 1.
    public let repeats: Int
    /// By which version's rules the study goes; nil by those of the first. Studies go on as they began.
    public private(set) var rules: Rules?

    public init(
        name: String, trainer: TrainerPlan, objective: Objective, space: Space, method: Method,
        sampler: SamplerKind, pruner: PrunerKind, seed: UInt64, resources: Resources, budget: Budget,
        keepBest: Int, prior: Prior? = nil, further: [Objective] = [], bounds: [MetricBound] = [],
        repeats: Int = 1
    ) {
        self.name = name
        self.trainer = trainer
        self.objective = objective
        self.space = space
        self.method = method
        self.sampler = sampler
        self.pruner = pruner
        self.seed = seed
        self.resources = resources
        self.budget = budget
        self.keepBest = keepBest
        self.prior = prior
        self.further = further
        self.bounds = bounds
        self.repeats = repeats
        rules = .second
    }

    /// What a version decides otherwise than the ones before.
    public enum Rules: String, Hashable, Codable, Sendable {
        /// What a running trial has is not proposed again; where a sampler has nothing left to try, that is told.
        case second
    }
}

extension Plan {
    /// All of them, the first one first.
    public var objectives: [Objective] { [objective] + further }

    /// Metrics beside the first objective that decide something: every trial must report them. Sorted.
    public var measured: [String] {
        Set(further.map(\.metric) + bounds.map(\.metric) + method.measured).sorted()
    }

    /// Trials go on from checkpoints, their own or others'.
    public var needsCheckpoints: Bool { method.startsWarm || pruner.pauses }
}

/// What is known before a study begins: a few assignments that its first stage tries before the sampler is asked.
/// They are trials like any other, so that what they turn out to be decides, and a wrong prior costs no more
/// than them.
public struct Prior: Hashable, Codable, Sendable {
    /// Where it comes from, in a sentence.
    public let source: String
    /// The likeliest first; each lies in the space.
    public let points: [Assignment]

    public init(source: String, points: [Assignment]) {
        self.source = source
        self.points = points
    }
}

extension Plan {
    /// The same study with another pruner, another number of trials at once, another seed or budget.
    public func changed(
        pruner: PrunerKind? = nil, parallel: Int? = nil, seed: UInt64? = nil, budget: Budget? = nil
    ) -> Plan {
        var plan = self
        plan.pruner = pruner ?? self.pruner
        plan.resources.parallel = parallel ?? resources.parallel
        plan.seed = seed ?? self.seed
        plan.budget = budget ?? self.budget
        return plan
    }

    /// The plan of a file by which a study goes on that was begun with `recorded`. What the file leaves open stays as
    /// it was then: by which version's rules the study, its sampler and its pruner go, and where it names no sampler,
    /// which one is the usual one.
    public func goingOn(from recorded: Plan, namesSampler: Bool) -> Plan {
        var plan = self
        plan.rules = recorded.rules
        if !namesSampler || recorded.sampler.current == sampler.current { plan.sampler = recorded.sampler }
        if recorded.pruner.current == pruner.current { plan.pruner = recorded.pruner }
        return plan
    }

    /// The same without cooldowns, for trainers that have none.
    public var withoutCooldown: Plan {
        var plan = self
        switch method {
        case .stages(let stages): plan.method = .stages(stages.scored(by: stages.score.withoutCooldown))
        case .population(let population):
            plan.method = .population(population.scored(by: population.score.withoutCooldown))
        case .search, .sweep, .growth, .replay: break
        }
        return plan
    }
}

/// What trains, and how long its silence and its dying may take.
public struct TrainerPlan: Hashable, Codable, Sendable {
    public let plugin: String
    /// Passed to the plugin as it stands; the plugin has checked it.
    public let settings: JSON
    /// A run that writes nothing for longer than this is killed.
    public let silenceSeconds: Double
    /// Between asking a run to stop, SIGTERM and SIGKILL.
    public let graceSeconds: Double
    /// Absolute folder that relative paths in `settings` start from.
    public let baseFolder: String
    /// A folder on the nodes, relative to `baseFolder` or below `~`, whose checkpoint or model the first
    /// trials start from; nil: new models.
    public let startFrom: String?

    public init(
        plugin: String, settings: JSON, silenceSeconds: Double, graceSeconds: Double, baseFolder: String,
        startFrom: String? = nil
    ) {
        self.plugin = plugin
        self.settings = settings
        self.silenceSeconds = silenceSeconds
        self.graceSeconds = graceSeconds
        self.baseFolder = baseFolder
        self.startFrom = startFrom
    }
}

extension TrainerPlan {
    /// The same, as if its file lay in another folder.
    public func placed(in folder: String) -> Self {
        Self(
            plugin: plugin, settings: settings, silenceSeconds: silenceSeconds, graceSeconds: graceSeconds,
            baseFolder: folder, startFrom: startFrom)
    }
}

/// The metric that decides, and which way it is better.
public struct Objective: Hashable, Codable, Sendable {
    public let metric: String
    public let direction: Direction

    public init(metric: String, direction: Direction) {
        self.metric = metric
        self.direction = direction
    }
}

/// What one trial is given, and how many trials run at once.
public struct Resources: Hashable, Codable, Sendable {
    /// GPUs of one trial (CPU slots on nodes without GPUs); at least 1.
    public let gpus: Int
    /// Slots of one trial on each node of its gang; divides `gpus`.
    public let gpusPerNode: Int
    /// Trials that may run at once; nil: as many as there are slots for.
    public internal(set) var parallel: Int?
    /// How often a trial is tried again after faults of the infrastructure.
    public let retries: Int
    public let nodes: NodeChoice
    /// A node without a link for longer than this is given up, and its trials are tried again elsewhere.
    public let lostAfterSeconds: Double

    public init(
        gpus: Int, gpusPerNode: Int, parallel: Int?, retries: Int, nodes: NodeChoice = .all,
        lostAfterSeconds: Double = 600
    ) {
        precondition(gpus % gpusPerNode == 0, "a gang has the same number of slots on each node")
        self.gpus = gpus
        self.gpusPerNode = gpusPerNode
        self.parallel = parallel
        self.retries = retries
        self.nodes = nodes
        self.lostAfterSeconds = lostAfterSeconds
    }
}

/// Which nodes a study may use.
public enum NodeChoice: Hashable, Codable, Sendable {
    /// Every enrolled one, those too that join later; and the coordinator's own machine where it has GPUs, or
    /// where no other is enrolled.
    case all
    /// Sorted, each once.
    case named([NodeID])
}

/// What a study may use up. A budget that is spent starts no more runs; those in flight finish.
public struct Budget: Hashable, Codable, Sendable {
    /// Trials proposed in all stages together.
    public let trials: Int?
    /// Hours × slots leased; on a node without GPUs a CPU slot counts as a GPU.
    public let gpuHours: Double?
    /// Hours since the study began, pauses included.
    public let wallHours: Double?

    public init(trials: Int? = nil, gpuHours: Double? = nil, wallHours: Double? = nil) {
        self.trials = trials
        self.gpuHours = gpuHours
        self.wallHours = wallHours
    }
}

/// Seconds since 1970, as an event carries it. The engine has no clock of its own.
public struct Timestamp: Hashable, Codable, Sendable, Comparable {
    public let seconds: Double

    public init(seconds: Double) {
        self.seconds = seconds
    }

    public static func < (a: Timestamp, b: Timestamp) -> Bool { a.seconds < b.seconds }

    /// Seconds from `earlier` to this; never negative, though clocks may step back.
    public func since(_ earlier: Timestamp) -> Double { max(0, seconds - earlier.seconds) }

    public init(from decoder: any Decoder) throws {
        seconds = try decoder.singleValueContainer().decode(Double.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(seconds)
    }
}
