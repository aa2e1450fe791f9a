import FleetModel
import FoundationEssentials
import Testing
import TrainerKitTesting

@testable import TrainerKit

/// Metrics of the command plugin in all their forms, from programs that really run.
@Suite struct MetricsTests {
    private func run(
        _ program: String, _ metrics: JSON, arguments: [JSON] = [], settings: [String: JSON] = [:],
        steps: Int = 20
    ) throws -> Rehearsal {
        let all = settings.merging(["metrics": metrics]) { $1 }
        let run = try TrainerContract.perl(program, arguments: arguments, settings: all)
            .rehearsal(steps: steps)
        try run.run()
        return run
    }

    private func object(_ members: [String: JSON]) -> JSON { .object(members) }

    private let folder: [JSON] = [.string("{folder}")]

    @Test func `members of members have names with points, and names can be changed`() throws {
        let run = try run(
            #"print qq({"step": 20, "train": {"loss": 3, "text": "x"}, "val/loss": NaN, "loss": 1}\n)"#,
            object(["names": object(["train.loss": .string("training_loss")])]))
        #expect(
            run.reports.first?.metrics
                == ["training_loss": .value(3), "val/loss": .notFinite(.nan), "loss": .value(1)])
    }

    @Test func `lines of a file are read while it grows, a last line without an end too`() throws {
        let run = try run(
            """
            open(F, ">", "$ARGV[0]/log"); $| = 1; select(F); $| = 1;
            print F qq({"step": 1, "loss": 3}\\nnoise\\n{"step": 2, "lo); select(undef, undef, undef, 0.3);
            print F qq(ss": 2}\\n{"step": 20, "loss": 1});
            """, object(["file": .string("{folder}/log")]), arguments: folder)
        #expect(run.reports.map(\.step) == [1, 2, 20])
        #expect(run.ending == .completed)
    }

    @Test func `rows of a CSV file are reports, empty cells and words are left out`() throws {
        let run = try run(
            """
            open(F, ">", "$ARGV[0]/m.csv");
            print F qq(epoch,global_step,loss,"a, b",why\\n0,5,2.5,,start\\n0,20,nan,1e-3,"with, comma"\\n);
            """,
            object(["csv": .string("{folder}/m.csv"), "step_key": .string("global_step")]),
            arguments: folder)
        #expect(
            run.reports == [
                Report(step: 5, metrics: ["epoch": .value(0), "loss": .value(2.5)]),
                Report(
                    step: 20,
                    metrics: ["epoch": .value(0), "loss": .notFinite(.nan), "a, b": .value(0.001)]),
            ])
    }

    @Test func `an expression without a step is about the step before`() throws {
        // The lines of llm.c (train_gpt2.cu).
        let run = try run(
            """
            print "val loss 11.0\\n";
            print "step   10/20 | loss 9.5 (+nanz)| norm 15.4 | lr 3.00e-07 | 424,242 tok/s\\nval loss 4.25\\n";
            print "step   20/20 | loss 8.5 (+nanz)| norm 1.4 | lr 6.00e-07 | 424,242 tok/s\\nval loss 4.0\\n";
            """,
            object([
                "regex": .array([
                    .string(#"^step +(?<step>\d+)/.* loss (?<train>\S+).* (?<speed>[\d,]+) tok/s"#),
                    .string(#"^val loss (?<loss>\S+)"#),
                ])
            ]))
        #expect(
            run.reports == [
                Report(
                    step: 10, metrics: ["train": .value(9.5), "speed": .value(424_242), "loss": .value(4.25)]),
                Report(
                    step: 20, metrics: ["train": .value(8.5), "speed": .value(424_242), "loss": .value(4)]),
            ])
    }

    @Test func `colours are no part of a line, and several places are read at once`() throws {
        let run = try run(
            #"""
            open(F, ">", "$ARGV[0]/m.csv"); print F "step,train\n10,3\n"; close F;
            select(undef, undef, undef, 0.3);
            print "\e[32mstep\e[0m 20: loss \e[1m1.5\e[0m\n";
            """#,
            .array([
                object(["regex": .string(#"^step (?<step>\d+): loss (?<loss>\S+)"#)]),
                object(["csv": .string("{folder}/m.csv")]),
            ]), arguments: folder)
        #expect(run.reports.map(\.step) == [10, 20])
        #expect(run.reports.last?.metrics == ["loss": .value(1.5)])
    }

    @Test func `further metrics of a step that has had its objective are left without a note`() throws {
        let run = try run(
            #"print qq({"step": 20, "loss": 2}\n{"step": 20, "train": 3}\n)"#, object([:]))
        #expect(run.reports.count == 1)
        #expect(run.notes.isEmpty)
    }

    @Test func `a stale learning rate in a program's own words fails the run`() throws {
        var contract = try TrainerContract.perl(
            #"print qq({"step": 20, "loss": 2, "learning_rate": 0.001, "global_batch_size": 8}\n)"#,
            arguments: [.string("{lr}"), .string("{batch_size}")],
            settings: [
                "attest": object([
                    "learning_rate": .string("{lr}"), "global_batch_size": .string("{batch_size}"),
                    "schedule": .string("constant"),
                ])
            ])
        contract.assignment = ["lr": .float(0.001), "batch_size": .int(8)]
        let honest = try contract.rehearsal()
        try honest.run()
        #expect(honest.ending == .completed)
        contract.assignment = ["lr": .float(0.0001), "batch_size": .int(8)]
        let stale = try contract.rehearsal()
        try stale.run()
        #expect(
            stale.ending
                == .failed(
                    RunFailure(
                        .misapplied(
                            Discrepancy(.learningRate, step: 20, found: .value(0.001), expected: 0.0001)))))
    }

    @Test func `a cooldown reaches the program as numbers`() throws {
        var contract = try TrainerContract.perl(
            #"print join(",", @ARGV), "\n""#,
            arguments: [.string("{cooldown}"), .string("{anneal_from}")])
        contract.steps = 20
        let run = try contract.rehearsal(cooldown: 5)
        try run.run()
        #expect(run.text(of: "stdout.log") == "5,15\n")
    }

    @Test func `memory that runs out halves what a program is told to take at once`() throws {
        var contract = try TrainerContract.perl(
            #"""
            if ($ARGV[0] > 4) { print STDERR "CUDA out of memory.\n"; exit 1 }
            print qq({"step": 20, "loss": $ARGV[0], "parts": $ARGV[1]}\n)
            """#, arguments: [.string("{micro_batch}"), .string("{accumulation}")],
            settings: ["micro_batch": .string("auto")])
        contract.assignment = ["batch_size": .int(16)]
        let run = try contract.rehearsal()
        try run.run()
        #expect(run.reports.last?.metrics == ["loss": .value(4), "parts": .value(4)])
    }
}

/// TensorBoard's format, on a file that TensorBoard's own writer made.
@Suite struct EventFileTests {
    /// tensorboard 2.20's EventFileWriter: the version record, then train/loss 2.5 at step 5 and NaN at 10
    /// (simple_value), eval/loss 1.25 at 10 (float_val), lr 1e-4 at 300 (tensor_content of doubles).
    private static let written =
        "SAAAAAAAAAD+kkidCXrScq1gwNpBGg1icmFpbi5FdmVudDoyUi4KLHRlbnNvcmJvYXJkLnN1bW1hcnkud3JpdGVyLm"
        + "V2ZW50X2ZpbGVfd3JpdGVysgjZuiAAAAAAAAAAKe2pUAkAAAAAAAD4PxAFKhMKEQoKdHJhaW4vbG9zcxUAACBA8lcs"
        + "yyAAAAAAAAAAKe2pUAkAAAAAAAD4PxAKKhMKEQoKdHJhaW4vbG9zcxUAAMB/eZ6GVSQAAAAAAAAAQiuATQkAAAAAAA"
        + "D4PxAKKhcKFQoJZXZhbC9sb3NzQggIASoEAACgP0/24OoiAAAAAAAAAHgRPf0JAAAAAAAA+D8QrAIqFAoSCgJsckIM"
        + "CAIiCC1DHOviNho/0fpO2g=="

    private func withFile(_ body: (String, [UInt8]) throws -> Void) throws {
        let folder = "/tmp/events-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: folder + "/run", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder, Array(try #require(Data(base64Encoded: Self.written))))
    }

    private let lines = [
        #"{"step":5,"train/loss":2.5}"#, #"{"step":10,"train/loss":"nan"}"#,
        #"{"step":10,"eval/loss":1.25}"#, #"{"step":300,"lr":0.0001}"#,
    ]

    @Test func `all scalars are read, also from a file that grows byte by byte`() throws {
        try withFile { folder, bytes in
            let place = URL(filePath: folder + "/run/events.out.tfevents.1.host")
            var whole = EventFiles(below: folder)
            var slow = EventFiles(below: folder)
            var found: [String] = []
            for end in stride(from: 0, through: bytes.count, by: 7) {
                try Data(bytes[..<end]).write(to: place, options: [])
                found += slow.read(isLast: true)
            }
            try Data(bytes).write(to: place, options: [])
            #expect(found + slow.read(isLast: true) == lines)
            #expect(whole.read() == lines)
            #expect(whole.read() == [])
        }
    }

    @Test func `a damaged record ends its file and nothing else`() throws {
        try withFile { folder, bytes in
            var damaged = bytes
            damaged[bytes.count - 20] ^= 1
            try Data(damaged).write(to: URL(filePath: folder + "/run/events.out.tfevents.1"))
            try Data(bytes.prefix(40) + [UInt8](repeating: 0xff, count: 500))
                .write(to: URL(filePath: folder + "/events.out.tfevents.2"))
            var files = EventFiles(below: folder)
            #expect(files.read(isLast: true) == Array(lines.dropLast()))
        }
    }
}
