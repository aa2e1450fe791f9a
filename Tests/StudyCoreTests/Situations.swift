import FleetModel
import Search
import StudyCore

/// Whole situations in a line, for the tests beside this file.
extension Plan {
    static func search(
        trials: Int = 4, steps: Int = 10, sampler: SamplerKind = .random(RandomSampler()),
        pruner: PrunerKind = .off, parallel: Int? = nil, budget: Budget = Budget(), retries: Int = 2,
        keepBest: Int = 1
    ) -> Plan {
        .with(
            .search(SearchMethod(trials: trials, steps: steps)), sampler: sampler, pruner: pruner,
            parallel: parallel, budget: budget, retries: retries, keepBest: keepBest)
    }

    static func stages(
        _ stages: Int, trials: Int, steps: Int = 10, sampler: SamplerKind = .random(RandomSampler()),
        pruner: PrunerKind = .off, parallel: Int? = nil, budget: Budget = Budget(), space: Space = .lr,
        shrink: Shrinking = .shares(["lr": 0.2]), score: Score = .last, fidelity: Fidelity = .steps,
        pilot: Pilot? = nil, confirm: Int = 0, choose: StagesMethod.ChoiceRule = .lowest
    ) -> Plan {
        .with(
            .stages(
                StagesMethod(
                    stages: stages, trials: trials, steps: steps, shrink: shrink, score: score,
                    fidelity: fidelity, pilot: pilot, confirm: confirm, choose: choose)),
            sampler: sampler, pruner: pruner, parallel: parallel, budget: budget, space: space)
    }

    static func with(
        _ method: Method, sampler: SamplerKind, pruner: PrunerKind, parallel: Int?, budget: Budget,
        retries: Int = 2, keepBest: Int = 1, gpus: Int = 1, perNode: Int = 1, seed: UInt64 = 7,
        space: Space = .lr
    ) -> Plan {
        Plan(
            name: "test",
            trainer: TrainerPlan(
                plugin: "scripted", settings: .object([:]), silenceSeconds: 60, graceSeconds: 5,
                baseFolder: "/"),
            objective: Objective(metric: "loss", direction: .minimize), space: space, method: method,
            sampler: sampler, pruner: pruner, seed: seed,
            resources: Resources(gpus: gpus, gpusPerNode: perNode, parallel: parallel, retries: retries),
            budget: budget, keepBest: keepBest)
    }
}

extension Space {
    /// One learning rate from 1e-4 to 1e-1, logarithmic.
    static let lr = try! Space([Parameter("lr", .float(low: 1e-4, high: 1e-1, scale: .log))])
}

/// Plays the fleet for an engine: believes every effect, refuses illegal ones, keeps the log.
struct Rig {
    var engine: Engine
    var log: [(event: Event, effects: [Effect])] = []
    var clock = 1000.0
    /// Runs on their slots, as agents would hold them.
    private(set) var onSlots: [String: RunID] = [:]
    private(set) var launched: [RunID: RunOrder] = [:]
    private(set) var stopped: Set<RunID> = []
    private(set) var told: [Decision] = []
    private(set) var endings: [StudyEnding] = []
    private(set) var removed: [Checkpoint] = []
    private(set) var kept: [Int: Checkpoint] = [:]
    private(set) var brought: [(checkpoint: Checkpoint, from: [NodeID], to: [NodeID])] = []
    private(set) var faults: [String] = []
    private var ends: [RunID: Int] = [:]

    /// Started, after what comes `before` that, with one node of so many CPU slots.
    init(_ plan: Plan, slots: Int = 2, study: String = "test-1", before: [Happening] = []) {
        engine = Engine(study: StudyID(rawValue: study)!, plan: plan)
        for what in before { happen(what) }
        happen(.started)
        survey(slots: slots)
    }

    mutating func survey(node: NodeID = .local, slots: Int) {
        happen(.nodeSurveyed(node: node, slots: (0..<slots).map { OfferedSlot(.cpu(index: $0)) }))
    }

