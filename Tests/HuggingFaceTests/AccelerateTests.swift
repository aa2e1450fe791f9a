import FleetModel
import Foundation
import Testing
import TrainerKit
import TrainerKitTesting
import Wire

@testable import huggingface

/// The plugin around a script with a loop of its own on real accelerate, on CPU; each start is three seconds of
/// a core.
@Suite(.enabled(if: Transformers.isHere, "make test-hf runs these"))
struct HuggingFaceAccelerateTests {
    static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appending(path: "Scripts/loop.py").path

    private static func settings(_ args: [String: JSON] = [:], _ changes: [String: JSON] = [:]) -> JSON {
        let settings: [String: JSON] = [
            "loop": .string("accelerate"), "script": .string(script),
            "python": .string(Transformers.python ?? "python3"), "args": .object(args),
            "log_every": .int(2), "checkpoint_every": .int(4),
        ]
        return .object(settings.merging(changes) { $1 })
    }

    private static func contract(
        _ args: [String: JSON] = [:], _ changes: [String: JSON] = [:], lr: Double = 1e-3, batch: Int = 4
    ) -> TrainerContract {
        var contract = TrainerContract(
            plugin: Transformers.plugin, settings: settings(args, changes),
            assignment: ["lr": .float(lr), "batch_size": .int(batch)], metric: "eval_loss", steps: 8,
            endlessSteps: 1_000_000)
        contract.silenceSeconds = 600
        return contract
    }

    @Test(arguments: TrainerContract.Promise.allCases)
    func `huggingface keeps the contract around accelerate`(_ promise: TrainerContract.Promise) throws {
        var contract = Self.contract(batch: 6)
        contract.faults = [
            .notANumber: Self.settings(["fault": .string("nan")]),
            .outOfMemory: Self.settings(["fault": .string("memory")]),
        ]
        try contract.verify(promise)
    }

    /// What the first parameter's state in a checkpoint's optimiser says.
    private func optimizer(in checkpoint: String) throws -> (rate: Double?, steps: Int?) {
        let said = try Transformers.say(
            """
            import sys, torch
            saved = torch.load(sys.argv[1] + "/optimizer.bin")
            print(saved["param_groups"][0]["lr"], int(saved["state"][0]["step"]))
            """, checkpoint)
        let words = said.split(whereSeparator: \.isWhitespace)
        return (words.first.flatMap { Double($0) }, words.last.flatMap { Int($0) })
    }

    @Test func `three stages of accelerate with new learning rates and batch sizes use what each trial says`()
        throws
    {
        var checkpoint: String?
        var runs: [Rehearsal] = []
        let args: [String: JSON] = ["schedule": .string("constant"), "evaluate_every": .int(8)]
        for (lr, batch) in [(1e-3, 4), (2.5e-4, 6), (7e-4, 3)] {
            let start = checkpoint.map { RunSpec.Start.warm(from: $0) } ?? .fresh
            let run = try Self.contract(args, lr: lr, batch: batch).rehearsal(start: start)
            try run.complete()
            let used = run.readings("learning_rate")
            #expect(Set(used.values) == [lr] && used.keys.sorted() == [1, 2, 4, 6, 8])
            #expect(Set(run.readings("peak_learning_rate").values) == [lr])
            #expect(Set(run.readings("global_batch_size").values) == [Double(batch)])
            let saved: String = try #require(run.checkpoint(ofStep: 8))
            #expect(try optimizer(in: saved).rate == lr)
            checkpoint = saved
            runs.append(run)
        }
        // 8 × 4 = 32 samples; 30 is where batches of 6 come nearest without leaving any out, and so on.
        #expect(runs.map { $0.readings("consumed_samples")[8] } == [32, 30 + 48, 78 + 24])
        #expect(runs[1].notes.contains { $0.contains("begin at sample 30 of a pass: 2 are read again") })
        #expect(runs[2].notes == [])
        // The optimiser's moments went on: a new one would have counted 8 steps.
        #expect(try optimizer(in: checkpoint ?? "").steps == 24)
        #expect(runs[2].readings("trainer_step")[8] == 24)
    }

