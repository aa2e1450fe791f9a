import Foundation
import Testing

@Suite(.timeLimit(.minutes(5))) struct BadInputTests {
    @Test func `a wrong study file is refused with every problem's place, and nothing is created`()
        async throws
    {
        let yaml = Yaml.search()
            .replacing("low: 1e-5, high: 1e-1", with: "low: 1e-1, high: 1e-5")
            .replacing("seed: 5", with: "sead: 5")
        let bench = try Bench(yaml)
        for verb in ["check", "start"] {
            let result = try await bench.run(verb)
            #expect(result.exit == 2)
            #expect(result.errors.contains("study.yaml:9:"))
            #expect(result.errors.contains("sead, expected"))
            #expect(result.errors.contains("did you mean seed?"))
        }
        #expect(!FileManager.default.fileExists(atPath: bench.out))
        #expect(!FileManager.default.fileExists(atPath: bench.home))
    }

    @Test func `a setting that the plugin does not know is named with its place and the nearest one`()
        async throws
    {
        let bench = try Bench(Yaml.search(settings: "crash_at_stepp: 5"))
        let result = try await bench.run("start")
        #expect(result.exit == 2)
        #expect(result.errors.contains("study.yaml:6:"))
        #expect(result.errors.contains("did you mean crash_at_step?"))
        #expect(!FileManager.default.fileExists(atPath: bench.out))
    }

    @Test func `a plugin that is not there is named with those that are`() async throws {
        let bench = try Bench(Yaml.search().replacing("plugin: scripted", with: "plugin: scriptid"))
        let result = try await bench.run("check")
        #expect(result.exit == 2)
        #expect(result.errors.contains("did you mean scripted?"))
    }

    @Test func `data that does not exist is found before anything runs`() async throws {
        let yaml = Yaml.search().replacing("plugin: scripted", with: "plugin: native")
            .replacing("checkpoint_every: 10, seconds_per_step: 0.002", with: "data: [/nowhere]")
        let bench = try Bench(yaml)
        let result = try await bench.run("start")
        #expect(result.exit == 2)
        #expect(result.errors.contains("/nowhere"))
    }

    @Test func `commands that read the study file itself do not offer to take its folder`() async throws {
        let bench = try Bench(Yaml.search())
        for verb in ["start", "fork", "check"] {
            let help = try await bench.bare(verb, "--help").output
            #expect(help.contains("The study file.") && !help.contains("or the study's folder"), "\(help)")
        }
        #expect(try await bench.bare("status", "--help").output.contains("or the study's folder"))
    }

    @Test func `asking about a study that was never started says how to start it`() async throws {
        let bench = try Bench(Yaml.search())
        for verb in ["status", "trials", "best", "stop"] {
            let result = try await bench.run(verb)
            #expect(result.exit == 2)
            #expect(result.errors.contains("coordinator start"))
        }
    }
}
