import FleetModel
import Testing
import TrainerKitTesting
import Wire

@Suite struct CommandTests {
    private func problems(
        _ settings: [String: JSON], parameters: [String] = [], needsCheckpoints: Bool = false
    ) throws -> [Problem] {
        try TrainerContract(plugin: built("command"), settings: .null).problems(
            settings: .object(settings), parameters: parameters.map { .init(name: $0, kind: .float) },
            needsCheckpoints: needsCheckpoints)
    }

    private func argv(_ items: String...) -> [String: JSON] { ["argv": .array(items.map { .string($0) })] }

    @Test func `a name that is no parameter is a problem with the nearest one`() throws {
        let found = try problems(argv("train", "--lr={learning_rat}"), parameters: ["learning_rate"])
        #expect(found.map(\.path) == [["space", "learning_rate"], ["trainer", "settings", "argv", "1"]])
        #expect(found.last?.nearest == "learning_rate")
    }

    @Test func `a brace without a name is a problem`() throws {
        #expect(try problems(argv("train", "{oops")).map(\.found) == [#""{oops""#])
        #expect(try problems(argv("train", "{{fine}}")).isEmpty)
    }

    @Test func `no program is a problem`() throws {
        #expect(try problems([:]).map(\.path) == [["trainer", "settings", "argv"]])
    }

    @Test func `a pattern without a step is a problem`() throws {
        let metrics = JSON.object(["regex": .array([.string("loss (?<loss>.*)"), .string("(")])])
        let found = try problems(argv("train").merging(["metrics": metrics]) { $1 })
        #expect(found.map { $0.path.suffix(2) } == [["regex", "0"], ["regex", "1"]])
    }

    @Test func `a method that needs checkpoints needs a program that saves and loads them`() throws {
        let saving: [String: JSON] = ["checkpoint": .object([:])]
        let idle = try problems(argv("train").merging(saving) { $1 }, needsCheckpoints: true)
        #expect(idle.map(\.path) == [["method", "kind"]])
        let whole = argv("train", "{checkpoint}").merging(saving) { $1 }
        #expect(try problems(whole, needsCheckpoints: true).isEmpty)
    }

    @Test func `reports are found by regular expressions, on both outputs`() throws {
        let regex = JSON.object(["regex": .string(#"step (?<step>\d+).* loss=(?<loss>\S+)"#)])
        let run = try TrainerContract.perl(
            #"print "step 3: loss=2.5\n"; print STDERR "step 20: at last loss=1e-2\n""#,
            settings: ["metrics": regex]
        ).rehearsal()
        try run.run()
        #expect(Set(run.reports.map { $0.metrics["loss"] }).contains(.value(0.01)))
        #expect(run.ending == .completed)
    }

    @Test func `metrics of one step in two lines are one report`() throws {
        let run = try TrainerContract.perl(
            #"print qq({"step": 20, "train": 3}\n{"step": 20, "loss": 2, "lr": "nan"}\n)"#
        ).rehearsal()
        try run.run()
        #expect(
            run.reports == [
                Report(step: 20, metrics: ["train": .value(3), "loss": .value(2), "lr": .notFinite(.nan)])
            ])
    }

    @Test func `a step that does not grow is skipped with a note`() throws {
        let run = try TrainerContract.perl(
            #"print qq({"step": $_, "loss": 2}\n) for (5, 5, 3, 20)"#
        ).rehearsal()
        try run.run()
        #expect(run.reports.map(\.step) == [5, 20])
        #expect(run.notes.count == 2)
    }

    @Test func `a group with a name that has no value is left out, a lone argument is refused`() throws {
        func run(_ item: JSON) throws -> Rehearsal {
            let run = try TrainerContract.perl(
                #"print join(",", @ARGV), "\n""#, arguments: [.string("a"), item]
            ).rehearsal()
            try run.run()
            return run
        }
        let group = JSON.array([.string("--load"), .string("{checkpoint}")])
        #expect(try run(group).text(of: "stdout.log") == "a\n")
        guard case .failed(let failure) = try run(.string("{checkpoint}")).ending,
            case .refused(let reason) = failure.cause
        else { throw BrokenPromise("an argument without a value was not refused") }
        #expect(reason.contains("trainer.settings.argv.4"))
    }

    @Test func `a half-written checkpoint is not published`() throws {
        let run = try TrainerContract.perl(
            #"""
            my $dir = shift; mkdir "$dir/step_5"; mkdir "$dir/step_9"; mkdir "$dir/step_99";
            open(F, ">$dir/$_/done") for ("step_5", "step_99"); print qq({"step": 20, "loss": 2}\n)
            """#, arguments: [.string("{checkpoint_dir}")],
            settings: ["checkpoint": .object(["marker": .string("done")])]
        ).rehearsal()
        try run.run()
        #expect(run.checkpoints == [5])
        #expect(run.notes.count == 1)
    }

    @Test func `a checkpoint that is a file stands in a folder of its own once its marker is there`() throws {
        let run = try TrainerContract.perl(
            #"""
            my $dir = shift;
            for ("0005", "0009") { open(F, ">$dir/model_$_.pt"); print F $_; close(F) }
            open(F, ">$dir/DONE_0005"); print qq({"step": 20, "loss": 2}\n)
            """#, arguments: [.string("{checkpoint_dir}")],
            settings: [
                "checkpoint": .object([
                    "pattern": .string("model_{step}.pt"), "marker": .string("DONE_{step}"),
                ])
            ]
        ).rehearsal()
        try run.run()
        #expect(run.checkpoints == [5])
        #expect(run.text(of: "checkpoints/step_5/model_0005.pt") == "0005")
    }

    /// It saves at 5 and 10 in place, and is seen between a save's beginning and its end.
    @Test func `a file that is written in place is complete when a later step is reported`() throws {
        let contract = try TrainerContract.perl(
            #"""
            my ($dir, $load) = @ARGV; $| = 1; my $from = 0;
            if ($load) { open(F, $load); $from = <F>; close(F) }
            for my $step ($from + 1 .. 20) {
                if ($step % 5 == 0) {
                    open(F, ">$dir/ckpt-$step.pt"); select(undef, undef, undef, 0.3); print F $step; close(F);
                }
                print qq({"step": $step, "loss": 2}\n);
            }
            """#, arguments: [.string("{checkpoint_dir}"), .array([.string("{checkpoint_file}")])],
            settings: [
                "checkpoint": .object(["pattern": .string("ckpt-{step}.pt"), "complete": .string("passed")])
            ])
        let run = try contract.rehearsal()
        try run.run()
        #expect(run.checkpoints == [5, 10, 15, 20])
        for step in run.checkpoints {
            #expect(run.text(of: "checkpoints/step_\(step)/ckpt-\(step).pt") == "\(step)")
        }
    }
}
