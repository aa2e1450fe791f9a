import FleetModel
import Foundation
import Search
import StudyCore
import Testing

@testable import coordinator

@Suite struct ReportTests {
    private static func page(of engine: Engine) -> String {
        let curves = Dictionary(
            uniqueKeysWithValues: engine.trials.map { trial in
                (
                    trial.id,
                    trial.progress.curve.points.map {
                        (step: $0.step, value: $0.loss.metric(engine.plan.objective.direction))
                    }
                )
            })
        return ReportPage(of: StudyRecord(engine: engine, curves: curves, now: engine.now)).html
    }

    @Test func `a report of a running study has all its parts and needs nothing from elsewhere`() throws {
        let html = Self.page(of: try ViewTests.midway())
        for part in ["Loss over all stages", "stage by stage", "Time and GPU hours", "Trials", "exit code 3"]
        {
            #expect(html.contains(part), "\(part)")
        }
        #expect(!html.contains("src=") && !html.contains("<script") && !html.contains("url("))
        #expect(!html.replacing("http://www.w3.org/2000/svg", with: "").contains("http:"))
        #expect(!html.contains("https:"))
        #expect(Tags.areBalanced(html))
    }

    @Test func `a report shows what a pilot saw, and why each stage chose what it chose`() throws {
        var rig = ReportRig(stages: 2, pilot: Pilot(trials: 3, fewest: 10, most: 40))
        try rig.playAll()
        let html = Self.page(of: rig.engine)
        for part in [
            "The pilot", "stages take 10 steps", "pairs in final order", "Why each stage chose what it chose",
            "the last loss", "around the best", "as narrow as windows get",
        ] {
            #expect(html.contains(part), "\(part)")
        }
        #expect(Tags.areBalanced(html))
    }

    @Test func `a report of a study that has only begun is a page too`() throws {
        var engine = Engine(
            study: StudyID(rawValue: "new-1")!, plan: try StudyFileTests.plan(StudyFileTests.right))
        #expect(Tags.areBalanced(Self.page(of: engine)))
        _ = try engine.apply(Event(at: Timestamp(seconds: 1), .started))
        #expect(Tags.areBalanced(Self.page(of: engine)))
    }

    @Test func `names, values and reasons from outside stay text`() throws {
        let hostile = "</td><script>alert('1')</script>&\u{0}\""
        let space = try Space([
            Parameter("l<r", .float(low: 1e-4, high: 1e-1, scale: .log)),
            Parameter("kind", .categorical(choices: [.string(hostile), .string("b")])),
        ])
        var engine = Engine(
            study: StudyID(rawValue: "hostile-1")!,
            plan: Plan(
                name: hostile,
                trainer: TrainerPlan(
                    plugin: "scripted", settings: .object([:]), silenceSeconds: 1, graceSeconds: 1,
                    baseFolder: "/"), objective: Objective(metric: hostile, direction: .minimize),
                space: space,
                method: .search(SearchMethod(trials: 3, steps: 5)), sampler: .random(RandomSampler()),
                pruner: .off, seed: 1,
                resources: Resources(gpus: 1, gpusPerNode: 1, parallel: nil, retries: 0), budget: Budget(),
                keepBest: 1))
        let run = RunID(trial: TrialID(stage: 0, number: 0), attempt: 0)
        let events: [Happening] = [
            .started, .nodeSurveyed(node: .local, slots: [OfferedSlot(.cpu(index: 0))]),
            .reported(run: run, end: 1, report: Report(step: 5, metrics: [hostile: Reading(1)])),
            .runEnded(
                run: run, end: 2,
                ending: .failed(RunFailure(.crashed(exit: 3), lastLines: [hostile]))),
        ]
        for (index, what) in events.enumerated() {
            _ = try engine.apply(Event(at: Timestamp(seconds: Double(index)), what))
        }
        let html = Self.page(of: engine)
        #expect(!html.contains("<script") && !html.contains("alert('1')") && !html.contains("\u{0}"))
        #expect(html.contains("&lt;script&gt;alert(&#39;1&#39;)") && html.contains("l&lt;r"))
        #expect(Tags.areBalanced(html))
    }

