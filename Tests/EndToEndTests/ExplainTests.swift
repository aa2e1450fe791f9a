import Foundation
import Testing
import Wire

/// What trials would start, and the plugins that say it.
@Suite(.timeLimit(.minutes(5))) struct ExplainTests {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static let studies =
        (try? FileManager.default.contentsOfDirectory(atPath: root.path + "/deploy/studies"))?
        .filter { $0.hasSuffix(".yaml") }.sorted() ?? []

    private func coordinator(_ arguments: [String], in bench: Bench) async throws -> Running.Result {
        await (try Running(bench.programs + "/coordinator", arguments, in: bench.folder)).end()
    }

    private func explained(_ arguments: String...) async throws -> [String: Any] {
        let bench = try Bench(Yaml.search())
        let study = Self.root.path + "/deploy/studies/megatron-350m.yaml"
        let result = try await coordinator(["explain", study, "--json"] + arguments, in: bench)
        #expect(result.exit == 0, "\(result.errors)")
        let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
        return try #require(object as? [String: Any])
    }

    @Test(arguments: studies)
    func `the example studies are right`(study: String) async throws {
        let path = Self.root.path + "/deploy/studies/" + study
        let result = try await coordinator(["check", path], in: try Bench(Yaml.search()))
        #expect(result.exit == 0, "\(result.errors)")
    }

    @Test func `a Megatron trial is explained on a machine without Megatron`() async throws {
        let answer = try await explained("--params", "lr=1e-4,batch_size=64", "--steps", "500")
        let argv = try #require(answer["argv"] as? [String])
        for pair in [["--lr", "0.0001"], ["--global-batch-size", "64"], ["--exit-interval", "500"]] {
            #expect(argv.firstIndex(of: pair[0]).map { argv[$0 + 1] } == pair[1])
        }
        #expect(!argv.contains("--load"))
        #expect((answer["environment"] as? [String: String])?["CUDA_VISIBLE_DEVICES"] == "0,1,2,3,4,5,6,7")
        #expect((answer["assumed"] as? [String: Double])?.keys.sorted() == ["weight_decay"])
    }

    @Test func `a warm start is explained with what runs before it`() async throws {
        let answer = try await explained(
            "--params", "lr=1e-4,batch_size=64", "--steps", "500", "--from", "/elsewhere/iter_0001000")
        let argv = try #require(answer["argv"] as? [String])
        #expect(argv.contains("--override-opt_param-scheduler"))
        #expect(argv.firstIndex(of: "--exit-interval").map { argv[$0 + 1] } == "1500")
        let before = try #require(answer["before"] as? [[String]])
        #expect(before.first?.contains("/elsewhere/iter_0001000") == true)
        #expect((answer["files"] as? [String: Any])?.keys.first?.hasSuffix("patch_checkpoint.py") == true)
    }

    @Test func `wrong words are wrong input`() async throws {
        let bench = try Bench(Yaml.search())
        for wrong in [
            ["--params", "lrr=1"], ["--params", "lr"], ["--params", "lr=fast"], ["--nodes", "0"],
        ] {
            let result = try await coordinator(["explain", bench.study] + wrong, in: bench)
            #expect(result.exit == 2, "\(wrong): \(result.output)")
        }
    }

    @Test func `plugins are listed and shown`() async throws {
        let bench = try Bench(Yaml.search())
        try bench.enrol("other")
        let list = try await coordinator(["plugins", "list"], in: bench)
        for name in ["command", "megatron", "native", "scripted"] { #expect(list.output.contains(name)) }
        #expect(list.output.contains("\(Hello.currentVersion) on other"))
        let alone = try await coordinator(["plugins", "list", "--here"], in: bench)
        #expect(alone.output.contains("native") && !alone.output.contains("other"))
        let shown = try await coordinator(["plugins", "show", "megatron"], in: bench)
        #expect(shown.output.contains("warm_start"))
        #expect(shown.output.contains("other \(Hello.currentVersion)"))
        let unknown = try await coordinator(["plugins", "show", "megatorn"], in: bench)
        #expect(unknown.exit == 2 && unknown.errors.contains("did you mean megatron?"))
    }

    @Test func `a new plugin is the one of the guide, and is never written over another`() async throws {
        let bench = try Bench(Yaml.search())
        let new = ["plugins", "new", "mine", "--kit", Self.root.path, "--into", bench.folder + "/mine"]
        #expect(try await coordinator(new, in: bench).exit == 0)
        let source = try String(
            contentsOfFile: bench.folder + "/mine/Sources/mine/Mine.swift", encoding: .utf8)
        let guide = try String(contentsOfFile: Self.root.path + "/plugins/README.md", encoding: .utf8)
        #expect(guide.contains(source))
        #expect(source.split(separator: "\n", omittingEmptySubsequences: false).count <= 41)
        #expect(try await coordinator(new, in: bench).exit == 2)
        #expect(try await coordinator(["plugins", "new", "../mine"], in: bench).exit == 2)
    }
}
