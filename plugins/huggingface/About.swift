import TrainerKit
import Wire

extension HuggingFace {
    static let about = TrainerDescription(
        name: "huggingface",
        summary: "Trains with any script on transformers.Trainer, 4.46 or later, or on accelerate.",
        settings: [
            .init(
                "loop",
                """
                trainer (default): transformers.Trainer's; accelerate: the script's own, with an Accelerator and \
                prepare(). Such a script is given output_dir, max_train_steps, learning_rate, \
                per_device_train_batch_size, gradient_accumulation_steps and seed, and evaluates by itself.
                """),
            .init("script", "The training script; or python_module for one that python -m finds."),
            .init("python_module", "Instead of script: the module to run."),
            .init("python", "The interpreter that has transformers; python3 by default."),
            .init(
                "launcher",
                "python, torchrun or accelerate; by default torchrun where a trial has several GPUs."),
            .init("launcher_args", "Further arguments of the launcher, before the script."),
            .init(
                "args",
                """
                The script's flags that are the same for all trials: a mapping of names to values. An empty text is \
                the flag alone, a list is several arguments, null leaves it out.
                """),
            .init(
                "rename",
                """
                Other names for flags where the script has its own: { learning_rate: lr }; an empty name is not \
                passed. Parameters of the space are flags of their name, but lr is learning_rate, and batch_size is \
                the global batch: devices × gradient accumulation × per-device batch.
                """),
            .init(
                "pass",
                "flags (default), or arguments: set in the script's TrainingArguments, for scripts without flags."
            ),
            .init(
                "micro_batch",
                "Largest per-device batch; accumulation makes up the rest. auto: found by running out of memory."
            ),
            .init("log_every", "Trial steps between logs; by default 10, or evaluate_every if that is less."),
            .init(
                "evaluate_every",
                "Trial steps between evaluations by the Trainer; an eighth of the trial by default, 0: at its end alone."
            ),
            .init("checkpoint_every", "Trial steps between checkpoints; by default only one at the end."),
            .init(
                "warm_start",
                """
                optimizer (default): a warm start keeps the optimiser's moments and the place in the data, with \
                the trial's own learning rate, batch size and schedule. weights: a new optimiser, data anew.
                """),
            .init("model_flag", "The script's flag for a folder of weights; model_name_or_path by default."),
            .init(
                "module",
                """
                false: do not put the Python module beside the script. Metrics are then read from what the Trainer \
                prints, warm starts are from weights alone, runs stop without saving and have no cooldown.
                """),
            .init("environment", "Variables to set."),
            .init("working_directory", "Where the script runs; the study file's folder by default."),
        ],
        example: """
            trainer:
              plugin: huggingface
              settings:
                script: run_clm.py
                python: ~/venv/bin/python
                args: { model_name_or_path: gpt2, train_file: corpus.txt, do_train: true, do_eval: true }
                micro_batch: auto
            """)
}
