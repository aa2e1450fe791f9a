import FleetModel
import Foundation
import Search
import StudyCore
import Testing

/// Sweeps, populations, growth, several objectives and rungs that continue, on the native trainer.
@Suite(.serialized, .timeLimit(.minutes(10))) struct MethodStudyTests {
    /// The examples that ship, as they stand but for their name.
    private static func example(_ name: String) throws -> String {
        let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(
            contentsOf: repository.appending(path: "deploy/studies/\(name).yaml"), encoding: .utf8)
        return text.split(separator: "\n", omittingEmptySubsequences: false)
            .filter { !$0.hasPrefix("name:") }.joined(separator: "\n")
    }

    /// Started, killed at each of these words, started again, and done as if never disturbed.
    private func disturbed(
        _ name: String, at moments: [String]
    ) async throws -> (quiet: Engine, disturbed: Engine, bench: Bench) {
        let yaml = try Self.example(name) + "resources: { parallel: 1 }\n"
        let quiet = try Bench(yaml)
        let undisturbed = try await quiet.run("start")
        #expect(undisturbed.exit == 0, "\(undisturbed.errors)")
        let bench = try Bench(yaml)
        let last = try await bench.start(killedAt: moments)
        #expect(last.exit == 0, "\(last.errors)")
        #expect(try bench.differences() == [])
        return (try quiet.engine(), try bench.engine(), bench)
    }

    @Test func `a sweep that is killed goes on, writes its table and runs its last command once`()
        async throws
    {
        let (quiet, engine, bench) = try await disturbed("sweep", at: ["0.2 completed", "0.6 proposed"])
        #expect(engine.trials.count == 12 && engine.phase == .ended(.completed))
        #expect(engine.trials.map(\.assignment) == quiet.trials.map(\.assignment))
        #expect(engine.trials[0].reason == .given && engine.trials[0].runs.isEmpty)
        let table = try Data(contentsOf: URL(fileURLWithPath: bench.out + "/sweep_results.json"))
        let rows = try #require(try JSONSerialization.jsonObject(with: table) as? [[String: Any]])
        #expect(rows.count == 12 && rows.allSatisfy { $0["status"] as? String == "completed" })
        let note = try String(contentsOfFile: bench.out + "/on_finish.json", encoding: .utf8)
        #expect(note.contains("exit(0)") || note.contains("\"outcome\""), "\(note)")
        let again = try await bench.run("start")
        #expect(again.exit == 0, "a study that is done is shown: \(again.errors)")
    }

    @Test func `a list that is edited is gone on with, and a trial is run once more on request`() async throws
    {
        let yaml = """
            trainer: { plugin: scripted, settings: { checkpoint_every: 3 } }
            objective: { metric: loss }
            space: { lr: [0.001, 0.01] }
            method: { kind: sweep, steps: 3 }
            """
        let bench = try Bench(yaml)
        #expect(try await bench.run("start").exit == 0)
        try ("name: e2e\n" + yaml.replacing("[0.001, 0.01]", with: "[0.001, 0.01, 0.1]")).write(
            toFile: bench.study, atomically: true, encoding: .utf8)
        let second = try await bench.run("start")
        #expect(second.exit == 0, "\(second.errors)")
        #expect(try bench.engine().trials.compactMap { $0.assignment["lr"]?.number } == [0.001, 0.01, 0.1])
        let retry = try await bench.run("retry", "0.1", "--from", "last")
        #expect(retry.exit == 0, "\(retry.errors)")
        let last = try #require(try bench.engine().trials.last)
        #expect(last.reason == .retried(of: TrialID(stage: 0, number: 1)) && last.result != nil)
        let unknown = try await bench.run("retry", "0.7")
        #expect(unknown.exit == 2 && unknown.errors.contains("no trial of this study"))
    }

    private static func background(secondsPerStep: Double) -> String {
        """
        trainer: { plugin: scripted, settings: { seconds_per_step: \(secondsPerStep) } }
        objective: { metric: loss }
        space: { lr: [0.001, 0.01, 0.1] }
        method: { kind: sweep, steps: 10 }
        on_finish: ["false"]
        """
    }

    @Test func `a study that runs in the background is watched from elsewhere`() async throws {
        let bench = try Bench(Self.background(secondsPerStep: 0.1))
        let start = try await bench.run("start", "--detach")
        #expect(start.exit == 0 && start.output.contains("runs in the background"), "\(start.errors)")
        let watch = try await bench.bare("attach")
        #expect(watch.exit == 0 && watch.output.contains("0.2 completed"), "\(watch.output)\(watch.errors)")
        #expect(try bench.engine().phase == .ended(.completed))
        let log = try String(contentsOfFile: bench.out + "/coordinator.log", encoding: .utf8)
        #expect(log.contains("on_finish: `false` ended with"), "\(log)")
    }

    @Test func `a study that runs in the background is not started twice, and is stopped from elsewhere`()
        async throws
    {
        let bench = try Bench(Self.background(secondsPerStep: 60))
        #expect(try await bench.run("start", "--detach").exit == 0)
        let twice = try await bench.run("start", "--detach")
        #expect(twice.exit == 2 && twice.errors.contains("runs e2e already"), "\(twice.errors)")
        #expect(try await bench.run("stop").exit == 0)
        #expect(try bench.engine().phase == .ended(.stopped))
    }

    @Test func `a population that is killed ends as if never disturbed`() async throws {
        let (quiet, engine, bench) = try await disturbed(
            "population", at: ["0.3 completed", "0.7 proposed", "0.12 completed"])
        #expect(engine.trials.count == 20)
        #expect(engine.trials.map(\.assignment) == quiet.trials.map(\.assignment))
        #expect(engine.trials.map(\.origin?.run.trial) == quiet.trials.map(\.origin?.run.trial))
        #expect(engine.trials.contains { $0.membership.tookOver != nil })
        for file in ["lineage.txt", "lineage.svg", "schedule.json", "stage_0/best.json"] {
            #expect(FileManager.default.fileExists(atPath: bench.out + "/" + file), "\(file)")
        }
        let schedule = try await bench.bare("schedule", "--format", "csv")
        #expect(schedule.exit == 0 && schedule.output.contains("weight_decay"), "\(schedule.errors)")
    }

    @Test func `trials that wait at rungs survive a kill and go on from their checkpoints`() async throws {
        let (quiet, engine, _) = try await disturbed(
            "promotion", at: ["0.1 waits", "0.4 goes on", "0.9 proposed"])
        #expect(engine.trials.map(\.progress.step) == quiet.trials.map(\.progress.step))
        let best = try #require(engine.best)
        #expect(best.progress.step == 400 && best.runs.count { $0.start.checkpoint != nil } >= 4)
        let (continued, again) = engine.trials.reduce(into: (0, 0)) { sum, trial in
            let stops = Set(trial.runs.map { $0.start.checkpoint?.step ?? 0 } + [trial.progress.step])
                .sorted()
            sum.0 += trial.progress.step
            sum.1 += stops.dropFirst().reduce(0, +)
        }
        #expect(continued < again)
    }

    @Test func `a model that grows follows the best measured gain for its parameters, across a kill`()
        async throws
    {
        let (_, engine, bench) = try await disturbed("growth", at: ["0.1 proposed", "stage 0 closed"])
        #expect(engine.stages.count >= 2)
        for stage in engine.stages {
            // By hand, from what each trial reported: means over seeds, gain for each parameter added, of those
            // that gain more than the noise; what adds none comes first.
            let groups = Dictionary(grouping: stage.trials) { $0.repeats ?? $0.id.number }
            func mean(_ trials: [Trial]) -> (probability: Double, parameters: Double, count: Double)? {
                let losses = trials.compactMap { $0.result?.value }
                guard losses.count == trials.count else { return nil }
                return (
                    Foundation.exp(-losses.reduce(0, +) / Double(losses.count)),
                    trials[0].progress.measured["parameters"] ?? .nan, Double(losses.count)
                )
            }
            guard let base = groups[0].flatMap(mean) else { continue }
            let noise = stage.repeatNoise ?? 0
            let worth = groups.filter { $0.key != 0 }.compactMapValues(mean).compactMapValues {
                grown -> Double? in
                let gain = grown.probability - base.probability
                let variance =
                    base.probability * base.probability / base.count
                    + grown.probability * grown.probability / grown.count
                let added = grown.parameters - base.parameters
                guard gain > max(0, noise * variance.squareRoot()) else { return nil }
                return added > 0 ? gain / added : .infinity
            }
            let best = try #require(stage.best?.number)
            #expect(worth[best] == worth.values.max(), "stage \(stage.index): \(worth), chosen \(best)")
        }
        let results = try String(contentsOfFile: bench.out + "/results.yaml", encoding: .utf8)
        #expect(results.contains("baseline_metrics: {") && results.contains("chosen: {"))
    }

    @Test func `several objectives are measured, and end as a front`() async throws {
        let (_, engine, bench) = try await disturbed("objectives", at: ["0.3 completed"])
        #expect(engine.trials.filter { $0.result != nil }.allSatisfy { $0.further.count == 2 })
        let front = try await bench.bare("best", "--json")
        #expect(front.exit == 0 && front.output.contains("\"hypervolume\""), "\(front.errors)")
        #expect(FileManager.default.fileExists(atPath: bench.out + "/pareto.svg"))
        let report = try await bench.bare("report")
        #expect(report.exit == 0, "\(report.errors)")
    }

    @Test func `what a plugin does not measure is refused with its place`() async throws {
        let bench = try Bench(
            try Self.example("objectives").replacing("checkpoint_mib", with: "checkpoint_mb"))
        let check = try await bench.bare("check")
        #expect(check.exit == 2 && check.errors.contains("checkpoint_mib"), "\(check.errors)")
        #expect(check.errors.contains("study.yaml:"), "\(check.errors)")
    }

    @Test func `what does not go together is refused with its place`() async throws {
        let faults: [(String, String)] = [
            ("method: { kind: population, population: 1, generations: 2, steps: 5 }", "population"),
            ("method: { kind: population, population: 4, generations: 2, steps: 5, share: 0.6 }", "share"),
            ("method: { kind: sweep, steps: 3, points: [] }", "points"),
            ("method: { kind: sweep, steps: 3 }", "a list of values"),
            (
                "method: { kind: growth, baseline: { lr: 0.001 }, increments: {}, growth_steps: 2, steps: 3 }",
                "increments"
            ),
        ]
        for (method, word) in faults {
            let bench = try Bench(
                """
                trainer: { plugin: scripted }
                objective: { metric: loss }
                space: { lr: { type: float, low: 0.001, high: 0.1 } }
                \(method)
                """)
            let check = try await bench.bare("check")
            #expect(
                check.exit == 2 && check.errors.contains(word), "\(method): \(check.errors)\(check.output)")
            #expect(check.errors.contains("study.yaml:5:"), "\(check.errors)")
        }
    }
}
