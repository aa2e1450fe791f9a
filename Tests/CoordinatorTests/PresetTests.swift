import FleetModel
import Foundation
import Search
import StudyCore
import Testing

@testable import coordinator

/// `preset`, `prior` and overrides of study files.
@Suite struct PresetTests {
    private static let head = """
        name: small
        trainer: { plugin: scripted, settings: { layers: 12, width: 768, context: 1024 } }
        objective: { metric: loss }
        space:
          lr:         { type: float, low: 1e-5, high: 1e-1, log: true }
          batch_size: { type: int, low: 16, high: 1024, log: true }

        """
    private static let method = "method: { kind: stages, stages: 5, steps: 1000, trials: 8 }\n"

    private static func errors(_ text: String) -> String {
        do {
            _ = try StudyFileTests.plan(text)
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test(arguments: [("350m-1b", 1000, 12, 1), ("3b-7b", 2000, 15, 8)])
    func `a preset fills steps, trials and gang size`(name: String, steps: Int, trials: Int, gpus: Int) throws
    {
        let plan = try StudyFileTests.plan(Self.head + "preset: \(name)\n")
        #expect(plan.method.stageCount == 5)
        #expect(plan.method.steps == steps && plan.method.trialsPerStage == trials)
        #expect(plan.resources.gpus == gpus)
    }

    @Test func `what is written goes before a preset, key by key`() throws {
        let plan = try StudyFileTests.plan(
            Self.head + "preset: 3b-7b\nmethod: { trials: 4 }\nresources: { gpus: 4, gpus_per_node: 4 }\n")
        #expect(plan.method.trialsPerStage == 4 && plan.method.steps == 2000 && plan.resources.gpus == 4)
    }

    @Test func `another kind of method takes nothing from the preset's`() {
        #expect(
            Self.errors(Self.head + "preset: 3b-7b\nmethod: { kind: search, trials: 4 }\n")
                == "s.yaml:8:9: method.steps: found nothing, expected a whole number of at least 1")
    }

    @Test func `the plain recipe is there to the letter`() throws {
        let plan = try StudyFileTests.plan(Self.head + "preset: iterhpo\n")
        guard case .stages(let stages) = plan.method else {
            Issue.record("no stages")
            return
        }
        #expect(stages.stages == 5 && stages.steps == 2000)
        #expect(stages.shrink == .shares(["lr": 0.2, "batch_size": 0.5]))
        #expect(stages.score == .last && stages.choose == .lowest && stages.confirm == 0)
        #expect(plan.sampler == .tpe(TPESampler()))
        #expect(plan.pruner == .percentile(PercentilePruner(percentile: 50, startup: 5, warmupSteps: 0)))
    }

    @Test func `a preset that is none is named with its place`() {
        #expect(
            Self.errors(Self.head + Self.method + "preset: 3b-7\n")
                == """
                s.yaml:8:9: preset: found "3b-7", expected one of 350m-1b, 3b-7b, 30b-70b, iterhpo \
                (did you mean 3b-7b?)
                """)
    }

    @Test func `a published law centres the first stage, in the trainer's units`() throws {
        let prior = "prior: { law: step_law, parameters: 350e6, tokens: 7e9, sequence_length: 2048 }\n"
        let plan = try StudyFileTests.plan(Self.head + Self.method + prior)
        let points = try #require(plan.prior?.points)
        // 1.79 · (3.5e8)^-0.713 · (7e9)^0.307 and 0.58 · (7e9)^0.571 / 2048, computed apart.
        #expect(abs(points[0]["lr"]!.number! / 0.001_524 - 1) < 0.01)
        #expect(points[0]["batch_size"] == .int(118))
        #expect(abs(points[1]["lr"]!.number! / points[0]["lr"]!.number! - 0.5) < 1e-9)
        #expect(points.count == 3)
    }

    @Test func `a model's size is guessed where the settings say it`() throws {
        let plan = try StudyFileTests.plan(Self.head + Self.method + "prior: deepseek\n")
        #expect(try #require(plan.prior?.source).contains("8.49e+07 parameters"))
        let unknown = Self.head.replacing("layers: 12, ", with: "") + Self.method + "prior: deepseek\n"
        #expect(Self.errors(unknown).contains("s.yaml:8:8: prior: found deepseek, and a model whose size"))
    }

    @Test(arguments: [
        ("prior: stepp_law", "did you mean step_law?"), ("prior: 3", "prior: found a whole number"),
        ("prior: { law: step_law, parameters: 1 }", "prior.tokens: found nothing"),
        ("prior: { law: kaplan, parameters: 1e6, tokens: 1e6 }", "expected one of step_law, deepseek"),
        ("prior: /nowhere/else", "no study in /nowhere/else"),
    ])
    func `a wrong prior is named`(line: String, words: String) {
        #expect(Self.errors(Self.head + Self.method + line + "\n").contains(words))
    }

    @Test func `overrides stand for what the file says, the last of a place counts`() throws {
        var overrides: [Override] = []
        for text in ["budget.gpu_hours=4", "trainer.settings.data=[a, b]", "budget.gpu_hours=5.5"] {
            overrides = overrides.with(try Override(parsing: text))
        }
        #expect(overrides.map(\.words) == ["trainer.settings.data=[a, b]", "budget.gpu_hours=5.5"])
        let file = JSON.object(["name": .string("a"), "budget": .object(["trials": .int(3)])])
        let changed = overrides.applied(to: file)
        #expect(changed["budget"] == .object(["trials": .int(3), "gpu_hours": .double(5.5)]))
        #expect(changed["trainer"]?["settings"]?["data"] == .array([.string("a"), .string("b")]))
        #expect(changed["name"] == .string("a"))
    }

    @Test(arguments: [
        "budget", "=3", "space.lr=3", "trainer.plugin=native", "trainer.settings.layers=3", "budget..x=1",
        "budget.gpu_hours=[1", "method.trials=5", "name=b", "trainer.settings.args.hidden-size=8",
    ])
    func `what cannot change is refused in a sentence`(text: String) {
        #expect(throws: Override.Wrong.self) { try Override(parsing: text) }
    }
}
