import FleetModel
import FoundationEssentials
import Testing
import TrainerKitTesting
import Wire

/// What a plugin notices while its trainer, which then never ends by itself, has nothing more to say.
@Suite struct EventTests {
    /// Runs until `condition` holds, and stops.
    private func run(
        _ contract: TrainerContract, grace: Double = 5, until condition: (Rehearsal) -> Bool
    ) throws -> Rehearsal {
        let run = try contract.rehearsal(grace: grace)
        try run.start()
        try run.wait(for: "the event") { condition(run) }
        try run.order(StopOrder(save: true, reason: "test"))
        #expect(try run.wait() == 0)
        #expect(run.ending == .stopped)
        return run
    }

    @Test func `an in-process trainer in a long step saves when it is stopped`() throws {
        let contract = try TrainerContract.scripted(["seconds_per_step": .int(100_000)])
        // Once the trainer's process is there: a run that is stopped before has nothing to save. Where it notices
        // nothing, the first SIGTERM ends it after the time of grace, which is longer than a loaded machine takes
        // to start a process.
        let run = try run(contract, grace: 60) { $0.hasSurvivors }
        #expect(run.checkpoints.count == 1)
    }

    @Test func `a metrics file whose folder is made later, and that is replaced, is read`() throws {
        let contract = try TrainerContract.perl(
            """
            sub put { open(F, ">", "$ARGV[0]/new"); print F qq({"step": $_[0], "loss": 1}\\n); close F;
              rename("$ARGV[0]/new", "$ARGV[0]/later/log"); select(undef, undef, undef, 0.3); }
            select(undef, undef, undef, 0.3); mkdir("$ARGV[0]/later"); put(1); put(2); put(3); sleep 1000;
            """, arguments: [.string("{folder}")],
            settings: ["metrics": .object(["file": .string("{folder}/later/log")])])
        let run = try run(contract) { $0.reports.count == 3 }
        #expect(run.reports.map(\.step) == [1, 2, 3])
    }

    @Test func `a checkpoint is published when its marker appears in it`() throws {
        let contract = try TrainerContract.perl(
            """
            mkdir("$ARGV[0]/it_8"); select(undef, undef, undef, 0.5);
            open(F, ">", "$ARGV[0]/it_8/done"); close F; sleep 1000;
            """, arguments: [.string("{checkpoint_dir}")],
            settings: [
                "checkpoint": .object(["pattern": .string("it_{step}"), "marker": .string("done")])
            ])
        #expect(try run(contract) { !$0.checkpoints.isEmpty }.checkpoints == [8])
    }

    @Test func `a checkpoint is published when a later report says that it is complete`() throws {
        let contract = try TrainerContract.perl(
            """
            $| = 1; open(F, ">", "$ARGV[0]/it_8.pt"); close F; print qq({"step": 8, "loss": 1}\\n);
            select(undef, undef, undef, 0.5); print qq({"step": 9, "loss": 1}\\n); sleep 1000;
            """, arguments: [.string("{checkpoint_dir}")],
            settings: [
                "checkpoint": .object(["pattern": .string("it_{step}.pt"), "complete": .string("passed")])
            ])
        let run = try run(contract) { !$0.checkpoints.isEmpty }
        #expect(run.checkpoints == [8])
        #expect(run.reports.map(\.step) == [8, 9])
    }
}