    @Test func `a stopped loop saves and goes on bit by bit, over the ends of passes, as if not stopped`()
        throws
    {
        // 8 steps a pass, the last of which is not full; the dropout draws from the shared generator.
        let args: [String: JSON] = [
            "rows": .int(30), "dropout": .double(0.3), "counts": .string(""), "evaluate_every": .int(50),
        ]
        let contract = Self.contract(args, ["log_every": .int(1), "checkpoint_every": .int(0)])
        let (whole, resumed, step) = try contract.wholeAndResumed(steps: 400)
        let rest = whole.readings("loss").filter { $0.key > step }
        #expect(!rest.isEmpty && resumed.readings("loss") == rest)
        #expect(
            resumed.readings("consumed_samples")
                == whole.readings("consumed_samples").filter { $0.key > step })
        // A linear schedule over the whole trial.
        #expect(
            resumed.readings("learning_rate") == whole.readings("learning_rate").filter { $0.key > step })
    }

    @Test func `micro-batches are no steps, and steps that the script leaves out are not counted`() throws {
        let split = try Self.contract([:], ["micro_batch": .int(2)], batch: 6).rehearsal()
        try split.complete()
        #expect(Set(split.readings("global_batch_size").values) == [6])
        #expect(split.readings("consumed_samples")[8] == 48)
        let skipping = try Self.contract(["fault": .string("skip")]).rehearsal()
        try skipping.complete()
        #expect(Set(skipping.readings("global_batch_size").values) == [4])
        // Every third batch was for nothing.
        #expect(skipping.readings("consumed_samples")[8] == 44)
        #expect(skipping.readings("scheduler_steps")[8] == 7)
    }

    @Test(arguments: [
        ("stale_lr", "none", Attestation.Quantity.peakLearningRate),
        ("late_lr", "linear", .peakLearningRate), ("stale_batch", "linear", .globalBatchSize),
        ("double_step", "linear", .schedulerSteps),
    ])
    func `a loop that uses something else than the trial's values fails with both numbers`(
        _ fault: String, _ schedule: String, _ quantity: Attestation.Quantity
    ) throws {
        let run = try Self.contract(["fault": .string(fault), "schedule": .string(schedule)]).rehearsal()
        try run.run()
        guard case .misapplied(let discrepancy) = try run.failure().cause else {
            throw BrokenPromise("\(try run.failure())")
        }
        #expect(discrepancy.quantity == quantity)
    }

    @Test func `a loss that stops being a number fails the loop at its step`() throws {
        let run = try Self.contract(
            ["fault": .string("nan"), "evaluate_every": .int(8)], ["log_every": .int(1)]
        ).rehearsal()
        try run.run()
        guard case .notFinite("loss", 4, _) = try run.failure().cause else {
            throw BrokenPromise("\(try run.failure())")
        }
    }

    @Test func `memory that runs out in a loop lowers the micro-batch and keeps the global one`() throws {
        var contract = Self.contract(
            ["fault": .string("memory")], ["micro_batch": .string("auto")], batch: 12)
        contract.steps = 4
        let run = try contract.rehearsal()
        try run.complete()
        #expect(run.readings("global_batch_size")[4] == 12)
        #expect(run.notes.contains { $0.contains("out of memory with micro-batches of 12") })
    }

    @Test func `a cooldown takes the loop's learning rate down after a checkpoint`() throws {
        var contract = Self.contract(
            ["schedule": .string("constant"), "evaluate_every": .int(10)],
            ["log_every": .int(1), "checkpoint_every": .int(0)])
        contract.steps = 10
        let run = try contract.rehearsal(cooldown: 4)
        try run.complete()
        #expect(run.checkpoints == [6, 10])
        let used = run.readings("learning_rate").sorted { $0.key < $1.key }.map { $0.value * 1e3 }
        let expected = [1, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2]
        #expect(zip(used, expected).allSatisfy { abs($0 - $1) < 1e-9 } && used.count == 10)
    }

    @Test func `a warm start from weights alone begins with a new optimiser and the data's beginning`() throws
    {
        let first = try Self.contract().rehearsal()
        try first.complete()
        let from = try #require(first.checkpoint(ofStep: 8))
        let args: [String: JSON] = ["schedule": .string("none")]
        let run = try Self.contract(args, ["warm_start": .string("weights")], lr: 1e-9)
            .rehearsal(start: .warm(from: from))
        try run.complete()
        let (last, now) = (first.readings("eval_loss")[8], run.readings("eval_loss")[4])
        #expect(abs((last ?? 0) - (now ?? 1)) < 1e-4)
        #expect(run.readings("consumed_samples")[8] == 32)
        #expect(try optimizer(in: try #require(run.checkpoint(ofStep: 8))).steps == 8)
    }

    @Test func `a schedule that is not prepared cannot resume, and the run says what is missing`() throws {
        let args: [String: JSON] = ["schedule": .string("unprepared")]
        let first = try Self.contract(args).rehearsal()
        try first.complete()
        let from = try #require(first.checkpoint(ofStep: 4))
        let run = try Self.contract(args).rehearsal(start: .resume(from: from, step: 4))
        try run.run()
        #expect(try run.failure().cause == .crashed(exit: 1))
        #expect(run.text(of: "stderr.log").contains("expected it in accelerator.prepare()"))
        // A new trial needs no more than that the script makes a new schedule.
        let warm = try Self.contract(args, lr: 2e-4).rehearsal(start: .warm(from: from))
        try warm.complete()
        #expect(warm.readings("learning_rate")[1] == 2e-4)
    }

    @Test func `two processes agree on stops, and a step's batch is that of both`() throws {
        let args: [String: JSON] = [
            "rows": .int(60), "schedule": .string("constant"), "counts": .string(""),
            "evaluate_every": .int(200),
        ]
        // GPUs that are not there: the script trains on the CPU.
        let slots: [Slot] = [.gpu(index: 0), .gpu(index: 1)]
        let contract = Self.contract(args, ["log_every": .int(1), "checkpoint_every": .int(0)], batch: 6)
        let stopped = try contract.rehearsal(steps: 400, slots: slots, grace: 60)
        try stopped.start()
        try stopped.wait(for: "the fifth step") { (stopped.reports.last?.step ?? 0) >= 5 }
        try stopped.order(StopOrder(save: true, reason: "test"))
        #expect(try stopped.wait() == 0)
        #expect(stopped.ending == .stopped)
        #expect(Set(stopped.readings("global_batch_size").values) == [6])
        let step = try #require(stopped.checkpoints.last)
        let from = try #require(stopped.checkpoint(ofStep: step))
        let resumed = try contract.rehearsal(
            steps: step + 20, start: .resume(from: from, step: step), slots: slots)
        try resumed.run()
        #expect(resumed.readings("consumed_samples")[step + 20] == Double(6 * (step + 20)))
        let warm = try Self.contract(args.merging(["evaluate_every": .int(8)]) { $1 }, lr: 2e-4, batch: 8)
            .rehearsal(start: .warm(from: from), slots: slots)
        try warm.complete()
        #expect(Set(warm.readings("learning_rate").values) == [2e-4])
        #expect(Set(warm.readings("global_batch_size").values) == [8])
    }
}
