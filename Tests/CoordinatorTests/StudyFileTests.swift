import FleetModel
import Foundation
import Search
import StudyCore
import Testing

@testable import coordinator

@Suite struct StudyFileTests {
    /// A right study file; each test changes a word of it.
    static let right = """
        name: right
        trainer:
          plugin: scripted
          settings: { curve: power_law }
          silence_seconds: 30
        objective: { metric: loss, direction: maximize }
        space:
          lr:        { type: float, low: 1e-5, high: 1e-1, log: true }
          dropout:   { type: float, low: 0.0, high: 0.5, step: 0.1 }
          layers:    { type: int, low: 2, high: 24 }
          optimizer: { type: categorical, choices: [adamw, sgd] }
          momentum:  { type: float, low: 0.5, high: 0.99, when: { optimizer: [sgd] } }
        method: { kind: stages, stages: 2, trials: 6, steps: 81, shrink: { lr: 0.2 } }
        sampler: { kind: tpe, startup: 4 }
        pruner: { kind: asha, min_step: 1, reduction_factor: 3 }
        resources: { parallel: 8, retries: 1 }
        budget: { trials: 10, gpu_hours: 2.5 }
        checkpoints: { keep_best: 2 }
        seed: 3
        """

    /// The plan of a text, through a real file.
    static func plan(_ text: String) throws -> Plan {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "s.yaml")
        try text.write(to: file, atomically: true, encoding: .utf8)
        do {
            return try StudyFile(at: file.path).plan
        } catch {
            throw StudyFileErrors(lines: error.lines.map { $0.replacing(folder.path + "/", with: "") })
        }
    }

    /// What is said about `right` with one word changed.
    static func errors(_ word: String, _ other: String) -> [String] {
        precondition(right.contains(word), "the right file has no \(word)")
        do {
            _ = try plan(right.replacing(word, with: other))
            return []
        } catch {
            return "\(error)".split(separator: "\n").map(String.init)
        }
    }

    @Test func `every key of a right file arrives in the plan`() throws {
        let plan = try Self.plan(Self.right)
        #expect(plan.name == "right")
        #expect(plan.trainer.plugin == "scripted")
        #expect(plan.trainer.silenceSeconds == 30)
        #expect(plan.objective == Objective(metric: "loss", direction: .maximize))
        #expect(plan.space.parameters.map(\.name) == ["lr", "dropout", "layers", "optimizer", "momentum"])
        #expect(
            plan.space.parameters[4]
                == Parameter(
                    "momentum", .float(low: 0.5, high: 0.99), when: ["optimizer": [.string("sgd")]]))
        #expect(
            plan.method
                == .stages(
                    StagesMethod(
                        stages: 2, trials: 6, steps: 81, shrink: .shares(["lr": 0.2]),
                        score: .extrapolate(stages: nil, finish: 0.4))))
        #expect(plan.sampler == .tpe(TPESampler(startup: 4)))
        #expect(plan.pruner == .asha(ASHAPruner(minStep: 1, reductionFactor: 3, maxStep: 81)))
        #expect(plan.resources == Resources(gpus: 1, gpusPerNode: 1, parallel: 8, retries: 1))
        #expect(plan.budget == Budget(trials: 10, gpuHours: 2.5))
        #expect(plan.keepBest == 2)
        #expect(plan.seed == 3)
    }

    @Test(arguments: [
        ("{ kind: random }", SamplerKind.random(RandomSampler())),
        ("{ kind: grid, points: 3 }", .grid(GridSampler(points: 3))),
        ("{ kind: sobol }", .sobol(SobolSampler(seed: 3))),
    ])
    func `a sampler arrives with its options, and with the study's seed`(text: String, sampler: SamplerKind)
        throws
    {
        let text = Self.right.replacing("{ kind: tpe, startup: 4 }", with: text)
        #expect(try Self.plan(text).sampler == sampler)
    }

    @Test func `a file that names no sampler gets auto, which is told of the budget and of stages`() throws {
        let text = Self.right.replacing("sampler: { kind: tpe, startup: 4 }", with: "")
        #expect(try Self.plan(text).sampler == .auto(AutoSampler(trials: 10, isStaged: true)))
        let named = Self.right.replacing("{ kind: tpe, startup: 4 }", with: "{ kind: auto, startup: 3 }")
        #expect(try Self.plan(named).sampler == .auto(AutoSampler(trials: 10, isStaged: true, startup: 3)))
    }

    @Test func `what a file leaves open stays as it was when the study began`() throws {
        let old = #"{"gp":{"_0":{"startup":10,"candidates":1536}}}"#
        let begun = try JSONDecoder().decode(SamplerKind.self, from: Data(old.utf8))
        let plan = try Self.plan(Self.right)
        func recorded(_ sampler: SamplerKind) -> Plan {
            Plan(
                name: plan.name, trainer: plan.trainer, objective: plan.objective, space: plan.space,
                method: plan.method, sampler: sampler, pruner: plan.pruner, seed: plan.seed,
                resources: plan.resources, budget: plan.budget, keepBest: plan.keepBest)
        }
        let file = recorded(.gp(GPSampler()))
        #expect(begun != file.sampler, "another version's rules")
        #expect(PlanDifference(recorded: recorded(begun), file: file) != nil)
        for namesSampler in [true, false] {
            let plan = file.goingOn(from: recorded(begun), namesSampler: namesSampler)
            #expect(PlanDifference(recorded: recorded(begun), file: plan) == nil)
        }
        let other = recorded(.tpe(TPESampler()))
        #expect(other.goingOn(from: recorded(begun), namesSampler: true).sampler == other.sampler)
        #expect(other.goingOn(from: recorded(begun), namesSampler: false).sampler == begun)
    }

    static let pruners: [(text: String, pruner: PrunerKind)] = [
        ("none", .off),
        ("median, startup: 4, warmup: 9", .percentile(.median(startup: 4, warmupSteps: 9))),
        (
            "percentile, percentile: 12.5, startup: 4, warmup: 9",
            .percentile(PercentilePruner(percentile: 12.5, startup: 4, warmupSteps: 9))
        ),
        (
            "threshold, lower: -1, upper: 2.5, warmup: 9",
            .threshold(ThresholdPruner(lower: -1, upper: 2.5, direction: .maximize, warmupSteps: 9))
        ),
        ("threshold, lower: 0", .threshold(ThresholdPruner(lower: 0, direction: .maximize))),
        ("patience, patience: 4, min_delta: 0.5", .patience(PatiencePruner(patience: 4, minDelta: 0.5))),
        (
            "asha, min_step: 2, reduction_factor: 4",
            .asha(ASHAPruner(minStep: 2, reductionFactor: 4, maxStep: 81))
        ),
        (
            "asha-promotion, min_step: 2, reduction_factor: 4",
            .ashaPromotion(ASHAPromotion(minStep: 2, reductionFactor: 4, maxStep: 81))
        ),
        (
            "hyperband, min_step: 2, reduction_factor: 4",
            .hyperband(HyperbandPruner(minStep: 2, reductionFactor: 4, maxStep: 81))
        ),
    ]

    @Test(arguments: pruners)
    func `a pruner arrives with its options`(text: String, pruner: PrunerKind) throws {
        let text = Self.right.replacing("asha, min_step: 1, reduction_factor: 3", with: text)
        #expect(try Self.plan(text).pruner == pruner)
    }

    @Test func `every kind of pruner has its line above`() {
        let kinds = Set(Self.pruners.map { $0.text.prefix { $0 != "," } }.map(String.init))
        #expect(kinds == Set(PrunerKind.judging))
    }

    @Test(arguments: ["quickstart", "search"])
    func `the studies that ship are right, and are those that were agreed`(name: String) throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let ours = try String(
            contentsOf: root.appending(path: "deploy/studies/\(name).yaml"), encoding: .utf8)
        #expect(throws: Never.self) { try Self.plan(ours) }
        let shared = root.deletingLastPathComponent().appending(path: "shared/studies/\(name).yaml")
        if let agreed = try? String(contentsOf: shared, encoding: .utf8) { #expect(ours == agreed) }
    }

    /// One mistake, and the one line that it gives.
    static let mistakes: [(word: String, other: String, says: String)] = [
        ("seed: 3", "sead: 3", "s.yaml:19:1: sead: found sead, expected one of"),
        ("trials: 6", "trials: many", "s.yaml:13:44: method.trials: found \"many\", expected a whole number"),
        (
            "trials: 6", "trials: 0",
            "s.yaml:13:44: method.trials: found 0, expected a whole number of at least 1"
        ),
        ("low: 1e-5, high: 1e-1", "low: 1, high: 0.5", "s.yaml:8:"),
        ("low: 1e-5", "low: 0", "expected a number above 0, because log is set"),
        ("kind: tpe", "kind: tpa", "s.yaml:14:18: sampler.kind: found \"tpa\""),
        ("kind: asha", "kind: ash", "(did you mean asha?)"),
        (
            "asha, min_step: 1, reduction_factor: 3", "threshold",
            "s.yaml:15:9: pruner: found no bound, expected lower, upper or both"
        ),
        (
            "asha, min_step: 1, reduction_factor: 3", "threshold, lower: 2, upper: 1",
            "pruner.lower: found 2.0, expected at most upper, which is 1.0"
        ),
        (
            "asha, min_step: 1, reduction_factor: 3", "threshold, uper: 1, lower: 1",
            "pruner.uper: found uper, expected one of kind, lower, upper, warmup (did you mean upper?)"
        ),
        ("asha, min_step: 1, reduction_factor: 3", "percentile, percentile: 101", "found 101, expected a"),
        ("kind: stages", "kind: staged", "(did you mean stages?)"),
        ("shrink: { lr", "shrink: { lrr", "s.yaml:13:68: method.shrink.lrr: found lrr"),
        ("{ optimizer: [sgd] }", "{ optimiser: [sgd] }", "optimiser"),
        ("{ optimizer: [sgd] }", "{ optimizer: [adam] }", "adam"),
        (
            "type: int", "type: integer",
            "space.layers.type: found \"integer\", expected one of float, int, categorical"
        ),
        ("choices: [adamw, sgd]", "choices: []", "expected a list of words"),
        ("name: right", "name: ../up", "s.yaml:1:7: name: found \"../up\""),
        ("direction: maximize", "direction: up", "expected one of minimize, maximize"),
        ("plugin: scripted", "plugin: 7", "s.yaml:3:11: trainer.plugin: found 7, expected a text"),
        ("gpu_hours: 2.5", "gpu_hours: -1", "budget.gpu_hours: found -1"),
        ("step: 0.1", "step: 0.1, log: true", "expected one of the two"),
        ("retries: 1", "gpus: 16, gpus_per_node: 6", "a divisor of gpus, which is 16"),
        ("retries: 1", "nodes: []", "resources.nodes: found an empty list, expected all, or a list"),
        ("retries: 1", "nodes: [../a]", "a list with something else"),
    ]

    @Test(arguments: mistakes)
    func `one mistake gives one line with its place`(word: String, other: String, says: String) {
        let lines = Self.errors(word, other)
        #expect(lines.count == 1, "\(lines)")
        #expect(lines.first?.contains(says) == true, "\(lines)")
    }

    /// Another space for `right`, with constraints below it.
    static func ruled(_ space: String, constraints: String = "[]") -> String {
        let (start, end) = (right.range(of: "space:")!.lowerBound, right.range(of: "method:")!.lowerBound)
        let lines = space.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n")
        return right.replacingCharacters(
            in: start..<end, with: "space:\n\(lines)\nconstraints: \(constraints)\n")
    }

    static let searched = """
        lr: { type: float, low: 1e-5, high: 1e-1, log: true }
        layers: { type: int, low: 2, high: 24 }
        width: { type: int, low: 64, high: 1024, step: 64 }
        """

    @Test func `fixed and derived values and constraints arrive in the space`() throws {
        let space = try Self.plan(
            Self.ruled(
                """
                half: min_lr / 2
                min_lr: lr / 10
                weight_decay: 0.1
                optimizer: adam
                tied: true
                depth: layers
                heads: { type: derived, value: "width / 64" }
                schedule: { type: fixed, value: cosine-decay }
                \(Self.searched)
                """, constraints: "[layers * width <= 4096, 'optimizer == \"adam\" or heads < 8']")
        ).space
        #expect(space.parameters.map(\.name) == ["lr", "layers", "width"])
        let given: Assignment = ["lr": .float(0.01), "layers": .int(4), "width": .int(512)]
        let added: Assignment = [
            "half": .float(0.0005), "min_lr": .float(0.001), "weight_decay": .float(0.1),
            "optimizer": .string("adam"), "tied": .bool(true), "depth": .int(4), "heads": .int(8),
            "schedule": .string("cosine-decay"),
        ]
        #expect(space.completed(given) == given.merging(added) { $1 })
        #expect(
            space.constraints.map { "\($0.expression)" }
                == ["layers * width <= 4096", "optimizer == \"adam\" or heads < 8"])
        let single = try Self.plan(Self.ruled(Self.searched, constraints: "layers < 4")).space
        #expect(single.constraints.count == 1)
    }

    /// A line added to the space, constraints, and the one line that is said.
    static let wrongRules: [(line: String, constraints: String, says: String)] = [
        (
            "min_lr: lrr / 10", "[]",
            "s.yaml:11:11: space.min_lr: found `lrr` at column 1 of \"lrr / 10\", expected one of"
        ),
        (
            "min_lr: lrr", "[]",
            "s.yaml:11:11: space.min_lr: found \"lrr\", expected the name of a parameter, or a fixed"
        ),
        ("min_lr: lr /", "[]", "space.min_lr: found the end at column 5 of \"lr /\", expected a number"),
        ("data: /data/pile", "[]", "or a fixed text as { type: fixed, value: … }"),
        ("min_lr: { type: derived, value: lr / }", "[]", "s.yaml:11:35: space.min_lr.value: found the end"),
        ("min_lr: { type: derived }", "[]", "space.min_lr.value: found nothing, expected a text"),
        ("wd: { type: fixed, value: [1] }", "[]", "space.wd.value: found a list, expected a number, a text"),
        (
            "wd: { type: fixed, value: 1, low: 2 }", "[]",
            "space.wd.low: found low, expected one of type, value"
        ),
        ("wd: []", "[]", "s.yaml:11:7: space.wd: found an empty list, or one of something else, expected"),
        ("wd: [[1]]", "[]", "s.yaml:11:7: space.wd: found an empty list, or one of something else, expected"),
        ("wd:", "[]", "space.wd: found nothing, expected a mapping with type, or a fixed value"),
        ("a: b + 1\nb: a + 1", "[]", "found `a` uses `b` uses `a`, expected values that do not need"),
        (
            "wd: 1", "[lr < 1, layers * widht <= 9]",
            "s.yaml:12:23: constraints.1: found `widht` at column 10 of \"layers * widht <= 9\", expected one of"
        ),
        (
            "wd: 1", "[layers = 3]",
            "s.yaml:12:15: constraints.0: found `=` at column 8 of \"layers = 3\", expected"
        ),
        ("wd: 1", "layers +", "s.yaml:12:14: constraints.0: found the end at column 9"),
        ("wd: 1", "{ a: b }", "s.yaml:12:14: constraints: found a mapping, expected a list of texts"),
        (
            "wd: 1", "[lr > 0, layers > 24]",
            "s.yaml:12:23: constraints.1: found `layers > 24`, expected a constraint that some combination fulfils"
        ),
        (
            "wd: 1", "[layers > 12, layers < 12]",
            "s.yaml:12:14: constraints: found constraints that exclude each other, expected some combination"
        ),
    ]

    @Test(arguments: wrongRules)
    func `one wrong rule gives one line with its place`(line: String, constraints: String, says: String) {
        let errors = #expect(throws: StudyFileErrors.self) {
            try Self.plan(Self.ruled(Self.searched + "\n" + line, constraints: constraints))
        }
        #expect(errors?.lines.count == 1, "\(errors?.lines ?? [])")
        #expect(errors?.lines.first?.contains(says) == true, "\(errors?.lines ?? [])")
    }

    @Test func `only what is searched can shrink`() {
        let text = Self.ruled(Self.searched + "\nwd: 1").replacing("shrink: { lr", with: "shrink: { wd")
        let errors = #expect(throws: StudyFileErrors.self) { try Self.plan(text) }
        #expect(errors?.lines.first?.contains("method.shrink.wd: found wd, expected a parameter") == true)
    }

    @Test func `what is missing is named`() {
        #expect(
            Self.errors("objective: { metric: loss, direction: maximize }\n", "").first?.contains(
                "objective: found nothing") == true)
        #expect(throws: StudyFileErrors.self) { try Self.plan("") }
        #expect(throws: StudyFileErrors.self) { try Self.plan("- a list\n") }
        #expect(throws: StudyFileErrors.self) { try Self.plan("name: [\n") }
    }

    @Test func `no single changed byte crashes the reader`() {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<400 {
            var bytes = Array(Self.right.utf8)
            for _ in 0..<3 {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(
                    in: 9...126, using: &random)
            }
            _ = try? Self.plan(String(decoding: bytes, as: UTF8.self))
        }
    }
}
