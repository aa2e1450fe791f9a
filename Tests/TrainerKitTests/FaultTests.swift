import FleetModel
import Glibc
import Testing
import TrainerKitTesting
import Wire

/// The ways in which a run ends, with real processes.
@Suite struct FaultTests {
    private func ending(scripted settings: [String: JSON], silence: Double = 60) throws -> Rehearsal {
        let run = try TrainerContract.scripted(settings).rehearsal(silence: silence, grace: 0.1)
        #expect(try run.run() == 0)
        #expect(!run.hasSurvivors)
        return run
    }

    private func ending(
        perl program: String, settings: [String: JSON] = [:], silence: Double = 60
    ) throws -> Rehearsal {
        let run = try TrainerContract.perl(program, settings: settings).rehearsal(
            silence: silence, grace: 0.1)
        #expect(try run.run() == 0)
        #expect(!run.hasSurvivors)
        return run
    }

    private func cause(_ run: Rehearsal) -> RunFailure.Cause? {
        guard case .failed(let failure) = run.ending else { return nil }
        return failure.cause
    }

    @Test func `a trial whose loss is NaN is stopped`() throws {
        let run = try ending(scripted: ["nan_at_step": .int(5)])
        #expect(cause(run) == .notFinite(metric: "loss", step: 5, reading: .notFinite(.nan)))
        #expect(run.reports.last?.metrics["loss"] == .notFinite(.nan))
    }

