import FleetModel
import Testing
import TrainerKitTesting
import Wire

/// Whole runs, with programs in the place of torchrun and Megatron.
@Suite struct ContractTests {
    @Test(arguments: TrainerContract.Promise.allCases)
    func `megatron keeps the contract`(_ promise: TrainerContract.Promise) throws {
        var contract = try TrainerContract.megatron()
        contract.faults = [
            .notANumber: studySettings(fault: "nan10"), .outOfMemory: studySettings(fault: "oom2"),
            .silence: studySettings(fault: "hang"), .partialCheckpoint: studySettings(fault: "half save"),
            .noise: studySettings(fault: "noise"),
            .flood: studySettings(["log_every": .int(1)], fault: "flood"),
        ]
        try contract.verify(promise)
    }

    @Test func `a warm start trains with the new rate though the checkpoint holds the old one`() throws {
        let contract = try TrainerContract.megatron()
        let first = try contract.rehearsal()
        #expect(try first.run() == 0)
        var changed = contract
        changed.assignment = ["lr": .float(2e-4), "batch_size": .int(32), "weight_decay": .float(0)]
        let second = try changed.rehearsal(start: .warm(from: try #require(first.checkpoint(ofStep: 20))))
        #expect(try second.run() == 0)
        #expect(second.ending == .completed)
        let last = try #require(second.reports.last { $0.metrics["learning_rate"] != nil })
        #expect(last.metrics["learning_rate"] == .value(2e-4))
        #expect(last.metrics["consumed_samples"] == .value(Double(20 * 16 + last.step * 32)))
        #expect(last.metrics["trainer_step"] == .value(Double(20 + last.step)))
        #expect(second.text(of: "stdout.log").contains("patched 1 optimiser groups: lr 0.001 to 0.0002"))
    }

    @Test func `a rate that the checkpoint brought along fails the trial`() throws {
        let contract = try TrainerContract.megatron()
        let first = try contract.rehearsal()
        #expect(try first.run() == 0)
        var changed = contract
        changed.assignment["lr"] = .float(2e-4)
        let checkpoint = try #require(first.checkpoint(ofStep: 20))
        // A memo that says that nothing is to be patched: as if the patch had not worked.
        let memo = first.text(of: "checkpoints/step_20/iterhpo.json")
        let lying = memo.replacing("\"lr\":0.001", with: "\"lr\":0.0002")
        try first.write(lying, to: "checkpoints/step_20/iterhpo.json")
        let second = try changed.rehearsal(start: .warm(from: checkpoint))
        #expect(try second.run() == 0)
        guard case .failed(let failure) = second.ending, case .misapplied(let found) = failure.cause else {
            Issue.record("\(second.events.suffix(2))")
            return
        }
        #expect(found.quantity == .learningRate)
    }

    @Test func `a loss that Megatron leaves out is not a number`() throws {
        let run = try TrainerContract.megatron(fault: "nan10").rehearsal()
        #expect(try run.run() == 0)
        guard case .failed(let failure) = run.ending, case .notFinite = failure.cause else {
            Issue.record("\(run.events.suffix(2))")
            return
        }
    }

    @Test func `a communication that hangs is the node's fault`() throws {
        let run = try TrainerContract.megatron(fault: "nccl").rehearsal()
        #expect(try run.run() == 0)
        guard case .failed(let failure) = run.ending, case .node(let reason) = failure.cause else {
            Issue.record("\(run.events.suffix(2))")
            return
        }
        #expect(reason.contains("Watchdog caught"))
    }

    @Test func `a save that was cut off publishes nothing`() throws {
        let run = try TrainerContract.megatron(fault: "half save").rehearsal()
        #expect(try run.run() == 0)
        #expect(run.checkpoints.isEmpty)
        guard case .failed = run.ending else {
            Issue.record("\(run.events.suffix(2))")
            return
        }
    }

    @Test func `micro_batch auto goes on with half of it until memory suffices`() throws {
        let run = try TrainerContract.megatron(["micro_batch": .string("auto")], fault: "oom4").rehearsal()
        #expect(try run.run() == 0)
        #expect(run.ending == .completed)
        #expect(
            run.notes.filter { $0.contains("out of memory") } == [
                "out of memory with micro-batches of 16: goes on with 8 from step 0, the global batch stays",
                "out of memory with micro-batches of 8: goes on with 4 from step 0, the global batch stays",
            ])
        #expect(run.reports.last?.step == 20)
    }

    @Test func `a micro-batch that was chosen and does not fit is the trial's fault`() throws {
        let run = try TrainerContract.megatron(fault: "oom2").rehearsal()
        #expect(try run.run() == 0)
        guard case .failed(let failure) = run.ending, case .outOfMemory = failure.cause else {
            Issue.record("\(run.events.suffix(2))")
            return
        }
    }

    @Test func `a cooldown saves the state before it and ends near zero`() throws {
        let contract = try TrainerContract.megatron()
        let request = try contract.rehearsal(steps: 24)
        let run = try Rehearsal(contract.plugin, request.spec.cooled(by: 4))
        #expect(try run.run() == 0)
        #expect(run.ending == .completed)
        #expect(run.checkpoints.contains(20))
        let last = try #require(run.reports.last { $0.metrics["learning_rate"] != nil })
        #expect(last.step == 24)
        #expect(last.metrics["learning_rate"] == .value(0))
    }
}

extension RunRequest {
    fileprivate func cooled(by steps: Int) -> RunRequest {
        RunRequest(
            key: key, plugin: plugin, settings: settings, assignment: assignment, start: start,
            steps: self.steps, cooldown: steps, metric: metric, seed: seed, slots: slots,
            silenceSeconds: silenceSeconds, graceSeconds: graceSeconds, baseFolder: baseFolder)
    }
}
