import FleetLink
import FleetModel
import Foundation
import Spawn
import StudyCore
import Testing

/// Whole studies with the built programs, from the command line to the files.
@Suite(.serialized, .timeLimit(.minutes(5))) struct StudyRunTests {
    @Test func `a staged study runs to its end and leaves its tree of results`() async throws {
        let bench = try Bench(Yaml.stages(2, trials: 3))
        let result = try await bench.run("start")
        #expect(result.exit == 0, "\(result.errors)")
        #expect(result.output.contains("e2e-"))
        let tree = bench.tree()
        for file in [
            "study.sqlite", "hpo_summary.csv", "schedule.json", "stage_0/best.json", "stage_1/best.json",
            "stage_0/ckpt", "stage_1/ckpt", "stage_0/trial_0/trial.json", "stage_0/trial_2/metrics.jsonl",
            "stage_1/trial_1/stdout.log",
        ] {
            #expect(tree.contains(file), "\(file) is missing from \(tree)")
        }
        #expect(try bench.text("hpo_summary.csv").split(separator: "\r\n").count == 7)
        #expect(try bench.differences() == [])
        #expect(bench.runProcesses() == [])
    }

    @Test(arguments: [[], ["--json"]])
    func `what cannot be printed is a failure`(options: [String]) throws {
        let bench = try Bench(Yaml.search(trials: 1))
        let full = open("/dev/full", O_WRONLY | O_CLOEXEC)
        let errors = try Spawn.Pipe()
        var program = Program([bench.programs + "/coordinator", "check", bench.study] + options)
        (program.output, program.errors) = (full, errors.writing)
        let end = try program.spawn().wait()
        for descriptor in [full, errors.writing] { close(descriptor) }
        defer { close(errors.reading) }
        #expect(end.code == 1)
        guard case .bytes(let said) = receive(errors.reading) else { throw Unseen(description: "no word") }
        #expect(
            String(decoding: said, as: UTF8.self)
                == "the output could not be written: No space left on device\n")
    }

    @Test func `a study goes on where nobody reads what it prints, as behind head`() async throws {
        let bench = try Bench(Yaml.search(trials: 4, steps: 10))
        let pipe = try Spawn.Pipe()
        close(pipe.reading)
        var program = Program([
            bench.programs + "/coordinator", "start", bench.study, "--agent-home", bench.home,
        ])
        program.environment = [CoordinatorHome.variable: bench.folder + "/head"]
        (program.output, program.errors, program.folder) = (pipe.writing, pipe.writing, bench.folder)
        let start = try program.spawn()
        close(pipe.writing)
        let end = await withCheckedContinuation { continuation in
            onOwnThread { continuation.resume(returning: start.wait()) }
        }
        #expect(end == .exit(0))
        #expect(try bench.engine().trials.count { $0.result != nil } == 4)
    }

    @Test func `status, trials and best answer while the study runs and after it, as text and as JSON`()
        async throws
    {
        let bench = try Bench(Yaml.search(trials: 4, steps: 60, secondsPerStep: 0.01))
        let start = try bench.begin("start")
        _ = await start.line { $0.contains("completed") }
        for verb in ["status", "trials", "best"] {
            #expect(try await bench.run(verb).exit == 0)
            let json = try await bench.run(verb, "--json")
            #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(json.output.utf8)) }
        }
        #expect(await start.end().exit == 0)
        #expect(try await bench.run("status").output.contains("completed"))
    }

    @Test func `starting a study that has ended shows its results again and changes nothing`() async throws {
        let bench = try Bench(Yaml.search(trials: 2))
        #expect(try await bench.run("start").exit == 0)
        let before = try bench.engine()
        #expect(try await bench.run("start").exit == 0)
        #expect(try bench.engine() == before)
    }

    @Test func `a second coordinator of the same study is refused with the first one's process`() async throws
    {
        let bench = try Bench(Yaml.search(trials: 2, steps: 100, secondsPerStep: 0.1))
        let first = try bench.begin("start")
        _ = await first.line { $0.contains("proposed") }
        let second = try await bench.run("start")
        #expect(second.exit == 1)
        #expect(second.errors.contains("\(first.pid)"))
        #expect(await first.end().exit == 0)
    }

    @Test func `a study file that was changed meanwhile is refused, naming what differs`() async throws {
        let bench = try Bench(Yaml.search(trials: 2))
        #expect(try await bench.run("start").exit == 0)
        let changed = try String(contentsOfFile: bench.study, encoding: .utf8).replacing(
            "seed: 5", with: "seed: 6")
        try changed.write(toFile: bench.study, atomically: true, encoding: .utf8)
        let again = try await bench.run("start")
        #expect(again.exit == 2)
        #expect(again.errors.contains("seed"))
    }

    @Test func `same seed, one trial at a time: the same proposals and decisions`() async throws {
        let yaml = Yaml.stages(
            2, trials: 5,
            extra: "pruner: { kind: asha, min_step: 5, reduction_factor: 2 }\nresources: { parallel: 1 }")
        var told: [[TrialRecord]] = []
        for _ in 0..<2 {
            let bench = try Bench(yaml)
            #expect(try await bench.run("start").exit == 0)
            told.append(try bench.engine().trials.map(TrialRecord.init))
        }
        #expect(told[0] == told[1])
        #expect(told[0].contains { $0.state.contains("pruned") })
    }

    /// What must be the same in two runs of a study.
    struct TrialRecord: Equatable {
        let assignment: Assignment
        let state: String

        init(_ trial: Trial) {
            assignment = trial.assignment
            state = "\(trial.state)"
        }
    }
}