    @Test func `what pruning saved is what the pruned trials would have cost at their pace`() throws {
        let engine = try ViewTests.midway()
        let cost = Cost(of: engine.trials, steps: 81, at: engine.now)
        #expect(cost.trials == engine.trials.count)
        #expect(abs(cost.gpuHours - engine.slotHours) < 1e-9)
        let pruned = engine.trials.filter(\.wasPruned)
        let saved = pruned.reduce(0.0) { sum, trial in
            sum + trial.slotSeconds(at: engine.now) / 3600 * Double(81 - trial.progress.step)
                / Double(max(1, trial.progress.step))
        }
        #expect(abs(cost.savedGpuHours - saved) < 1e-12)
    }

    @Test(arguments: [
        (PlotAxis.Scale.linear, [0.0, 10]), (.log, [1e-5, 1e-1]), (.log, [0.011, 0.029]), (.linear, [3, 3]),
        (.linear, []), (.log, [0, -1, .nan]), (.linear, [1e300, -1e300]), (.log, [64, 64]),
    ])
    func `an axis has its ends in its picture and round ticks inside`(scale: PlotAxis.Scale, ends: [Double]) {
        let axis = PlotAxis(scale, over: ends, from: 50, to: 450)
        for value in ends where value.isFinite && (scale == .linear || value > 0) {
            let pixel = axis.pixel(value) ?? -1
            #expect((50...450).contains(pixel), "\(value) at \(pixel)")
        }
        let ticks = axis.ticks()
        #expect(ticks.count <= 9 && ticks.allSatisfy { $0 >= axis.low && $0 <= axis.high }, "\(ticks)")
        #expect(axis.pixel(.nan) == nil)
    }

    @Test func `what matters is the parameter that the losses follow`() throws {
        #expect(Importance(of: try ViewTests.midway()).parameters.isEmpty)
    }
}

/// HTML whose elements open and close in order.
enum Tags {
    private static let void: Set<Substring> = ["meta", "!doctype"]

    static func areBalanced(_ html: String) -> Bool {
        var open: [Substring] = []
        for piece in html.split(separator: "<").dropFirst(html.hasPrefix("<") ? 0 : 1) {
            let name = piece.prefix { $0 != " " && $0 != ">" && $0 != "\n" }
            if name.first == "/" {
                guard open.popLast() == name.dropFirst() else { return false }
            } else if !void.contains(name) {
                open.append(name)
            }
        }
        return open.isEmpty
    }
}

/// Plays a staged study of one learning rate, one run after another.
private struct ReportRig {
    private(set) var engine: Engine
    private var clock = 1.0
    private var orders: [RunOrder] = []

    init(stages: Int, pilot: Pilot) {
        let space = try! Space([Parameter("lr", .float(low: 1e-3, high: 1e-2, scale: .log))])
        engine = Engine(
            study: StudyID(rawValue: "pilot-1")!,
            plan: Plan(
                name: "pilot",
                trainer: TrainerPlan(
                    plugin: "scripted", settings: .object([:]), silenceSeconds: 1, graceSeconds: 1,
                    baseFolder: "/"), objective: Objective(metric: "loss", direction: .minimize),
                space: space,
                method: .stages(StagesMethod(stages: stages, trials: 6, steps: 40, pilot: pilot)),
                sampler: .random(RandomSampler()), pruner: .off, seed: 1,
                resources: Resources(gpus: 1, gpusPerNode: 1, parallel: nil, retries: 0), budget: Budget(),
                keepBest: 1))
    }

    private mutating func happen(_ what: Happening) throws {
        clock += 1
        for effect in try engine.apply(Event(at: Timestamp(seconds: clock), what)) {
            if case .launch(let order) = effect { orders.append(order) }
        }
    }

    mutating func playAll() throws {
        try happen(.started)
        try happen(.nodeSurveyed(node: .local, slots: [OfferedSlot(.cpu(index: 0))]))
        while !orders.isEmpty {
            let order = orders.removeFirst()
            let rate = order.assignment["lr"]!.number!
            var end = 0
            for step in 1...order.steps {
                end += 1
                let report = Report(step: step, metrics: ["loss": Reading(rate * 100 + 1 / Double(step))])
                try? happen(.reported(run: order.run, end: end, report: report))
            }
            try happen(
                .checkpointSaved(run: order.run, end: end + 1, name: "step_\(order.steps)", step: order.steps)
            )
            try happen(.runEnded(run: order.run, end: end + 2, ending: .completed))
        }
    }
}