    @Test func `a program that reports NaN and goes on is stopped`() throws {
        let run = try ending(
            perl: #"$| = 1; for (1..9) { print qq({"step": $_, "loss": NaN}\n); sleep 60 }"#)
        #expect(cause(run) == .notFinite(metric: "loss", step: 1, reading: .notFinite(.nan)))
    }

    @Test func `another metric may be NaN`() throws {
        let run = try ending(perl: #"print qq({"step": 20, "loss": 1, "grad_norm": NaN}\n)"#)
        #expect(run.ending == .completed)
        #expect(run.reports.last?.metrics["grad_norm"] == .notFinite(.nan))
    }

    @Test func `a crash keeps its exit code and last words`() throws {
        let run = try ending(scripted: ["crash_at_step": .int(5), "crash_exit": .int(42)])
        #expect(
            run.ending == .failed(RunFailure(.crashed(exit: 42), lastLines: ["scripted crash at step 5"])))
        #expect(run.reports.last?.step == 4)
    }

    @Test func `a crash by a signal keeps the signal`() throws {
        let run = try ending(scripted: ["crash_at_step": .int(5), "crash_signal": .int(Int(SIGSEGV))])
        #expect(cause(run) == .killed(signal: Int(SIGSEGV)))
    }

    @Test func `memory that ran out is told from other crashes`() throws {
        let run = try ending(scripted: ["out_of_memory_at_step": .int(5)])
        guard case .outOfMemory(let line) = cause(run) else { throw BrokenPromise("\(run.events.suffix(1))") }
        #expect(line.contains("CUDA out of memory"))
    }

    @Test func `words about memory are no fault when the trainer goes on`() throws {
        let run = try ending(
            perl: #"print STDERR "CUDA out of memory, retrying\n"; print qq({"step": 20, "loss": 1}\n)"#)
        #expect(run.ending == .completed)
    }

    @Test func `a silent trainer is killed`() throws {
        let run = try ending(scripted: ["silence_at_step": .int(5)], silence: 0.3)
        #expect(cause(run) == .silent(seconds: 0.3))
    }

    @Test func `a trainer that ignores SIGTERM is killed in the end`() throws {
        let contract = try TrainerContract.scripted(["ignore_stop": .bool(true)])
        let run = try contract.rehearsal(steps: 1_000_000, grace: 0.1)
        try run.start()
        try run.wait(for: "a report") { !run.reports.isEmpty }
        try run.order(StopOrder(save: false, reason: "test"))
        #expect(try run.wait() == 0)
        #expect(run.ending == .stopped)
        #expect(!run.hasSurvivors)
    }

    @Test func `a daemon that a trainer leaves behind does not survive it`() throws {
        let run = try ending(
            perl: """
                use POSIX; print qq({"step": 20, "loss": 1}\\n);
                if (fork() == 0) { setsid(); if (fork() == 0) { $SIG{TERM} = 'IGNORE'; sleep 600 } exit }
                """)
        #expect(run.ending == .completed)
    }

    @Test func `garbage on the outputs is passed over`() throws {
        let run = try ending(scripted: ["garbage_at_step": .int(5)])
        #expect(run.ending == .completed)
        #expect(run.reports.count == 20)
    }

    @Test func `a trainer that floods its output is still stopped`() throws {
        let run = try TrainerContract.perl(#"while (1) { print "x" x 100, "\n" }"#).rehearsal(grace: 0.1)
        try run.start()
        try run.wait(for: "the flood") { !run.text(of: "stdout.log").isEmpty }
        try run.order(StopOrder(save: false, reason: "test"))
        #expect(try run.wait() == 0)
        #expect(run.ending == .stopped)
    }

    @Test func `a stop order that was there first keeps the trainer from starting`() throws {
        let run = try TrainerContract.scripted().rehearsal()
        try run.order(StopOrder(save: false, reason: "test"))
        try run.run()
        #expect(run.reports.isEmpty)
        #expect(run.ending == .stopped)
    }

    @Test func `a trainer that never reports the metric has failed, and is told what it reported`() throws {
        let run = try ending(perl: #"print qq({"step": 20, "validation": 1}\n)"#)
        guard case .refused(let reason) = cause(run) else { throw BrokenPromise("\(run.events.suffix(1))") }
        #expect(reason.contains("without reporting loss; it reported: validation"))
    }

    @Test func `a trainer that ends early by itself is complete, with a note`() throws {
        let run = try ending(perl: #"print qq({"step": 7, "loss": 1}\n)"#)
        #expect(run.ending == .completed)
        #expect(run.notes == ["the trainer ended by itself at step 7 of 20"])
    }

    @Test func `a trainer that goes on beyond the last step is stopped and complete`() throws {
        let run = try ending(
            perl: #"$| = 1; for (my $s = 10; ; $s += 10) { print qq({"step": $s, "loss": 1}\n) }"#)
        #expect(run.ending == .completed)
        #expect(run.reports.map(\.step) == [10, 20])
    }

    @Test func `a plugin that is told to end blames the node`() throws {
        let run = try TrainerContract.scripted().rehearsal(steps: 1_000_000)
        try run.start()
        try run.wait(for: "a report") { !run.reports.isEmpty }
        guard case .started(let pid, _) = run.events.first else { throw BrokenPromise("no start") }
        kill(pid, SIGTERM)
        #expect(try run.wait() == 0)
        #expect(cause(run) == .node(reason: "the plugin was told to end by signal 15"))
        #expect(!run.hasSurvivors)
    }

    @Test func `settings that are wrong end the run with all their faults`() throws {
        let run = try ending(scripted: ["curve": .string("constnat"), "noise": .int(-1)])
        guard case .refused(let reason) = cause(run) else { throw BrokenPromise("\(run.events.suffix(1))") }
        #expect(reason.contains("did you mean constant?") && reason.contains("trainer.settings.noise"))
    }

    @Test func `only the named trials are struck`() throws {
        let contract = try TrainerContract.scripted([
            "crash_at_step": .int(5), "only_trials": .array([.int(3)]),
        ])
        let endings = try (2...4).map { trial in
            let run = try contract.rehearsal(trial: trial)
            try run.run()
            return run.ending
        }
        #expect(endings[0] == .completed && endings[2] == .completed)
        #expect(endings[1] != .completed)
    }

    @Test func `a line that a crash left torn is cut off`() throws {
        let run = try TrainerContract.scripted().rehearsal()
        try run.write(#"{"started":{"pid":1,"startTime":1}}"# + "\n" + #"{"rep"#, to: "events.jsonl")
        try run.run()
        #expect(
            run.events == [.started(pid: 1, startTime: 1), .ended(ending: .failed(RunFailure(.vanished)))])
    }

    @Test func `a full disk ends the plugin with an error and leaves whole lines`() throws {
        let run = try TrainerContract.scripted().rehearsal(steps: 1_000_000)
        run.launcher = ["prlimit", "--fsize=4096"]
        #expect(try run.run() == 1)
        let text = run.text(of: "events.jsonl")
        #expect(text.hasSuffix("}\n") && text.utf8.count > 3_900)
        #expect(run.text(of: "stderr.log").contains("events.jsonl"))
        #expect(!run.hasSurvivors)
    }

    @Test func `a run sees its own slots only`() throws {
        let contract = try TrainerContract.perl(
            #"print "$ENV{CUDA_VISIBLE_DEVICES};$ENV{CUDA_DEVICE_ORDER};$ENV{ITERHPO_TRIAL_FOLDER}\n""#)
        let run = try contract.rehearsal(slots: [.gpu(index: 2), .gpu(index: 5)])
        try run.run()
        #expect(run.text(of: "stdout.log") == "2,5;PCI_BUS_ID;\(run.folder.path)\n")
    }

    @Test func `a run on cores uses as many threads, and no GPU`() throws {
        let contract = try TrainerContract.perl(
            #"print "$ENV{OMP_NUM_THREADS};$ENV{CUDA_VISIBLE_DEVICES}\n""#)
        let run = try contract.rehearsal(slots: [.cpu(index: 0), .cpu(index: 3)])
        try run.run()
        #expect(run.text(of: "stdout.log") == "2;\n")
    }

    @Test func `of many processes on one folder one runs`() throws {
        let run = try TrainerContract.scripted().rehearsal()
        let crowd = (0..<8).map { _ in run.twin() }
        for twin in crowd { try twin.start() }
        for twin in crowd { #expect(try twin.wait() == 0) }
        #expect(run.events.filter { if case .started = $0 { true } else { false } }.count == 1)
        #expect(run.ending == .completed)
    }

    @Test func `a study folder that the node lacks is no fault`() throws {
        var contract = try TrainerContract.scripted()
        contract.baseFolder = "/no/such/folder"
        let run = try contract.rehearsal()
        try run.run()
        #expect(run.ending == .completed)
    }
}
