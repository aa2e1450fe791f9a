import FleetModel
import Testing
import TrainerKit
import Wire

@testable import megatron

/// Which flags a run gets, and what is refused before anything starts.
@Suite struct RunPlanTests {
    private let memo = Memo(
        iteration: 0, samples: 0, batch: 512, seed: 77, rates: Rates(lr: 3e-4, minLR: 0, weightDecay: 0.1))

    @Test func `a fresh start loads nothing`() throws {
        let command = try Megatron.command(of: spec())
        #expect(command.value("--load") == nil && command.before.isEmpty)
        #expect(command.value("--exit-interval") == "1000")
        #expect(command.value("--lr-decay-style") == "constant")
        #expect(command.value("--seed") == "3")
        #expect(command.arguments.starts(with: ["python3", "-m", "torch.distributed.run", "--standalone"]))
    }

    @Test func `way C goes on where the checkpoint was, through a patched copy`() throws {
        let saved = try SavedFolder(iteration: 1000, memo: memo)
        let command = try Megatron.command(of: spec(start: .warm(from: saved.path)))
        #expect(command.value("--exit-interval") == "2000")
        #expect(command.value("--load")?.hasSuffix("/work/start") == true)
        #expect(command.arguments.contains("--override-opt_param-scheduler"))
        #expect(!command.arguments.contains("--no-load-optim") && !command.arguments.contains("--finetune"))
        #expect(command.value("--seed") == "77", "the data goes on in the order that it had")
        let patch = try #require(command.before.first?.arguments)
        #expect(patch[2] == saved.path + "/iter_0001000")
        #expect(patch.suffix(5).dropLast() == ["1000", "0.0001", "0.0", "0.01"])
        // A smaller batch than before: what was consumed must stay below what the data set is sized for.
        #expect(Int(command.value("--train-samples") ?? "") ?? 0 >= 1000 * 512 + 1000 * 64)
        #expect(command.checkpoints?.step(in: "iter_0001250") == 250)
    }

    @Test func `a larger batch than before keeps the iterations below what the samples come to`() throws {
        let saved = try SavedFolder(iteration: 1000, memo: memo)
        let large: Assignment = ["lr": .float(1e-4), "batch_size": .int(1024)]
        let command = try Megatron.command(of: spec(large, start: .warm(from: saved.path)))
        #expect(Int(command.value("--train-samples") ?? "") ?? 0 >= 2000 * 1024)
    }

    @Test func `rates that the checkpoint holds already need no patch`() throws {
        let saved = try SavedFolder(iteration: 1000, memo: memo)
        let same: Assignment = ["lr": .float(3e-4), "batch_size": .int(64), "weight_decay": .float(0.1)]
        let command = try Megatron.command(of: spec(same, start: .warm(from: saved.path)))
        #expect(command.before.isEmpty && command.value("--load") == saved.path)
    }

    @Test func `a decaying schedule counts from the checkpoint on, at its peak there`() throws {
        let saved = try SavedFolder(iteration: 1000, memo: memo)
        let settings = studySettings(["schedule": .string("cosine")])
        let spec = spec(start: .warm(from: saved.path), settings)
        let command = try Megatron.command(of: spec)
        #expect(command.value("--lr-warmup-samples") == "\(1000 * 512)")
        #expect(command.value("--lr-decay-samples") == "\(1000 * 512 + 1000 * 64)")
        let curve = try Megatron(settings).plan(of: spec, from: try spec.savedPlace()).curve
        #expect(curve.rate(at: 1000 * 512) == 1e-4)
        #expect(abs(curve.rate(at: 1000 * 512 + 500 * 64) - (1e-5 + 0.5 * 9e-5)) < 1e-12)
        #expect(abs(curve.rate(at: 1000 * 512 + 1000 * 64) - 1e-5) < 1e-12)
    }

    @Test func `way A begins anew, way B keeps the counters`() throws {
        let saved = try SavedFolder(iteration: 1000, memo: memo)
        let schedule: JSON = .object(["style": .string("linear"), "warmup_steps": .int(10)])
        func command(_ way: String) throws -> Command {
            let settings = studySettings(["warm_start": .string(way), "schedule": schedule])
            return try Megatron.command(of: spec(start: .warm(from: saved.path), settings))
        }
        let weights = try command("weights")
        #expect(weights.arguments.contains("--finetune") && weights.value("--exit-interval") == "1000")
        #expect(weights.value("--lr-warmup-samples") == "640" && weights.value("--seed") == "3")
        let counters = try command("counters")
        #expect(counters.arguments.contains("--no-load-optim") && counters.value("--exit-interval") == "2000")
        #expect(counters.value("--lr-decay-samples") == "64000")
    }

    @Test func `a resumed trial keeps its first iteration and its schedule`() throws {
        let memo = Memo(
            iteration: 1000, samples: 512_000, batch: 64, seed: 77,
            rates: Rates(lr: 1e-4, minLR: 1e-5, weightDecay: 0.01))
        let saved = try SavedFolder(iteration: 1500, memo: memo)
        let settings = studySettings(["schedule": .string("linear")])
        let command = try Megatron.command(
            of: spec(start: .resume(from: saved.path, step: 500), settings))
        #expect(command.value("--exit-interval") == "2000")
        #expect(command.value("--lr-warmup-samples") == "512000")
        #expect(command.value("--lr-decay-samples") == "\(512_000 + 64_000)")
        #expect(command.value("--load") == saved.path && command.before.isEmpty)
    }

