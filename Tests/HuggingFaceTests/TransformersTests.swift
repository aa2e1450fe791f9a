import FleetModel
import Foundation
import Testing
import TrainerKitTesting
import Wire

/// The plugin with real transformers on CPU; each start is seven seconds of a core.
@Suite(.enabled(if: Transformers.isHere, "make test-hf runs these"))
struct HuggingFaceTransformersTests {
    @Test(arguments: TrainerContract.Promise.allCases)
    func `huggingface keeps the contract around transformers`(_ promise: TrainerContract.Promise) throws {
        try Transformers.contract().verify(promise)
    }

    @Test func `three stages with new learning rates and batch sizes use what each trial says`() throws {
        var checkpoint: String?
        var runs: [Rehearsal] = []
        for (lr, batch) in [(1e-3, 4), (2.5e-4, 6), (7e-4, 3)] {
            let start = checkpoint.map { RunSpec.Start.warm(from: $0) } ?? .fresh
            let run = try Transformers.contract(lr: lr, batch: batch).rehearsal(start: start)
            try run.complete()
            let used = run.readings("learning_rate")
            #expect(Set(used.values) == [lr] && used.keys.contains(1))
            #expect(Set(run.readings("global_batch_size").values) == [Double(batch)])
            let saved: String = try #require(run.checkpoint(ofStep: 8))
            #expect(try Transformers.learningRate(in: saved) == lr)
            checkpoint = saved
            runs.append(run)
        }
        // 8 × 4 = 32 samples; 30 is where batches of 6 come nearest without leaving any out, and so on.
        #expect(runs.map { $0.readings("consumed_samples")[8] } == [32, 30 + 48, 78 + 24])
        #expect(runs[1].notes.contains { $0.contains("begin at sample 30: 2 are read again") })
        #expect(runs[2].notes == [])
        // The optimiser's moments went on: a new one would have counted 8 steps.
        let steps = try Transformers.say(
            """
            import sys, torch
            print(int(torch.load(sys.argv[1] + "/optimizer.pt")["state"][0]["step"]))
            """, checkpoint ?? "")
        #expect(steps == "24\n")
    }

    @Test func `a schedule with warm-up spans the trial, at every warm start anew, without alarm`() throws {
        let args: [String: JSON] = ["lr_scheduler_type": .string("cosine"), "warmup_steps": .int(3)]
        let first = try Transformers.contract(args).rehearsal()
        try first.complete()
        let from = try #require(first.checkpoint(ofStep: 8))
        let second = try Transformers.contract(args, ["log_every": .int(1)], lr: 1e-4)
            .rehearsal(start: .warm(from: from))
        try second.complete()
        let used = second.readings("learning_rate")
        #expect(used[1] == 0)
        #expect(used[4] == 1e-4)
        #expect(used.values.max() == 1e-4)
        #expect((used[8] ?? 1) < 1e-5)
    }

    @Test func `a stopped run saves and goes on bit by bit as if it had not been stopped`() throws {
        let contract = Transformers.contract([:], ["log_every": .int(1)])
        let (whole, resumed, step) = try contract.wholeAndResumed(steps: 60)
        let rest = whole.readings("loss").filter { $0.key > step }
        #expect(resumed.readings("loss") == rest)
        #expect(!rest.isEmpty)
    }

    @Test func `what a trial costs is measured`() throws {
        let counted: [String: JSON] = ["include_num_input_tokens_seen": .bool(true)]
        let run = try Transformers.contract(counted).rehearsal()
        try run.complete()
        let parameters = run.readings("parameters")
        #expect(parameters.keys.sorted() == run.reports.map(\.step))
        #expect(parameters.values.allSatisfy { $0 == parameters[8] && $0 > 1000 })
        #expect(run.readings("peak_memory_mib").values.allSatisfy { (50...100_000).contains($0) })
        // The first step of a process is not timed.
        #expect(run.readings("step_ms").keys.sorted() == [2, 4, 6, 8])
        #expect(run.readings("step_ms").values.allSatisfy { $0 > 0 })
        #expect(run.readings("tokens_per_second").keys.sorted() == [2, 4, 6, 8])
        // Saved at 4 and 8; what step 8's takes is in its own report.
        #expect(run.readings("checkpoint_mib").keys.sorted() == [6, 8])
    }

