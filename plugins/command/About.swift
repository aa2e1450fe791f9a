import TrainerKit
import Wire

extension CommandTrainer {
    static let about = TrainerDescription(
        name: "command", summary: "trains with any program that prints its metrics.",
        settings: [
            .init(
                "argv",
                """
                The program and its arguments, without a shell; {name} stands for a hyper-parameter or one of: \
                \(RunNames.all.joined(separator: ", ")). {{ and }} are braces. ~/ at the start is your home. A list \
                inside the list is left out whole when a name in it has no value in a trial (a conditional \
                parameter, a checkpoint that a fresh trial has not).
                """),
            .init("environment", "Variables to set, with the same names; one without a value is left out."),
            .init(
                "working_directory",
                "Where the program runs; the study file's folder by default (on a node that lacks it, the trial's)."
            ),
            .init(
                "metrics",
                """
                Where metrics are found, or a list of such places; by default JSON lines on stdout. step_key: the key \
                that holds the step, "step" by default; every other number is a metric, train.loss for members of \
                members. regex: instead of JSON, regular expressions (Swift's; close to Perl's) for lines of stdout \
                and stderr with a group for each metric and, in one of them, (?<step>\\d+): an expression without \
                one is about the step before; only the first 2,000 letters of a line are searched. file: lines of \
                this file instead of the outputs. csv: a table with a column of the step_key. tensorboard: a folder \
                of event files. names: other names, { val/loss: validation_loss }.
                """),
            .init(
                "attest",
                """
                What the program's metrics of these names must be, or the trial fails with both numbers: \
                { learning_rate: "{lr}", global_batch_size: "{batch_size}" }. schedule: constant where the learning \
                rate stays; else it may be anywhere below.
                """),
            .init(
                "micro_batch",
                """
                Largest {micro_batch} that {batch_size} is dealt into, over GPUs and {accumulation}; auto: lowered \
                when memory runs out.
                """),
            .init(
                "checkpoint",
                """
                pattern: name of a checkpoint's folder or file below {checkpoint_dir}, "step_{step}" by default, \
                "ckpt_{step}.pt". marker: a file in the folder, or beside the file ("DONE_{step}"), that says that it \
                is complete. Without one, complete says when it is: rename (default), it appears by a rename; passed, \
                a later step was reported or the program has ended well. Complete ones are moved away, so the \
                program must not write to them again; a file is loaded from {checkpoint_file}. Steps count from the \
                start of the trial: a resumed program starts after {first_step}.
                """),
            .init("stop_signal", "What asks the program to end: TERM (default), INT, USR1, USR2 or HUP."),
        ],
        example: """
            trainer:
              plugin: command
              settings:
                argv: [python3, train.py, --lr, "{lr}", --steps, "{steps}", [--load, "{checkpoint}"]]
                checkpoint: { pattern: "step_{step}", marker: done }
            """)
}
