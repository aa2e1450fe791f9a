import FleetModel
package import Journal
import Search
package import StudyCore

/// A search that is always reporting, for the journal's tests and benchmarks: `slots` trials run side by
/// side and report by turns, ASHA stops the worse ones early, and freed slots are filled again.
/// The same for every instance with the same arguments.
package struct BusyStudy {
    package private(set) var engine: Engine
    private let steps: Int
    private var clock = 1_000_000.0
    /// Said next, before anything else.
    private var pending: [Happening]
    /// Runs on their slots. They speak by turns.
    private var runs: [Speaker] = []
    private var turn = 0

    private struct Speaker {
        let run: RunID
        /// What the loss falls to.
        let floor: Double
        var step = 0
        var end = 0
        var isStopped = false

        var metrics: [String: Reading] {
            [
                "validation_loss": Reading(floor + 3 / Double(step + 1)),
                "tokens_per_second": Reading(Double(51_200 + step % 97)),
            ]
        }
    }

    /// - Parameter hasWholeFloats: adds parameters whose floats are whole numbers now and then.
    package init(
        trials: Int = 1_000, steps: Int = 3_000, firstRung: Int = 1_000, slots: Int = 64,
        hasWholeFloats: Bool = false
    ) {
        self.steps = steps
        engine = Engine(
            study: StudyID(rawValue: "busy-1")!,
            plan: .busy(
                trials: trials, steps: steps, firstRung: firstRung, space: hasWholeFloats ? .wholeFloats : .lr
            ))
        pending = [
            .started,
            .nodeSurveyed(node: .local, slots: (0..<slots).map { OfferedSlot(.cpu(index: $0)) }),
        ]
    }

    /// What `JournalSpeed write` writes.
    package static func child() -> BusyStudy {
        BusyStudy(trials: 1_000_000, steps: 30, firstRung: 3, slots: 8)
    }

    /// The next event, applied. Whoever asks stops before all trials have ended.
    package mutating func next() -> Step {
        precondition(!pending.isEmpty || !runs.isEmpty, "the busy study is over: give it more trials")
        let event = Event(at: Timestamp(seconds: clock), pending.isEmpty ? speak() : pending.removeFirst())
        clock += 0.125
        do {
            let effects = try engine.apply(event)
            for effect in effects { carryOut(effect) }
            return Step(event: event, effects: effects)
        } catch {
            preconditionFailure("the busy study said something wrong: \(error)")
        }
    }

    package mutating func next(_ count: Int) -> [Step] {
        (0..<count).map { _ in next() }
    }

    private mutating func speak() -> Happening {
        turn = (turn + 1) % runs.count
        runs[turn].end += 80
        let speaker = runs[turn]
        if speaker.isStopped || speaker.step == steps {
            runs.remove(at: turn)
            turn = 0
            return .runEnded(
                run: speaker.run, end: speaker.end, ending: speaker.isStopped ? .stopped : .completed)
        }
        runs[turn].step += 1
        let report = Report(step: speaker.step + 1, metrics: speaker.metrics)
        return .reported(run: speaker.run, end: speaker.end, report: report)
    }

    private mutating func carryOut(_ effect: Effect) {
        switch effect {
        case .launch(let order):
            runs.append(Speaker(run: order.run, floor: abs((order.assignment["lr"]?.number ?? 0) - 0.05)))
        case .stop(let run, _, _):
            for index in runs.indices where runs[index].run == run { runs[index].isStopped = true }
        case .keep, .bring, .remove, .tell, .record, .wake, .finish: break
        }
    }
}

extension Plan {
    fileprivate static func busy(trials: Int, steps: Int, firstRung: Int, space: Space) -> Plan {
        Plan(
            name: "busy",
            trainer: TrainerPlan(
                plugin: "scripted", settings: .object([:]), silenceSeconds: 60, graceSeconds: 5,
                baseFolder: "/"),
            objective: Objective(metric: "validation_loss", direction: .minimize),
            space: space,
            method: .search(SearchMethod(trials: trials, steps: steps)),
            sampler: .random(RandomSampler()),
            pruner: .asha(ASHAPruner(minStep: firstRung, reductionFactor: 3, maxStep: steps)), seed: 7,
            resources: Resources(gpus: 1, gpusPerNode: 1, parallel: nil, retries: 2), budget: Budget(),
            keepBest: 1)
    }
}

extension Space {
    fileprivate static let lr = try! Space([rate])
    fileprivate static let wholeFloats = try! Space([
        rate, Parameter("dropout", .float(low: 0, high: 2, scale: .step(0.5))),
        Parameter("layers", .categorical(choices: [.float(1), .int(2), .string("three")])),
    ])
    private static let rate = Parameter("lr", .float(low: 1e-4, high: 1e-1, scale: .log))
}