    @Test func `a cooldown takes the learning rate down after a checkpoint`() throws {
        var contract = Transformers.contract([:], ["log_every": .int(1), "checkpoint_every": .int(0)])
        contract.steps = 10
        let run = try contract.rehearsal(cooldown: 4)
        try run.complete()
        #expect(run.checkpoints == [6, 10])
        let used = run.readings("learning_rate").sorted { $0.key < $1.key }.map { $0.value * 1e3 }
        let expected = [1, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2]
        #expect(zip(used, expected).allSatisfy { abs($0 - $1) < 1e-9 } && used.count == 10)
    }

    @Test func `a loss that stops being a number fails the run at its step`() throws {
        let run = try Transformers.contract(["fault": .string("nan")], ["log_every": .int(1)])
            .rehearsal()
        try run.run()
        guard case .notFinite("loss", 4, _) = try run.failure().cause else {
            throw BrokenPromise("\(try run.failure())")
        }
    }

    @Test(arguments: [
        ("stale_lr", Attestation.Quantity.peakLearningRate), ("stale_batch", .globalBatchSize),
        ("double_step", .schedulerSteps),
    ])
    func `a script that uses something else than the trial's values fails with both numbers`(
        _ fault: String, _ quantity: Attestation.Quantity
    ) throws {
        let run = try Transformers.contract(["fault": .string(fault)]).rehearsal()
        try run.run()
        guard case .misapplied(let discrepancy) = try run.failure().cause else {
            throw BrokenPromise("\(try run.failure())")
        }
        #expect(discrepancy.quantity == quantity)
    }

    @Test func `a value is one argument, whatever it holds`() throws {
        let remark = "two words $(touch /tmp/oops) \"quoted\" 'so'\nand a line; -x"
        let run = try Transformers.contract(["remark": .string(remark)]).rehearsal(steps: 2)
        try run.complete()
        let said = try Transformers.say("import sys; print('remark:', repr(sys.argv[1]))", remark)
        #expect(run.text(of: "stdout.log").contains(said))
    }

    @Test func `memory that runs out lowers the micro-batch and keeps the global one`() throws {
        var contract = Transformers.contract(
            ["fault": .string("memory")], ["micro_batch": .string("auto")], batch: 12)
        contract.steps = 4
        let run = try contract.rehearsal()
        try run.complete()
        #expect(run.readings("global_batch_size")[4] == 12)
        #expect(run.notes.contains { $0.contains("out of memory with micro-batches of 12") })
    }

    @Test func `a script without flags is given its arguments inside`() throws {
        let script = FileManager.default.temporaryDirectory.path + "/no-flags-\(UUID().uuidString).py"
        defer { try? FileManager.default.removeItem(atPath: script) }
        let text = try String(contentsOfFile: Transformers.script, encoding: .utf8)
        try text.replacing(
            "HfArgumentParser((Own, TrainingArguments)).parse_args_into_dataclasses()",
            with: "(Own(), TrainingArguments(learning_rate=0.7, lr_scheduler_type='constant', do_eval=True))"
        ).write(toFile: script, atomically: true, encoding: .utf8)
        let settings: [String: JSON] = [
            "script": .string(script), "python": .string(Transformers.python ?? ""),
            "pass": .string("arguments"), "evaluate_every": .int(4),
            "rename": .object(["lr_scheduler_type": .string("")]),
            "args": .object(["lr_scheduler_type": .string("constant")]),
        ]
        var contract = Transformers.contract()
        contract.settings = .object(settings)
        let run = try contract.rehearsal()
        try run.complete()
        #expect(run.readings("learning_rate")[8] == 1e-3)
    }

    @Test func `without the module, printed lines are counted into steps`() throws {
        let run = try Transformers.contract([:], ["module": .bool(false)]).rehearsal()
        try run.complete()
        #expect(run.readings("eval_loss").keys.sorted() == [4, 8])
        #expect(run.readings("learning_rate")[4] == 1e-3)
        #expect(run.checkpoints == [4, 8])
    }

    @Test func `a study starts from a pre-trained model`() throws {
        let first = try Transformers.contract().rehearsal()
        try first.complete()
        let model = try #require(first.checkpoint(ofStep: 8))
        for name in ["trainer_state.json", "optimizer.pt", "scheduler.pt"] {
            try FileManager.default.removeItem(atPath: model + "/" + name)
        }
        let run = try Transformers.contract(lr: 1e-9).rehearsal(start: .warm(from: model))
        try run.complete()
        let (last, now) = (first.readings("eval_loss")[8], run.readings("eval_loss")[4])
        #expect(abs((last ?? 0) - (now ?? 1)) < 1e-4)
    }
}