    @Test func `a cooldown is the last phase of WSD, and its beginning is saved`() throws {
        let command = try Megatron.command(of: spec(steps: 1200, cooldown: 200))
        #expect(command.value("--lr-decay-style") == "WSD" && command.value("--min-lr") == "0.0")
        #expect(command.value("--lr-wsd-decay-samples") == "\(200 * 64)")
        #expect(command.value("--lr-decay-samples") == "\(1200 * 64)")
        #expect(1000 % (Int(command.value("--save-interval") ?? "") ?? 0) == 0)
        #expect(1200 % (Int(command.value("--eval-interval") ?? "") ?? 0) == 0)
    }

    @Test(arguments: [(75.0, 64), (80, 96), (1, 32), (32, 32), (1023, 1024)])
    func `a batch size is rounded to the nearest legal one`(wanted: Double, legal: Int) throws {
        let command = try Megatron.command(of: spec(["lr": .float(1e-4), "batch_size": .float(wanted)]))
        #expect(command.value("--global-batch-size") == "\(legal)")
        #expect(command.notes.isEmpty == (Int(wanted) == legal))
    }

    @Test func `a layout that does not fit the lease is refused`() throws {
        let settings = studySettings(["parallel": .object(["tensor": .int(2), "pipeline": .int(2)])])
        #expect(throws: Refusal.self) { try Megatron.command(of: spec(gpus: 6, settings)) }
        #expect(try Megatron.command(of: spec(gpus: 8, settings)).value("--global-batch-size") == "64")
    }

    @Test func `a model that its layout cannot divide is a problem of the study`() {
        let settings = studySettings(["parallel": .object(["pipeline": .int(3), "tensor": .int(8)])])
        var reader = SettingsReader(settings, baseFolder: "/tmp")
        _ = MegatronSettings(&reader)
        #expect(reader.finish().map(\.path) == [["args", "num-attention-heads"], ["args", "num-layers"]])
    }

    @Test func `flags that this plugin sets are refused with what to write instead`() {
        let settings = studySettings([
            "args": .object(["lr_decay_style": .string("cosine"), "train-iters": .int(5)])
        ])
        var reader = SettingsReader(settings, baseFolder: "/tmp")
        _ = MegatronSettings(&reader)
        #expect(reader.finish().map(\.expected) == ["the setting schedule", "method.steps"])
    }

    @Test func `values arrive as one argument, whatever is in them`() throws {
        let hostile = "a b\"'$(reboot)\n;"
        let settings = studySettings(["args": .object(["wandb-exp-name": .string(hostile)])])
        #expect(
            try Megatron.command(of: spec(metric: "validation_loss", settings)).value("--wandb-exp-name")
                == hostile)
    }

    @Test func `a gang's nodes meet at the first, and save where all can see`() throws {
        let gang = Gang(nodes: 2, rank: 1, masterAddress: "node-a", masterPort: 29500)
        #expect(throws: Refusal.self) {
            try Megatron(studySettings()).execution(
                of: spec(gang: gang), in: TrialFolder(path: "/tmp/none"))
        }
        #expect(try Megatron.command(of: spec(gang: gang)).notes.count == 1, "explained all the same")
        let settings = studySettings(["shared_folder": .string("/mnt/all")])
        let last = try Megatron.command(of: spec(gang: gang, settings))
        #expect(last.value("--nnodes") == "2" && last.value("--node-rank") == "1")
        #expect(last.value("--master-addr") == "node-a" && last.value("--master-port") == "29500")
        #expect(last.value("--save") == "/mnt/all/s/stage_1_trial_2_run_0")
        let first = try Megatron.command(
            of: spec(gang: Gang(nodes: 2, rank: 0, masterAddress: "node-a", masterPort: 29500), settings))
        // The last rank prints, and the first rank's plugin reports.
        #expect(first.metrics.map(\.path) == [try #require(last.mirror)])
        #expect(first.checkpoints != nil && last.checkpoints == nil)
    }

    @Test func `a checkpoint without a place is refused`() {
        #expect(throws: Refusal.self) {
            try Megatron(studySettings()).execution(
                of: spec(start: .warm(from: "/nowhere/at/all")), in: TrialFolder(path: "/tmp/none"))
        }
    }

    @Test(arguments: [(0, 1000, 125), (1000, 1000, 125), (1000, 1200, 100), (0, 997, 997), (7, 993, 100)])
    func `the last iteration is always evaluated`(first: Int, steps: Int, interval: Int) {
        let intervals = Intervals(first: first, steps: steps, kept: steps, wanted: .init())
        #expect((first + steps) % intervals.evaluate == 0 && (first + steps) % intervals.log == 0)
        #expect(intervals.evaluate == interval)
    }
}
