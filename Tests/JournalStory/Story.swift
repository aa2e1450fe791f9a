import FleetModel
public import Journal
import Search
public import StudyCore

/// The same endless study each time it is told: trials of 25 reports on four slots, some stopped by ASHA,
/// some failing, with values that JSON likes to change (whole floats, 0.1, numbers without end).
public struct Story {
    public private(set) var engine: Engine
    /// Steps told.
    public private(set) var count = 0
    private var queue: [Happening] = []
    private var running: [RunID] = []
    private var ends: [RunID: Int] = [:]
    private var reported: [RunID: Int] = [:]
    private var random = SeededGenerator(seed: 5)

    public init(reportsPerTrial: Int = 25, trials: Int = 100_000, slots: Int = 4, isPruned: Bool = true) {
        let space = Result {
            try Space([
                Parameter("lr", .float(low: 1e-5, high: 1e-1, scale: .log)),
                Parameter("dropout", .float(low: 0, high: 2, scale: .step(0.5))),
                Parameter(
                    "layers", .categorical(choices: [.float(1), .int(2), .string("three"), .bool(true)])),
            ])
        }
        guard case .success(let space) = space, let study = StudyID(rawValue: "story-1") else {
            preconditionFailure("the story's space and name are valid")
        }
        engine = Engine(
            study: study,
            plan: Plan(
                name: "story",
                trainer: TrainerPlan(
                    plugin: "scripted", settings: .object(["delay": .double(0.1)]), silenceSeconds: 60,
                    graceSeconds: 5, baseFolder: "/"),
                objective: Objective(metric: "loss", direction: .minimize), space: space,
                method: .search(SearchMethod(trials: trials, steps: reportsPerTrial)),
                sampler: .random(RandomSampler()),
                pruner: isPruned
                    ? .asha(ASHAPruner(minStep: 5, reductionFactor: 3, maxStep: reportsPerTrial)) : .off,
                seed: 7, resources: Resources(gpus: 1, gpusPerNode: 1, parallel: nil, retries: 2),
                budget: Budget(), keepBest: 1))
        let offered = (0..<slots).map { OfferedSlot(.cpu(index: $0)) }
        queue = [.started, .nodeSurveyed(node: .local, slots: offered)]
        self.reportsPerTrial = reportsPerTrial
    }

    private let reportsPerTrial: Int

    /// What happens next, and what the engine made of it.
    public mutating func next() -> Step {
        let what = queue.isEmpty ? carryOn() : queue.removeFirst()
        count += 1
        let event = Event(at: Timestamp(seconds: 1_790_000_000.1 + Double(count) * 0.3), what)
        let effects = Result { () throws(RefusedEvent) in try engine.apply(event) }
        guard case .success(let effects) = effects else {
            preconditionFailure("the story tells nothing that the engine refuses: \(event), \(effects)")
        }
        for effect in effects { obey(effect) }
        return Step(event: event, effects: effects)
    }

    private mutating func obey(_ effect: Effect) {
        switch effect {
        case .launch(let order):
            running.append(order.run)
            queue.append(.runStarted(run: order.run, end: end(of: order.run)))
        case .stop(let run, _, _):
            finish(run, .stopped)
        case .keep, .remove, .tell, .record, .wake, .finish: break
        }
    }

    /// The next report of one of the runs, or its end.
    private mutating func carryOn() -> Happening {
        let run = running[Int(random.next() % UInt64(running.count))]
        let step = reported[run, default: 0] + 1
        reported[run] = step
        if step > reportsPerTrial {
            finish(run, .completed)
            return queue.removeFirst()
        }
        if run.trial.number % 17 == 3, step == 4 {
            finish(run, .failed(RunFailure(.notFinite(metric: "loss", step: 4, reading: .notFinite(.nan)))))
            return queue.removeFirst()
        }
        let metrics = [
            "loss": Reading(random.unit() + 1 / Double(step)), "accuracy": Reading(step % 5 == 0 ? 1 : 0.1),
            "gradient_norm": Reading(step % 7 == 0 ? .infinity : 2),
        ]
        return .reported(run: run, end: end(of: run), report: Report(step: step, metrics: metrics))
    }

    private mutating func finish(_ run: RunID, _ ending: RunEnding) {
        running.removeAll { $0 == run }
        queue.append(.runEnded(run: run, end: end(of: run), ending: ending))
    }

    private mutating func end(of run: RunID) -> Int {
        ends[run, default: 0] += 100
        return ends[run, default: 0]
    }
}
