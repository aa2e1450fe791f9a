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
                step_key: the key that holds the step in JSON lines on stdout, "step" by default; every other \
                number of the object is a metric. regex: instead of JSON, regular expressions (Swift's; close to \
                Perl's) for lines of stdout and stderr, with a group (?<step>\\d+) and one group for each metric; \
                only the first 2,000 letters of a line are searched.
                """),
            .init(
                "checkpoint",
                """
                pattern: name of a checkpoint's folder below {checkpoint_dir}, "step_{step}" by default. marker: a \
                file in it that says that it is complete; without one the folder must appear by a rename. Complete \
                folders are moved away, so the program must not write to them again. Steps count from the start of \
                the trial: a resumed program starts after {first_step}.
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
