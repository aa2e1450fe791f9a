import FleetModel
import Foundation
import Testing
import TrainerKit
import Wire

@testable import huggingface

/// What the plugin decides before Python starts.
@Suite struct HuggingFacePlanTests {
    private func spec(
        _ assignment: Assignment = ["lr": .float(1e-4), "batch_size": .int(32)],
        start: RunSpec.Start = .fresh, steps: Int = 80, cooldown: Int = 0, gpus: Int = 0, gang: Gang? = nil,
        startFrom: String? = nil
    ) throws -> RunSpec {
        RunSpec(
            key: RunKey(
                study: try #require(StudyID(rawValue: "s")),
                run: RunID(trial: TrialID(stage: 0, number: 0), attempt: 0)),
            plugin: "huggingface", settings: .object([:]), assignment: assignment, start: start, steps: steps,
            cooldown: cooldown, metric: "eval_loss", seed: 7,
            slots: gpus == 0 ? [.cpu(index: 0)] : (0..<gpus).map { .gpu(index: $0) }, gang: gang,
            silenceSeconds: 60, graceSeconds: 5, baseFolder: "/tmp", startFrom: startFrom)
    }

    private func trainer(_ settings: [String: JSON] = [:]) throws -> HuggingFace {
        let script: [String: JSON] = ["python_module": .string("mine.train")]
        var reader = SettingsReader(.object(script.merging(settings) { $1 }), baseFolder: "/tmp")
        let trainer = HuggingFace(settings: &reader)
        #expect(reader.finish() == [])
        return trainer
    }

    /// The command of a run in a folder of its own, which is gone afterwards.
    private func command(_ spec: RunSpec, _ settings: [String: JSON] = [:]) throws -> Command {
        let folder = FileManager.default.temporaryDirectory.path + "/plan-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        guard
            case .program(let command) = try trainer(settings).execution(
                of: spec, in: TrialFolder(path: folder))
        else { throw Refusal("not a program") }
        return command
    }

    /// The value after a flag.
    private func value(_ flag: String, _ command: Command) -> String? {
        command.arguments.firstIndex(of: flag).map { command.arguments[$0 + 1] }
    }

