import FleetModel
import StudyCore

/// A study as people and scripts ask for it: computed from the engine's state, printed as text or JSON.
struct StudyStatus: Encodable {
    struct Running: Encodable {
        let trial: String
        let run: Int
        let stage: Int
        let lease: String
        let step: Int
        let steps: Int
        let value: Double?
        let secondsLeft: Double?
        let params: Assignment
        let isStopping: Bool
        let curve: [Double]
    }

    struct Best: Encodable {
        let trial: String
        let stage: Int
        let value: Double
        let params: Assignment
    }

    /// Trials that wait for the same, and for what on each node; none named: the next one, not proposed yet.
    struct Waiting: Encodable {
        var trials: [String]
        /// What keeps them wherever there is room.
        let holdup: String?
        /// By node.
        let nodes: [String: String]
    }

    struct Counts: Encodable {
        var proposed = 0
        var completed = 0
        var pruned = 0
        var failed = 0
        var cancelled = 0
        var running = 0
        var queued = 0
    }

    let study: String
    let phase: String
    let metric: String
    let stage: Int
    let stages: Int
    let trialsInStage: Int
    let trialsPerStage: Int
    /// Shares of the work, 0…1.
    let stageProgress: Double
    let studyProgress: Double
    let elapsedSeconds: Double
    let stageSecondsLeft: Double?
    let studySecondsLeft: Double?
    let gpuHours: Double
    let trials: Counts
    let running: [Running]
    let best: Best?
    let waiting: String?
    let waitingTrials: [Waiting]
    let decisions: [String]
    /// What may keep it from running and is no matter of its state.
    var warnings: [String] = []
}

extension StudyStatus {
    /// The state at `now`, which may be later than the engine's last event.
    init(of engine: Engine, at now: Timestamp) {
        let plan = engine.plan
        let words = Sentences(objective: plan.objective)
        let pace = Pace(of: engine, at: now)
        let open = engine.stages.last
        study = engine.study.rawValue
        phase = engine.phase.word
        metric = plan.objective.metric
        stage = open?.index ?? 0
        stages = plan.method.stageCount
        trialsInStage = open?.trials.count(where: \.hasEnded) ?? 0
        trialsPerStage = plan.method.trialsPerStage
        stageProgress = pace.stageShare
        studyProgress = pace.studyShare
        elapsedSeconds = engine.startedAt.map { (engine.hasEnded ? engine.now : now).since($0) } ?? 0
        stageSecondsLeft = pace.stageSecondsLeft
        studySecondsLeft = pace.studySecondsLeft
        gpuHours = engine.slotHours
        trials = Counts(of: engine)
        running = engine.leasing.map { run in
            Running(of: engine.trial(run.trial)!, run, in: engine, at: now)
        }
        best = engine.best.map { best in
            Best(
                trial: best.id.description, stage: best.id.stage,
                value: (best.progress.latest ?? best.result!).metric(plan.objective.direction),
                params: best.assignment)
        }
        waiting = engine.isFull ? nil : engine.waiting.map(words.line)
        waitingTrials = Waiting.groups(of: engine, words)
        decisions = engine.recentDecisions.map { timed in
            let since = engine.startedAt.map { timed.at.since($0) } ?? 0
            return Text.duration(since) + "  " + words.line(timed.decision)
        }
    }
}

extension StudyStatus.Waiting {
    static func groups(of engine: Engine, _ words: Sentences) -> [Self] {
        var groups: [Self] = []
        for waiting in engine.waitingTrials where waiting.trial != nil || !engine.isFull {
            let nodes = waiting.nodes.map { verdict in
                (verdict.node.rawValue, verdict.obstacle.map(words.line) ?? "has room")
            }
            let group = Self(
                trials: waiting.trial.map { [$0.description] } ?? [], holdup: waiting.holdup.map(words.line),
                nodes: Dictionary(nodes) { first, _ in first })
            if let last = groups.last, last.holdup == group.holdup, last.nodes == group.nodes {
                groups[groups.count - 1].trials += group.trials
            } else {
                groups.append(group)
            }
        }
        return groups
    }

    /// As `status` shows it, nodes with equal reasons together.
    var lines: [String] {
        let named = trials.prefix(8).joined(separator: ", ") + (trials.count > 8 ? ", …" : "")
        let shown = trials.isEmpty ? "the next trial" : named
        let reasons = Dictionary(grouping: nodes.keys, by: { nodes[$0]! })
            .map { (names: $0.value.sorted(), reason: $0.key) }
            .sorted { $0.names[0] < $1.names[0] }
            .map { names, reason in
                let some = names.prefix(4).joined(separator: ", ")
                return "      \(some)\(names.count > 4 ? " and \(names.count - 4) more" : ""): \(reason)"
            }
        return ["  \(shown)\(holdup.map { "  \($0)" } ?? "")"] + reasons
    }
}

extension StudyStatus.Counts {
    init(of engine: Engine) {
        self.init()
        for trial in engine.trials {
            proposed += 1
            switch trial.state {
            case .queued, .paused: queued += 1
            case .running, .stopping: running += 1
            case .ended(.completed): completed += 1
            case .ended(.pruned): pruned += 1
            case .ended(.failed): failed += 1
            case .ended(.cancelled): cancelled += 1
            }
        }
    }
}

extension StudyStatus.Running {
    init(of trial: Trial, _ run: RunID, in engine: Engine, at now: Timestamp) {
        let direction = engine.plan.objective.direction
        self.trial = trial.id.description
        self.run = run.attempt
        stage = trial.id.stage
        lease = trial.runs[run.attempt].lease.description
        step = trial.progress.step
        steps = engine.course(of: trial).steps
        value = trial.progress.latest?.metric(direction)
        params = trial.assignment
        isStopping = trial.state != .running
        curve = trial.progress.curve.points.map { $0.loss.metric(direction) }
        let held = now.since(trial.runs[run.attempt].since)
        let begun = trial.runs[run.attempt].start.step
        let done = step - begun
        secondsLeft = done > 0 ? held * Double(steps - step) / Double(done) : nil
    }
}

extension RunStart {
    /// Trial step at which the run began.
    var step: Int {
        if case .resume(let checkpoint) = self { checkpoint.step } else { 0 }
    }
}

extension StudyPhase {
    /// One word for tables and scripts.
    var word: String {
        switch self {
        case .new: "new"
        case .open: "running"
        case .draining: "finishing"
        case .pausing: "pausing"
        case .ended(.completed): "completed"
        case .ended(.budgetSpent): "budget_spent"
        case .ended(.stopped): "paused"
        case .ended(.failed): "failed"
        }
    }
}

extension Engine {
    /// The next trial waits for nothing but our own runs: no news to anybody.
    fileprivate var isFull: Bool {
        if case .slotsBusy(_, _, _, nil, nil)? = waiting { !leasing.isEmpty } else { false }
    }

    /// Nothing more happens unless somebody starts it again.
    var hasEnded: Bool {
        if case .ended = phase { true } else { false }
    }
}