    @discardableResult
    mutating func happen(_ what: Happening, after seconds: Double = 1) -> RefusedEvent? {
        clock += seconds
        let event = Event(at: Timestamp(seconds: clock), what)
        let before = engine
        do {
            let effects = try engine.apply(event)
            log.append((event, effects))
            for effect in effects { carryOut(effect) }
            return nil
        } catch {
            if engine != before { faults.append("a refused event changed the engine: \(event)") }
            return error
        }
    }

    private mutating func carryOut(_ effect: Effect) {
        switch effect {
        case .launch(let order):
            if launched[order.run] != nil { faults.append("\(order.run) was launched twice") }
            launched[order.run] = order
            for part in order.lease.parts {
                for slot in part.slots {
                    let other = onSlots.updateValue(order.run, forKey: "\(part.node):\(slot)")
                    if let other { faults.append("\(slot) was given to \(order.run), \(other) is on it") }
                }
            }
        case .stop(let run, _, _):
            if launched[run] == nil { faults.append("\(run) was stopped and never launched") }
            stopped.insert(run)
        case .tell(let decision): told.append(decision)
        case .finish(let ending): endings.append(ending)
        case .remove(let checkpoints, _): removed += checkpoints
        case .keep(let checkpoint, _, let stage):
            kept[stage] = checkpoint
        case .bring(let checkpoint, let sources, let nodes):
            brought.append((checkpoint, sources, nodes))
        case .record, .wake: break
        }
    }

    // MARK: what runs do

    /// Runs that hold slots, in order.
    var running: [RunID] { Set(onSlots.values).sorted() }

    private mutating func end(of run: RunID) -> Int { offset(of: run) }

    /// Just after the next line of the run.
    mutating func offset(of run: RunID) -> Int {
        ends[run, default: 0] += 10
        return ends[run]!
    }

    @discardableResult
    mutating func start(_ run: RunID) -> RefusedEvent? {
        happen(.runStarted(run: run, end: end(of: run)))
    }

    @discardableResult
    mutating func report(
        _ run: RunID, step: Int, loss: Double, after seconds: Double? = nil
    ) -> RefusedEvent? {
        let report = Report(step: step, metrics: ["loss": Reading(loss)])
        return happen(
            .reported(
                run: run, end: end(of: run), report: seconds.map(report.stamped(after:)) ?? report))
    }

    @discardableResult
    mutating func save(_ run: RunID, step: Int) -> RefusedEvent? {
        happen(.checkpointSaved(run: run, end: end(of: run), name: "step_\(step)", step: step))
    }

    @discardableResult
    mutating func finish(_ run: RunID, _ ending: RunEnding = .completed) -> RefusedEvent? {
        onSlots = onSlots.filter { $0.value != run }
        return happen(.runEnded(run: run, end: end(of: run), ending: ending))
    }

    /// The run's slots are free without a word from it.
    mutating func vacate(_ run: RunID) {
        onSlots = onSlots.filter { $0.value != run }
    }

    /// One run from start to end: reports `loss` at every step of `steps`, saves, completes, and obeys a stop.
    mutating func play(_ run: RunID, steps: [Int] = [10], loss: (Assignment) -> Double) {
        start(run)
        for step in steps {
            if stopped.contains(run) { break }
            report(run, step: step, loss: loss(launched[run]!.assignment))
        }
        if stopped.contains(run) {
            finish(run, .stopped)
        } else {
            save(run, step: steps.last!)
            finish(run)
        }
    }

    /// Plays runs, the earliest first, until the study ends or nothing runs.
    mutating func playAll(steps: [Int] = [10], loss: (Assignment) -> Double = distance) {
        while endings.isEmpty, let run = running.first { play(run, steps: steps, loss: loss) }
    }
}

/// A bowl with its bottom at lr = 0.01.
func distance(_ assignment: Assignment) -> Double {
    let lr = assignment["lr"]!.number!
    return abs(lr / 0.01 - 1)
}