    @Test func `the trial's values are flags, the batch is dealt to processes and accumulation`() throws {
        let command = try command(
            try spec(["lr": .float(3e-4), "batch_size": .int(48), "weight_decay": .float(0.1)], gpus: 2),
            ["micro_batch": .int(10)])
        #expect(
            command.arguments[1...5] == [
                "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2",
            ])
        #expect(value("--learning_rate", command) == "0.0003")
        #expect(value("--per_device_train_batch_size", command) == "8")
        #expect(value("--gradient_accumulation_steps", command) == "3")
        #expect(value("--weight_decay", command) == "0.1")
        #expect(value("--max_steps", command) == "80")
    }

    @Test func `a batch that cannot be dealt evenly is rounded with a note`() throws {
        let split = BatchSplit(wanted: 66, processes: 4, microBatch: nil)
        #expect(split.global == 68)
        #expect(split.note?.contains("batch size 66 is rounded to 68") == true)
        #expect(BatchSplit(wanted: 1, processes: 4, microBatch: nil).global == 4)
        #expect(BatchSplit(wanted: 64, processes: 4, microBatch: 5).perDevice == 4)
    }

    @Test func `nodes of a gang meet at the first`() throws {
        let gang = Gang(nodes: 2, rank: 1, masterAddress: "10.0.0.1", masterPort: 29_500)
        let arguments = try command(try spec(gpus: 8, gang: gang)).arguments
        let expected = [
            "--nproc_per_node", "8", "--nnodes", "2", "--node_rank", "1", "--master_addr", "10.0.0.1",
            "--master_port", "29500",
        ]
        #expect(arguments[3..<13] == expected[...])
    }

    @Test func `the user's flags come as they are, renamed where the script has other names`() throws {
        let command = try command(
            try spec(),
            [
                "args": .object([
                    "text": .string("a b; $(c)\n\"d\""), "many": .array([.int(1), .string("x")]),
                    "off": .null, "alone": .string(""), "sign": .int(-1),
                    "lr_scheduler_kwargs": .object(["min_lr": .double(1e-6)]),
                ]),
                "rename": .object(["learning_rate": .string("lr"), "seed": .string("")]),
            ])
        #expect(value("--text", command) == "a b; $(c)\n\"d\"")
        #expect(command.arguments.contains("--sign=-1"))
        #expect(value("--lr_scheduler_kwargs", command) == "{\"min_lr\": 1e-06}")
        #expect(value("--lr", command) == "0.0001")
        #expect(!command.arguments.contains("--seed") && !command.arguments.contains("--off"))
        let many = try #require(command.arguments.firstIndex(of: "--many"))
        #expect(command.arguments[many...(many + 2)] == ["--many", "1", "x"])
    }

    @Test func `a loop of the script's own is told its steps, and no checkpoint`() throws {
        let loop: [String: JSON] = ["loop": .string("accelerate"), "micro_batch": .int(8)]
        let told = try command(try spec(), loop)
        #expect(value("--max_train_steps", told) == "80")
        #expect(value("--per_device_train_batch_size", told) == "8")
        #expect(value("--gradient_accumulation_steps", told) == "4")
        #expect(told.environment["ITERHPO_LOOP"] == "accelerate")
        for flag in ["--max_steps", "--logging_steps", "--resume_from_checkpoint"] {
            #expect(!told.arguments.contains(flag))
        }
        // What the space does not hold is the script's own.
        let quiet = try command(try spec(["layers": .int(2)]), loop)
        #expect(value("--layers", quiet) == "2")
        #expect(
            value("--learning_rate", quiet) == nil && value("--gradient_accumulation_steps", quiet) == nil)
        #expect(try trainer(loop).expectation(of: spec(["layers": .int(2)])).globalBatchSize == nil)
    }

    @Test func `settings of the Trainer's loop are refused beside a loop of the script's own`() {
        var reader = SettingsReader(
            .object([
                "python_module": .string("m"), "loop": .string("accelerate"), "evaluate_every": .int(5),
                "pass": .string("arguments"), "args": .object(["max_train_steps": .int(5)]),
            ]),
            baseFolder: "/tmp")
        _ = HuggingFace(settings: &reader)
        #expect(
            Set(reader.finish().map(\.path)) == [["pass"], ["evaluate_every"], ["args", "max_train_steps"]])
    }

    @Test func `what the plugin sets itself may stand in neither args nor space`() throws {
        var reader = SettingsReader(
            .object(["python_module": .string("m"), "args": .object(["max_steps": .int(5)])]),
            baseFolder: "/tmp")
        _ = HuggingFace(settings: &reader)
        #expect(reader.finish().map(\.path) == [["args", "max_steps"]])
        let plugin = try trainer(["args": .object(["weight_decay": .double(0.1)])])
        let found = plugin.problems(
            with: ["lr", "seed", "weight_decay"].map { .init(name: $0, kind: .float) })
        #expect(found.map(\.path) == [["space", "seed"], ["space", "weight_decay"]])
    }

    @Test func `schedules are those of transformers, step by step`() throws {
        let linear = try trainer(["args": .object(["warmup_steps": .int(10)])])
        let share = try #require(linear.expectation(of: spec(steps: 100)).share)
        #expect([0, 5, 10, 55].map(share) == [0, 0.5, 1, 0.5])
        let ratio = try trainer([
            "args": .object(["warmup_ratio": .double(0.05), "lr_scheduler_type": .string("cosine")])
        ])
        let cosine = try #require(ratio.expectation(of: spec(steps: 100)).share)
        #expect(abs(cosine(52) - 0.5 * (1 + cos(.pi * 47 / 95))) < 1e-12)
        let other = try trainer(["args": .object(["lr_scheduler_type": .string("polynomial")])])
        #expect(try other.expectation(of: spec()).share == nil)
    }

    @Test func `a cooldown holds the schedule where it was and takes it down from there`() throws {
        let plugin = try trainer(["args": .object(["lr_scheduler_type": .string("constant")])])
        let share = try #require(plugin.expectation(of: spec(steps: 10, cooldown: 4)).share)
        #expect((0..<10).map(share) == [1, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2])
        #expect(plugin.coolsDown)
        #expect(try !trainer(["module": .bool(false)]).coolsDown)
    }

    @Test(arguments: [
        #"{'loss': '4.743', 'grad_norm': '3.447', 'learning_rate': '0.0009', 'epoch': '0.005388'}"#,
        #"{'loss': 4.743, 'grad_norm': 3.447, 'learning_rate': 0.0009, 'epoch': 0.01}"#,
    ])
    func `printed dicts of both versions are read`(_ line: String) {
        var reader = LogReader(every: 5, step: 10)
        guard case .report(let report)? = reader.signals(in: line, from: .standardOutput).first else {
            Issue.record("nothing was read")
            return
        }
        #expect(report.step == 15)
        #expect(report.metrics["loss"] == .value(4.743))
        #expect(report.metrics["learning_rate"] == .value(9e-4))
    }

    @Test func `a printed NaN is one, other lines are nothing, an evaluation is of the step before`() {
        var reader = LogReader(every: 5, step: 0)
        #expect(reader.signals(in: "{'eval_loss': 3}", from: .standardOutput).isEmpty)
        #expect(
            reader.signals(in: "{'train_runtime': '1.5', 'train_loss': '5'}", from: .standardOutput).isEmpty)
        for noise in ["", "{", "{'", "{'loss'}", "{'loss': }", "loading weights", "{\"loss\": 1}"] {
            #expect(reader.signals(in: noise, from: .standardOutput).isEmpty, "\(noise)")
        }
        #expect(
            reader.signals(in: "{'loss': nan, 'x': None}", from: .standardOutput)
                == [.report(step: 5, metrics: ["loss": .nan])])
        #expect(
            reader.signals(in: "{'eval_loss': 'inf'}", from: .standardOutput)
                == [.report(step: 5, metrics: ["eval_loss": .infinity])])
    }

    @Test func `lines that are counted meet every mark of the trial`() throws {
        var reader = SettingsReader(
            .object(["log_every": .int(10), "evaluate_every": .int(15)]), baseFolder: "/")
        let cadence = CadenceSettings(&reader).filled(for: try spec(steps: 40), isCounted: true)
        #expect(cadence.log == 5)
    }

    @Test func `where a study starts from a model, later trials build it from there too`() throws {
        let model = FileManager.default.temporaryDirectory.path + "/model-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: model) }
        try FileManager.default.createDirectory(atPath: model, withIntermediateDirectories: true)
        try Data("{}".utf8).write(to: URL(fileURLWithPath: model + "/config.json"))
        let first = try command(try spec(startFrom: model).startingAsTheStudy)
        #expect(value("--model_name_or_path", first) == model)
        #expect(value("--resume_from_checkpoint", first) == nil)
        try Data("{}".utf8).write(to: URL(fileURLWithPath: model + "/trainer_state.json"))
        let later = try command(try spec(start: .warm(from: model), startFrom: model))
        #expect(value("--model_name_or_path", later) == model)
        #expect(value("--resume_from_checkpoint", later) == model)
    }

    @Test func `a folder without checkpoint or model is refused with its name`() throws {
        #expect(throws: Refusal.self) {
            try Origin(of: spec(start: .warm(from: "/etc")), loop: .trainer, keepsOptimizer: true)
        }
        #expect(throws: Refusal.self) {
            try Origin(of: spec(start: .resume(from: "/etc", step: 3)), loop: .trainer, keepsOptimizer: true)
        }
    }
}
