import FleetModel
import Foundation
import StudyCore
import Testing

/// Processes killed for real, and trainers that misbehave.
@Suite(.serialized, .timeLimit(.minutes(5))) struct FaultTests {
    @Test(arguments: [1, 4, 9])
    func `a coordinator killed at any moment loses and doubles nothing`(decisions: Int) async throws {
        let bench = try Bench(Yaml.stages(2, trials: 4, steps: 50, secondsPerStep: 0.005))
        let first = try bench.begin("start")
        await first.lines(decisions)
        first.signal(SIGKILL)
        _ = await first.end()
        let second = try await bench.run("start")
        #expect(second.exit == 0, "\(second.errors)")
        #expect(try bench.engine().trials.count == 8)
        #expect(try bench.differences() == [])
        #expect(bench.runProcesses() == [])
    }

    @Test(arguments: [2, 6, 10])
    func `an agent killed at any moment loses and doubles nothing`(decisions: Int) async throws {
        let bench = try Bench(Yaml.stages(2, trials: 4, steps: 50, secondsPerStep: 0.005))
        let start = try bench.begin("start")
        await start.lines(decisions)
        let daemon = try #require(bench.daemon())
        kill(daemon, SIGKILL)
        let result = await start.end()
        #expect(result.exit == 0, "\(result.errors)")
        #expect(try bench.engine().trials.count == 8)
        #expect(try bench.engine().trials.allSatisfy { $0.runs.count == 1 })
        #expect(try bench.differences() == [])
        #expect(bench.runProcesses() == [])
    }

    @Test(arguments: [1, 5, 9])
    func `coordinator and agent killed together lose and double nothing`(decisions: Int) async throws {
        let bench = try Bench(Yaml.stages(2, trials: 4, steps: 50, secondsPerStep: 0.005))
        let first = try bench.begin("start")
        await first.lines(decisions)
        // After the first decision it may not have come up yet.
        if let daemon = bench.daemon() { kill(daemon, SIGKILL) }
        first.signal(SIGKILL)
        _ = await first.end()
        let second = try await bench.run("start")
        #expect(second.exit == 0, "\(second.errors)")
        let trials = try bench.engine().trials
        #expect(trials.count == 8)
        #expect(trials.allSatisfy { $0.hasEnded && $0.faults == 0 })
        #expect(try bench.differences() == [])
        #expect(bench.runProcesses() == [])
    }

    @Test func `a plugin that is killed is tried again from its checkpoint`() async throws {
        let bench = try Bench(
            Yaml.search(trials: 1, steps: 60, secondsPerStep: 0.05))
        let start = try bench.begin("start")
        try await bench.reach(step: 25, of: start)
        for pid in bench.runProcesses() { kill(pid, SIGKILL) }
        let result = await start.end()
        #expect(result.exit == 0, "\(result.errors)")
        let trial = try #require(try bench.engine().trials.first)
        #expect(trial.runs.count == 2)
        guard case .resume(let checkpoint)? = trial.runs.last?.start else {
            return #expect(Bool(false), "the second run started \(trial.runs.last!.start)")
        }
        #expect(checkpoint.step >= 20)
        #expect(trial.faults == 1)
    }

    @Test func `Ctrl-C leaves runs going, and starting again takes up what they did`() async throws {
        let bench = try Bench(Yaml.search(trials: 3, steps: 100, secondsPerStep: 0.03))
        let first = try bench.begin("start")
        _ = await first.line { $0.contains("proposed") }
        try await bench.reach(step: 5, of: first)
        first.signal(SIGINT)
        let left = await first.end()
        #expect(left.exit == 1)
        #expect(left.output.contains("go on under the agent"))
        #expect(!bench.runProcesses().isEmpty)
        #expect(try await bench.run("start").exit == 0)
        #expect(try bench.engine().trials.allSatisfy { $0.runs.count == 1 })
        #expect(try bench.differences() == [])
    }

    @Test(arguments: [true, false])
    func `stop pauses a study with its state saved, and start goes on from there`(isAttended: Bool)
        async throws
    {
        let bench = try Bench(Yaml.search(trials: 3, steps: 100, secondsPerStep: 0.03))
        let first = try bench.begin("start")
        try await bench.reach(step: 10, of: first)
        if !isAttended {
            first.signal(SIGINT)
            _ = await first.end()
        }
        let stop = try await bench.run("stop")
        #expect(stop.exit == 0, "\(stop.errors)")
        #expect(bench.runProcesses() == [])
        #expect(try bench.engine().phase == .ended(.stopped))
        let again = try await bench.run("start")
        #expect(again.exit == 0, "\(again.errors)")
        let trials = try bench.engine().trials
        #expect(trials.allSatisfy { $0.result != nil })
        #expect(trials.contains { trial in trial.runs.count == 2 })
    }

    /// Each fault of a trainer, and how its trial's ending names it.
    static let faults: [(setting: String, says: String)] = [
        ("crash_at_step: 5, crash_exit: 3", "exit code 3"),
        ("crash_signal: 11, crash_at_step: 5", "signal 11"),
        ("nan_at_step: 5", "loss is nan at step 5"), ("out_of_memory_at_step: 5", "CUDA out of memory"),
        ("silence_at_step: 5", "silent for 1.0 s"),
    ]

    @Test(arguments: faults)
    func `a trial that misbehaves fails with its reason and the study goes on`(setting: String, says: String)
        async throws
    {
        let bench = try Bench(Yaml.search(trials: 3, settings: setting + ", only_trials: [1]"))
        let result = try await bench.run("start")
        #expect(result.exit == 0, "\(result.errors)")
        let states = try bench.engine().trials.map { "\($0.state)" }
        #expect(states[1].contains("failed") && states[1].contains(says), "found \(states[1])")
        #expect(states[0].contains("completed") && states[2].contains("completed"))
        #expect(bench.runProcesses() == [])
    }

    @Test func `garbage among the output is noted and the trial goes on`() async throws {
        let bench = try Bench(Yaml.search(trials: 1, settings: "garbage_at_step: 5"))
        #expect(try await bench.run("start").exit == 0)
        #expect(try bench.engine().trials[0].result != nil)
    }

    @Test func `when every trial of a stage fails, the study stops and says why`() async throws {
        let bench = try Bench(Yaml.search(trials: 3, settings: "crash_at_step: 3"))
        let result = try await bench.run("start")
        #expect(result.exit == 1)
        #expect(result.output.contains("no trial of stage 0 completed: of 3, 3 failed"))
        let trials = try await bench.run("trials")
        #expect(trials.output.contains("exit code"))
    }
}

extension Bench {
    /// Waits until a trial has come to `step`, as the journal says it.
    func reach(step: Int, of coordinator: Running) async throws {
        while coordinator.isRunning {
            if FileManager.default.fileExists(atPath: journal),
                try engine().trials.contains(where: { $0.progress.step >= step })
            {
                return
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        Issue.record("the coordinator ended before step \(step)")
    }
}
