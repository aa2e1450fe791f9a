"""iterhpo inside a training script that uses transformers.Trainer (4.46 and later, 5.x).

It reports metrics and what the optimiser really used, gives a warm start its own learning rate and place in
the data, decides at which steps of the trial is logged, evaluated and saved, anneals the learning rate where
that is asked for, and ends the run in order when the file of the stop order appears.
"""

import copy
import functools
import inspect
import json
import math
import os
import sys

from transformers.trainer_callback import ExportableState, TrainerCallback

from iterhpo_run import PLAN, Stopwatch, is_distributed, peak_memory_mib, reading, stop_order, write


def attach(module):
    """Makes every Trainer of transformers.trainer a watched one."""
    trainer_class, state_class = module.Trainer, module.TrainerState
    init, train, load = trainer_class.__init__, trainer_class.train, state_class.load_from_json
    parameters = inspect.signature(init)

    @functools.wraps(init)
    def watched_init(self, *args, **kwargs):
        arguments = parameters.bind_partial(self, *args, **kwargs).arguments.get("args")
        if arguments is not None:
            set_arguments(arguments)
        init(self, *args, **kwargs)
        self.add_callback(IterhpoWatcher(self))

    @functools.wraps(train)
    def watched_train(self, resume_from_checkpoint=None, *args, **kwargs):
        watcher = next(c for c in self.callback_handler.callbacks if isinstance(c, IterhpoWatcher))
        watcher.prepare()
        return train(self, PLAN["checkpoint"], *args, **kwargs)

    def load_from_json(path):
        state = load(path)
        if IterhpoWatcher.training is not None:
            IterhpoWatcher.training.amend(state)
        return state

    trainer_class.__init__, trainer_class.train = watched_init, watched_train
    state_class.load_from_json = staticmethod(load_from_json)


def set_arguments(arguments):
    for name, value in PLAN["arguments"].items():
        setattr(arguments, name, value)
    # Otherwise a step whose loss is no number counts as the mean of the others, and a diverged trial wins.
    arguments.logging_nan_inf_filter = False