extension StudyRunTests {
    @Test func `a study stays with the agent's home that it was begun with`() async throws {
        let bench = try Bench(Yaml.search(trials: 2))
        #expect(try await bench.run("start").exit == 0)
        let elsewhere = try await bench.bare("start", "--agent-home", bench.folder + "/other")
        #expect(elsewhere.exit == 2)
        #expect(elsewhere.errors.contains("start it without --agent-home"))
        #expect(try await bench.bare("start").exit == 0)
        #expect(!FileManager.default.fileExists(atPath: bench.folder + "/other"))
    }

    @Test func `two studies share one machine, and no slot is ever held by two runs`() async throws {
        let first = try Bench(Yaml.search(trials: 6, steps: 30, secondsPerStep: 0.005), name: "one")
        let second = try Bench(
            Yaml.search(trials: 6, steps: 30, secondsPerStep: 0.005), name: "two", sharing: first)
        let starts = [try first.begin("start"), try second.begin("start")]
        for start in starts {
            let result = await start.end()
            #expect(result.exit == 0, "\(result.errors)")
        }
        for bench in [first, second] {
            #expect(try bench.engine().trials.allSatisfy { $0.result != nil })
            #expect(try bench.differences() == [])
        }
        let (begun, faults) = try first.holders()
        #expect(begun == 12)
        #expect(faults == [])
    }
}

extension Bench {
    /// How many runs began, as the agent's log has it, and those that began on a slot that another had not
    /// left.
    fileprivate func holders() throws -> (begun: Int, faults: [String]) {
        var holders: [Substring: Substring] = [:]
        var faults: [String] = []
        var count = 0
        for line in try String(contentsOfFile: home + "/agent.log", encoding: .utf8).split(separator: "\n") {
            let words = line.split(separator: " ")
            if let began = words.firstIndex(of: "began") {
                count += 1
                for slot in words[(began + 2)...].map({ $0.prefix { $0 != "," } }) {
                    if let other = holders.updateValue(words[began - 1], forKey: slot) {
                        faults.append("\(words[began - 1]) began on \(slot), which \(other) held")
                    }
                }
            } else if line.contains("is over"), words.count > 2 {
                holders = holders.filter { $0.value != words[2] }
            }
        }
        return (count, faults + holders.map { "\($0.value) never left \($0.key)" })
    }
}
