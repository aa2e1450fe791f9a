import FleetModel
import Foundation
import StudyCore
import Testing

/// Studies that are extended, forked, replayed and reported on, with real processes.
@Suite(.timeLimit(.minutes(5))) struct ChangedStudyTests {
    @Test func `a finished study goes on with more stages, across a kill`() async throws {
        let bench = try Bench(Yaml.stages(2, trials: 3))
        #expect(try await bench.run("start").exit == 0)
        let first = try bench.begin("start", "--stages", "+1")
        _ = await first.line { $0.contains("2.0 proposed") }
        first.signal(SIGKILL)
        _ = await first.end()
        let second = try await bench.run("start")
        #expect(second.exit == 0, "\(second.errors)")
        let engine = try bench.engine()
        #expect(engine.stages.map(\.trials.count) == [3, 3, 3])
        #expect(engine.overrides == [Override(path: ["method", "stages"], value: .int(3))])
        let again = try await bench.run("start", "--override", "trainer.settings.layers=4")
        #expect(again.exit == 2 && again.errors.contains("changes the model's shape"))
        let elsewhere = try await bench.run("start", "--stages", "none")
        #expect(elsewhere.exit == 2 && elsewhere.errors.contains("or so many more as +2"))
    }

    @Test func `a fork has the old stages' results and trains on from their checkpoint`() async throws {
        let bench = try Bench(Yaml.stages(2, trials: 3))
        #expect(try await bench.run("start").exit == 0)
        let early = try await bench.run("fork", "--at-stage", "5", "--name", "late")
        #expect(early.exit == 2 && early.errors.contains("expected a stage from 1 to 2, found 5"))
        let fork = try await bench.run("fork", "--at-stage", "1", "--name", "other", "--plain")
        #expect(fork.exit == 0, "\(fork.errors)")
        let folder = bench.folder + "/other"
        for file in ["stage_0/trial_0/trial.json", "stage_0/best.json", "stage_1/best.json", "schedule.json"]
        {
            #expect(FileManager.default.fileExists(atPath: folder + "/" + file), "\(file)")
        }
        let again = try await bench.run("fork", "--at-stage", "1", "--name", "other")
        #expect(again.exit == 2 && again.errors.contains("already there"))
    }

    @Test func `a replayed schedule comes to the study's own loss, and is in its folder`() async throws {
        let bench = try Bench(Yaml.stages(2, trials: 3))
        let none = try await bench.run("schedule", "--format", "csv")
        #expect(none.exit == 2, "\(none.errors)")
        #expect(try await bench.run("start").exit == 0)
        let replay = try await bench.run("replay-schedule", "--json")
        #expect(replay.exit == 0, "\(replay.errors)")
        #expect(replay.output.contains("\"phase\" : \"completed\""))
        #expect(FileManager.default.fileExists(atPath: bench.out + "/replay/stage_1/trial_0/trial.json"))
        let csv = try await bench.run("schedule", "--format", "csv")
        #expect(csv.output.hasPrefix("first_step,last_step,lr\n1,40,"))
        let wrong = try await bench.run("schedule", "--format", "yaml")
        #expect(
            wrong.exit == 2 && wrong.errors.contains("expected one of csv, python, huggingface, megatron"))
        let megatron = try await bench.run("schedule", "--format", "megatron")
        #expect(megatron.exit == 2 && megatron.errors.contains("--batch-size"))
    }

    @Test func `a report is one file that a browser can show`() async throws {
        let bench = try Bench(Yaml.search(trials: 6))
        let none = try await bench.run("report")
        #expect(none.exit == 2 && none.errors.contains("no study was started here"))
        #expect(try await bench.run("start").exit == 0)
        let report = try await bench.run("report")
        #expect(report.exit == 0 && report.output == bench.out + "/report.html", "\(report.errors)")
        #expect(try bench.text("report.html").hasPrefix("<!doctype html>"))
        let importance = try await bench.run("importance", "--json")
        #expect(importance.exit == 0 && importance.output.contains("\"parameter\" : \"lr\""))
    }
}