class IterhpoWatcher(TrainerCallback, ExportableState):
    """A trial's steps count from 1; `offset` is the trainer's global step before the first of them."""

    # The watcher whose trainer loads a checkpoint.
    training = None

    def __init__(self, trainer):
        self.trainer = trainer
        self.offset = 0
        self.fresh = None  # what a new optimiser and schedule would have
        self.held = None  # learning rates of the last step before the cooldown
        self.metrics, self.used = {}, {}
        self.saved = None
        self.evaluated_at = None
        self.is_stopped = self.is_over = False
        self.batch = self.steps_per_epoch = self.samples_per_epoch = None
        self.stopwatch = Stopwatch()
        self.parameters = None

    # Before the training

    def prepare(self):
        """Finds where the trial begins, and gives it its steps after that."""
        IterhpoWatcher.training = self
        self.count(self.trainer.model)
        if PLAN["checkpoint"] is not None:
            with open(os.path.join(PLAN["checkpoint"], "trainer_state.json"), encoding="utf-8") as file:
                state = json.load(file)
            mine = state.get("stateful_callbacks", {}).get("IterhpoWatcher", {}).get("attributes", {})
            if PLAN["resume_at"] is None:
                self.measure(self.trainer.get_train_dataloader())
                self.offset = self.place(state, mine)
            else:
                self.offset = state["global_step"] - PLAN["resume_at"]
                self.held = mine.get("held")
        self.trainer.args.max_steps = self.offset + PLAN["steps"]
        self.keep_fresh_schedule()

    def count(self, model):
        """Trainable numbers, counted before anything cuts the model into shards."""
        if model is not None and self.parameters is None:
            trained = [p for p in model.parameters() if p.requires_grad]
            self.parameters = sum(getattr(p, "ds_numel", p.numel()) for p in trained)

    def measure(self, loader):
        """The data as the trainer's own loader cuts it."""
        accumulation = self.trainer.args.gradient_accumulation_steps
        own = self.trainer._train_batch_size * self.trainer.args.world_size
        self.batch = (getattr(loader, "total_batch_size", None) or own) * accumulation
        try:
            batches, samples = len(loader), len(loader.dataset)
        except TypeError:  # a stream
            return
        self.steps_per_epoch = max(1, batches // accumulation + (batches % accumulation > 0))
        self.samples_per_epoch = samples

    def place(self, state, mine):
        """The step at which a training with this batch size stands at the checkpoint's place in the data.

        The trainer skips whole batches of its new size, so up to one batch is read a second time.
        """
        if self.steps_per_epoch is None:
            consumed = mine.get("consumed", state["global_step"] * self.batch)
            step, again = divmod(consumed, self.batch)
        elif "samples" in mine:
            step, again = divmod(mine["samples"], self.batch)
            step += mine["epochs"] * self.steps_per_epoch
        else:
            # A checkpoint of another making knows only the share of the epoch.
            step, again = math.floor(state["epoch"] * self.steps_per_epoch + 1e-6), 0
        if again:
            self.note(f"batches of {self.batch} begin at sample {step * self.batch}: {again} are read again")
        return step

    def keep_fresh_schedule(self):
        """The trial's own schedule spans its own steps, and is remembered before a checkpoint is loaded."""
        create = self.trainer.create_scheduler

        @functools.wraps(create)
        def create_scheduler(num_training_steps, *args, **kwargs):
            schedule = create(PLAN["steps"] - PLAN["cooldown"], *args, **kwargs)
            groups = self.trainer.optimizer.param_groups
            values = [{k: v for k, v in group.items() if k != "params"} for group in groups]
            self.fresh = copy.deepcopy((values, schedule.state_dict()))
            return schedule

        self.trainer.create_scheduler = create_scheduler

    def amend(self, state):
        """A checkpoint's counters as this trial counts; before 5.2 the batch size is taken from them too."""
        args = self.trainer.args
        state.train_batch_size = args.train_batch_size
        for name in ("logging_steps", "eval_steps", "save_steps"):
            setattr(state, name, getattr(args, name))
        if PLAN["resume_at"] is None:
            state.global_step = self.offset
            state.log_history, state.best_metric, state.best_model_checkpoint = [], None, None

    def on_train_begin(self, args, state, control, optimizer, lr_scheduler, train_dataloader, model, **_):
        IterhpoWatcher.training = None
        self.count(model)
        self.measure(train_dataloader)
        if PLAN["checkpoint"] is not None and PLAN["resume_at"] is None:
            if self.fresh is None:
                raise RuntimeError("this Trainer makes its schedule elsewhere: warm_start: weights is for it")
            values, schedule = self.fresh
            for group, fresh in zip(optimizer.param_groups, values):
                group.update(fresh)
            lr_scheduler.load_state_dict(schedule)

    # Steps

    def step(self, state):
        """The trial step that is done."""
        return state.global_step - self.offset

    def on_step_begin(self, args, state, control, **_):
        self.flush(state)
        self.stopwatch.start()

    def on_pre_optimizer_step(self, args, state, control, optimizer, lr_scheduler, **_):
        step = self.step(state) + 1
        groups = optimizer.param_groups
        left = PLAN["steps"] - step + 1
        if PLAN["cooldown"] == 0 or left > PLAN["cooldown"]:
            self.held = [group["lr"] for group in groups]
        else:
            for group, rate in zip(groups, self.held):
                group["lr"] = rate * left / (PLAN["cooldown"] + 1)
        schedule = getattr(lr_scheduler, "scheduler", lr_scheduler)
        self.used = {
            "learning_rate": float(groups[0]["lr"]),
            "scheduler_steps": int(getattr(schedule, "last_epoch", step - 1)),
            "global_batch_size": self.batch,
        }
        if getattr(schedule, "base_lrs", None):
            self.used["peak_learning_rate"] = float(schedule.base_lrs[0])

    def on_step_end(self, args, state, control, **_):
        step, last = self.step(state), PLAN["steps"]
        is_mark = step in (last, last - PLAN["cooldown"])
        can_evaluate = self.trainer.eval_dataset is not None

        def is_due(every):
            return is_mark or every > 0 and step % every == 0

        control.should_log = step == 1 or is_due(PLAN["log_every"])
        control.should_evaluate = can_evaluate and is_due(PLAN["evaluate_every"])
        control.should_save = is_due(PLAN["checkpoint_every"])
        is_marked = control.should_log or control.should_evaluate or control.should_save
        self.stopwatch.end_step(state.num_input_tokens_seen, is_marked)
        order = stop_order(state.global_step, args.device)
        if order:
            control.should_training_stop = self.is_stopped = True
            control.should_evaluate, control.should_save = False, order == 2

    # What is said

    def on_log(self, args, state, control, logs=None, **_):
        # The summary of a training that is over. Where tokens are counted, each line holds its time too.
        is_summary = "train_runtime" in logs and "loss" not in logs
        if not state.is_world_process_zero or is_summary:
            return
        if any(name.startswith("eval_") for name in logs):
            # Scripts like to evaluate once more when they are done.
            if self.evaluated_at == state.global_step and self.is_over:
                return
            self.evaluated_at = state.global_step
        self.metrics |= {k: v for k, v in logs.items() if isinstance(v, (int, float))}
        # Nobody waits for the end of an evaluation of a model that is broken.
        if self.is_over or not math.isfinite(logs.get("loss", 0)):
            self.flush(state)

    def on_save(self, args, state, control, **_):
        folder = os.path.join(args.output_dir, f"checkpoint-{state.global_step}")
        self.saved = {"step": self.step(state), "folder": folder}

    def flush(self, state):
        """Says what is known of the step that is done; all processes have written their part of it."""
        if not state.is_world_process_zero:
            return
        if self.metrics:
            used = self.used | {"trainer_step": state.global_step, "consumed_samples": self.consumed(state)}
            costs = {"parameters": self.parameters, "peak_memory_mib": peak_memory_mib()} | self.stopwatch.take()
            metrics = {k: reading(v) for k, v in (costs | self.metrics | used).items()}
            write({"step": self.step(state), "metrics": metrics})
        if self.saved:
            write({"checkpoint": self.saved})
        self.metrics, self.saved = {}, None

    def note(self, text):
        if self.trainer.is_world_process_zero():
            write({"note": text})

    def consumed(self, state):
        """Samples since the data began, by the trainer's place in them."""
        if self.steps_per_epoch is None:
            return state.global_step * self.batch
        epochs, steps = divmod(state.global_step, self.steps_per_epoch)
        return epochs * self.samples_per_epoch + min(steps * self.batch, self.samples_per_epoch)

    def state(self):
        """Goes into trainer_state.json, for who starts from this checkpoint."""
        state = self.trainer.state
        mine = {"held": self.held, "consumed": self.consumed(state) if self.batch else 0}
        if self.steps_per_epoch is not None:
            epochs, steps = divmod(state.global_step, self.steps_per_epoch)
            mine |= {"epochs": epochs, "samples": min(steps * self.batch, self.samples_per_epoch)}
        return {"args": {}, "attributes": mine}

    # The end

    def on_train_end(self, args, state, control, **_):
        if is_distributed():
            sys.modules["torch.distributed"].barrier()
        self.flush(state)
        self.is_over = True
        if self.is_stopped:
            # The script's own end, with its evaluation, would only spend the time of grace.
            sys.exit(0)
