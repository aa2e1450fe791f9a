"""iterhpo inside a training script with a loop of its own around accelerate.Accelerator.

The script begins as if it were new, and trains for the trial's steps. This module counts the steps that the first
prepared optimiser really takes, reports the losses that go to backward() and whatever goes to accelerator.log(),
loads the run's checkpoint when the prepared model is first used, lets the first pass over the data go on where the
checkpoint was, saves with save_state() between two steps, and ends the script when the trial is over or the file of
the stop order appears. Whatever is loaded, a new trial keeps its own learning rate and schedule.
"""

import atexit
import copy
import functools
import json
import math
import os
import pickle
import sys

import torch

from iterhpo_data import Place, drawn, set_drawn
from iterhpo_run import PLAN, Stopwatch, agreed, peak_memory_mib, reading, stop_order, write

# In a checkpoint, written last: it is complete.
STATE_FILE = "iterhpo.json"

# The watch over the script's first Accelerator.
WATCH = None


def attach(module):
    """Lets the classes that accelerate.accelerator defines and uses tell the watch what happens."""
    from accelerate.data_loader import DataLoaderDispatcher, DataLoaderShard

    accelerator = module.Accelerator
    around(accelerator, "__init__", created)
    for name in ("prepare_model", "accumulate", "backward", "log", "load_state", "end_training"):
        around(accelerator, name, globals()[f"on_{name}"])
    around(module.AcceleratedOptimizer, "step", on_step)
    around(module.AcceleratedOptimizer, "zero_grad", on_zero_grad)
    around(module.AcceleratedOptimizer, "load_state_dict", on_load_optimizer)
    around(module.AcceleratedScheduler, "load_state_dict", on_load_schedule)
    for loader in (DataLoaderShard, DataLoaderDispatcher):
        around(loader, "__iter__", on_iterate)


def around(owner, name, replacement):
    """Puts `replacement(original, self, …)` in the place of a method."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def method(self, *args, **kwargs):
        return replacement(original, self, *args, **kwargs)

    setattr(owner, name, method)


# What happens in the script


def created(init, self, *args, **kwargs):
    global WATCH
    init(self, *args, **kwargs)
    if WATCH is None:
        WATCH = Watch(self)
        atexit.register(WATCH.on_exit)


def is_watched(accelerator):
    return WATCH is not None and WATCH.accelerator is accelerator


def on_prepare_model(prepare, self, model, *args, **kwargs):
    if not is_watched(self) or kwargs.get("evaluation_mode"):
        return prepare(self, model, *args, **kwargs)
    WATCH.count(model)
    prepared = prepare(self, model, *args, **kwargs)
    WATCH.hooks.append(prepared.register_forward_pre_hook(lambda *_: WATCH.use()))
    return prepared


def on_accumulate(accumulate, self, *models):
    if is_watched(self):
        WATCH.use()
        WATCH.begin_batch()
    return accumulate(self, *models)


def on_backward(backward, self, loss, *args, **kwargs):
    if is_watched(self):
        WATCH.learn(loss)
    return backward(self, loss, *args, **kwargs)


def on_step(step, self, *args, **kwargs):
    is_real = WATCH is not None and WATCH.optimizer() is self and self.gradient_state.sync_gradients
    if not is_real:
        return step(self, *args, **kwargs)
    # Where nothing showed that the script had gone on since the last step.
    WATCH.between_steps()
    used = WATCH.before_step(self)
    result = step(self, *args, **kwargs)
    WATCH.after_step(used, self.step_was_skipped)
    return result


def on_zero_grad(zero_grad, self, *args, **kwargs):
    if WATCH is not None and WATCH.optimizer() is self and self.gradient_state.sync_gradients:
        WATCH.forget_batches()
    return zero_grad(self, *args, **kwargs)


def on_log(log, self, values, *args, **kwargs):
    if is_watched(self):
        WATCH.hear(values)
    return log(self, values, *args, **kwargs)


def on_end_training(end_training, self, *args, **kwargs):
    if is_watched(self):
        WATCH.finish()
    return end_training(self, *args, **kwargs)


def on_iterate(iterate, self):
    return iterate(self) if WATCH is None else WATCH.batches(iterate, self)


# What is loaded


def on_load_state(load_state, self, *args, **kwargs):
    if not is_watched(self) or WATCH.is_resuming:
        return load_state(self, *args, **kwargs)
    own = [(thing, copy.deepcopy(thing.state_dict())) for thing in self._custom_objects]
    result = load_state(self, *args, **kwargs)
    for thing, state in own:
        # Schedules and the script's counters are the trial's own; averaged weights and their like go on.
        if not holds_tensors(state):
            thing.load_state_dict(state)
    # Micro-batches since the last optimiser step.
    self.step = 0
    return result


def on_load_optimizer(load, self, state):
    kept = copy.deepcopy([{k: v for k, v in group.items() if k != "params"} for group in self.param_groups])
    load(self, state)
    if WATCH is not None and not WATCH.is_resuming:
        for group, own in zip(self.param_groups, kept):
            group.update(own)


def on_load_schedule(load, self, state):
    if WATCH is None or WATCH.is_resuming:
        load(self, state)


def holds_tensors(state):
    if isinstance(state, dict):
        return any(holds_tensors(part) for part in state.values())
    if isinstance(state, (list, tuple)):
        return any(holds_tensors(part) for part in state)
    return isinstance(state, torch.Tensor)


class Watch:
    """A trial's steps count from 1: those that the optimiser took, in all processes of the run."""

    def __init__(self, accelerator):
        self.accelerator = accelerator
        self.hooks, self.parameters = [], 0
        self.is_ready = self.is_resuming = self.has_learnt = False
        self.step = self.reported = PLAN["resume_at"] or 0
        self.trainer_step = 0
        # Whether the script has not gone on to another step yet; the trial is over; all was said.
        self.is_step_done = self.is_over = self.is_finished = False
        self.order = (None, 0)  # the stop order as of a step
        self.held = None  # learning rates of the last step before the cooldown
        self.constant = None  # the learning rate of all steps; False: it changes
        self.metrics, self.used = {}, {}
        self.loss, self.step_loss = Mean(), Mean()
        self.saved, self.saved_step = None, None
        self.stopwatch = Stopwatch()
        self.places = {}
        self.place = None  # in the training data, once these are known
        self.drawn = None  # the place whose batch was drawn last
        self.is_batch_new = False
        self.micro_batches, self.batch = 0, None  # in the gradients so far; samples of a step

    # Before the training

    def count(self, model):
        """Trainable numbers, before anything cuts the model into shards."""
        if not getattr(model, "_is_accelerate_prepared", False):
            self.parameters += sum(p.numel() for p in model.parameters() if p.requires_grad)

    def use(self):
        """What was prepared is about to be used."""
        if self.is_ready or not (self.accelerator._models and self.accelerator._optimizers):
            return
        self.is_ready = True
        for hook in self.hooks:
            hook.remove()
        kind = self.accelerator.distributed_type.value
        if kind in ("DEEPSPEED", "MEGATRON_LM", "XLA"):
            raise RuntimeError(f"iterhpo: found accelerate on {kind}; expected one process, DDP or FSDP")
        if self.accelerator.use_stateful_dataloader:
            raise RuntimeError("iterhpo: found use_stateful_dataloader; leave it out, iterhpo keeps the place in the data")
        if PLAN["checkpoint"] is not None:
            self.load(PLAN["checkpoint"])

    def load(self, folder):
        mine = {}
        if os.path.exists(os.path.join(folder, STATE_FILE)):
            with open(os.path.join(folder, STATE_FILE), encoding="utf-8") as file:
                mine = json.load(file)
        self.is_resuming = PLAN["resume_at"] is not None
        if self.is_resuming and self.schedule() is None and self.has_schedule():
            raise RuntimeError(
                "iterhpo: found a learning rate schedule that is not prepared, so it cannot resume; expected it in "
                "accelerator.prepare() or accelerator.register_for_checkpointing()")
        fresh = [copy.deepcopy(optimizer.state_dict()) for optimizer in self.accelerator._optimizers]
        now = drawn()
        self.accelerator.load_state(folder)
        if self.is_resuming:
            self.held, self.constant = mine["held"], mine["constant"]
        elif not PLAN["keeps_optimizer"]:
            for optimizer, state in zip(self.accelerator._optimizers, fresh):
                optimizer.load_state_dict(state)
            set_drawn(now)
            mine = {}
        self.is_resuming = False
        self.trainer_step = mine.get("trainer_step", 0)
        self.restore_place(folder, mine)

    def restore_place(self, folder, mine):
        if mine.get("loader") is None:
            if PLAN["keeps_optimizer"]:
                self.note("the checkpoint knows no place in the data: they begin anew")
            return
        loaders = self.accelerator._dataloaders
        place = self.place_in(loaders[mine["loader"]])
        names = [f"iterhpo_order_{rank}.pkl" for rank in (self.accelerator.process_index, 0)]
        paths = [os.path.join(folder, name) for name in names]
        with open(next(path for path in paths if os.path.exists(path)), "rb") as file:
            place.restored = mine["place"] | {"order": pickle.load(file)}

    # Data

    def place_in(self, loader):
        return self.places.setdefault(id(loader), Place(loader, self.accelerator.num_processes))

    def batches(self, iterate, loader):
        """A pass over a prepared loader's data."""
        self.use()
        place = self.place_in(loader)
        if place is self.place:
            self.between_steps()
        elif self.place is not None:
            self.stopwatch.drop()
        source, now = self.begin(place)
        batches, is_last = iterate(source), False
        while True:
            if place is self.place and not is_last:
                self.stopwatch.start()
            batch = next(batches, END)
            if now is not None:
                set_drawn(now)
                now = None
            if batch is END:
                break
            place.take(batch)
            self.drawn, self.is_batch_new = place, True
            yield batch
            is_last = source.end_of_dataloader
            # What the script says after a pass is of the pass's last step.
            if place is self.place and (not is_last or self.stop_order()):
                self.between_steps()
                if self.is_over:
                    batches.close()
                    source.end()
                    return
        place.end()

    def begin(self, place):
        """What to iterate over, and how far the shared generators are once the pass's order is drawn."""
        if place.restored is None:
            return place.begin(), None
        # Between two passes, the order is drawn from where they are.
        now = drawn() if place.restored["samples"] else None
        source, again = place.restore()
        if again:
            self.note(f"batches begin at sample {place.samples} of a pass: {again} are read again")
        return source, now

    # Steps

    def optimizer(self):
        return next(iter(self.accelerator._optimizers), None)

    def begin_batch(self):
        """The script works on a batch; where its data come through no prepared loader, nothing else shows that."""
        if self.place is None:
            self.between_steps()

    def learn(self, loss):
        """backward() is called for a loss."""
        if not self.is_ready and PLAN["checkpoint"] is None:
            self.use()
        if not self.is_ready:
            raise RuntimeError(
                "iterhpo: found backward() before any prepared model and optimiser were used; expected both in "
                "accelerator.prepare()")
        self.begin_batch()
        if not self.has_learnt:
            self.has_learnt = True
            self.metrics = {}
            self.place = self.drawn
            self.note_unknown_place()
        self.micro_batches += self.is_batch_new
        self.is_batch_new = False
        self.step_loss.add(loss.detach())

    def note_unknown_place(self):
        if self.place is None:
            self.note("the training data come through no prepared loader: batch size and place are not attested")

    def before_step(self, optimizer):
        """Anneals where the trial does; what the step is about to use."""
        groups = optimizer.param_groups
        left = PLAN["steps"] - self.step
        if PLAN["cooldown"] == 0 or left > PLAN["cooldown"]:
            self.held = [float(group["lr"]) for group in groups]
        else:
            for group, rate in zip(groups, self.held):
                group["lr"] = rate * left / (PLAN["cooldown"] + 1)
        if self.constant is None:
            self.constant = self.held[0]
        elif self.constant != self.held[0]:
            self.constant = False
        return {"learning_rate": float(groups[0]["lr"])} | self.used_schedule(optimizer) | self.used_batch()

    def used_batch(self):
        if self.place is not None and self.micro_batches == 0:
            # Batches that were kept (itertools.cycle) come again.
            self.place = None
            self.note_unknown_place()
        if self.place is None or self.place.batch is None:
            return {}
        # A pass may end within a step.
        accumulation = self.accelerator.gradient_accumulation_steps
        is_cut = self.accelerator.gradient_state.end_of_dataloader and self.micro_batches != accumulation
        if not is_cut:
            self.batch = self.micro_batches * self.place.batch
        return {} if self.batch is None else {"global_batch_size": self.batch}

    def used_schedule(self, optimizer):
        schedule = self.schedule()
        if schedule is None:
            # Whoever sets the rate by a formula of their own changes it.
            is_told = self.constant is not False and self.step + 1 == PLAN["steps"] and not self.has_schedule()
            return {"peak_learning_rate": self.constant} if is_told else {}
        used, group = {}, optimizer.param_groups[0]
        # OneCycleLR begins at a share of its peak.
        rates = [group["max_lr"]] if "max_lr" in group else getattr(schedule, "base_lrs", None)
        if rates:
            used["peak_learning_rate"] = float(rates[0])
        counted = next((s for s in self.accelerator._schedulers if s.scheduler is schedule), None)
        if counted is not None and counted.step_with_optimizer and hasattr(schedule, "last_epoch"):
            # accelerate steps it once for each process.
            each = 1 if counted.split_batches else self.accelerator.num_processes
            used["scheduler_steps"] = int(schedule.last_epoch) // each
        return used

    def schedule(self):
        """torch's schedule of the first optimiser, prepared or registered; None where neither was done."""
        optimizer = self.optimizer().optimizer
        things = [scheduler.scheduler for scheduler in self.accelerator._schedulers]
        things += [t for t in self.accelerator._custom_objects if isinstance(t, torch.optim.lr_scheduler.LRScheduler)]
        return next((thing for thing in things if getattr(thing, "optimizer", optimizer) is optimizer), None)

    def has_schedule(self):
        """Whether any of torch's schedules steps the optimiser: they leave a mark on it."""
        return hasattr(self.optimizer().optimizer.step, "_wrapped_by_lr_sched")

    def after_step(self, used, was_skipped):
        if not was_skipped:
            self.step += 1
            self.trainer_step += 1
            self.is_step_done = True
            self.used = used
            self.loss.take(self.step_loss)
            is_marked = self.is_due(PLAN["log_every"]) or self.is_due(PLAN["checkpoint_every"])
            self.stopwatch.end_step(0, is_marked)
        self.forget_batches()

    def forget_batches(self):
        """Gradients of the batches so far are used, or thrown away."""
        self.micro_batches, self.step_loss = 0, Mean()

    def is_due(self, every):
        is_mark = self.step in (PLAN["steps"], PLAN["steps"] - PLAN["cooldown"])
        return is_mark or every > 0 and self.step % every == 0

    def stop_order(self):
        """The stop order, asked for once a step."""
        if self.order[0] != self.step:
            self.order = (self.step, stop_order(self.step, self.accelerator.device))
        return self.order[1]

    def between_steps(self):
        """The script goes on: all that belongs to the step that is done was done."""
        if self.is_over:
            # It trains for longer than the trial does.
            self.end()
        if not self.is_step_done:
            return
        self.is_step_done = False
        order = self.stop_order()
        if order == 2 or self.is_due(PLAN["checkpoint_every"]):
            self.save()
        if order:
            self.end()
        if self.step < PLAN["steps"]:
            return self.flush()
        self.is_over = True
        # Otherwise the script's pass ends here, after which it may evaluate.
        if agreed(PLAN["metric"] in self.metrics or PLAN["metric"] == "loss", self.accelerator.device):
            self.end()

    # What is said

    def hear(self, values):
        """accelerator.log() is called."""
        if self.accelerator.is_main_process:
            numbers = {str(name): number(value) for name, value in values.items()}
            self.metrics |= {name: value for name, value in numbers.items() if value is not None}

    def flush(self):
        """Says what is known of the step that is done."""
        is_due = self.step == 1 or self.is_due(PLAN["log_every"])
        if self.step > self.reported and (is_due or self.metrics):
            loss = self.loss.take_value(self.accelerator) if is_due else {}
            if self.accelerator.is_main_process:
                costs = {"parameters": self.parameters, "peak_memory_mib": peak_memory_mib()}
                metrics = costs | self.stopwatch.take() | loss | self.metrics | self.used | self.position()
                write({"step": self.step, "metrics": {k: reading(v) for k, v in metrics.items()}})
            self.reported = self.step
        if self.saved and self.accelerator.is_main_process:
            write({"checkpoint": self.saved})
        self.metrics, self.saved = {}, None

    def position(self):
        position = {"trainer_step": self.trainer_step}
        return position if self.place is None else position | {"consumed_samples": self.place.consumed}

    def note(self, text):
        if self.accelerator.is_main_process:
            write({"note": text})

    # Checkpoints

    def save(self):
        if self.saved_step == self.step:
            return
        folder = os.path.join(PLAN["output"], f"checkpoint-{self.step}")
        project = self.accelerator.project_configuration
        names, number = project.automatic_checkpoint_naming, project.iteration
        # Its own numbering would choose another folder.
        project.automatic_checkpoint_naming = False
        self.accelerator.save_state(folder)
        project.automatic_checkpoint_naming, project.iteration = names, number
        loader = None
        if self.place is not None:
            loaders = self.accelerator._dataloaders
            loader = next((i for i, own in enumerate(loaders) if own is self.place.loader), None)
        if loader is not None:
            name = f"iterhpo_order_{self.accelerator.process_index}.pkl"
            with open(os.path.join(folder, name), "wb") as file:
                pickle.dump(self.place.order_to_save(), file)
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            mine = {"step": self.step, "trainer_step": self.trainer_step, "held": self.held, "constant": self.constant}
            mine |= {"loader": loader, "place": self.place.state() if loader is not None else None}
            path = os.path.join(folder, STATE_FILE)
            with open(path + ".new", "w", encoding="utf-8") as file:
                json.dump(mine, file)
            os.rename(path + ".new", path)
        self.saved, self.saved_step = {"step": self.step, "folder": folder}, self.step

    # The end

    def end(self):
        """Ends the script, whose own end would only spend time."""
        self.finish()
        self.accelerator.wait_for_everyone()
        sys.exit(0)

    def finish(self):
        """Says what is still to be said. The script may have gone to its end after its last step."""
        if self.is_finished:
            return
        self.is_finished = True
        if self.is_step_done and self.is_due(0):
            self.save()
        if self.has_learnt:
            self.flush()

    def on_exit(self):
        # After an error nothing of the last step is sure.
        if getattr(sys, "last_value", None) is None:
            self.finish()


END = object()


class Mean:
    """The mean of losses, which stay on their device until it is asked for."""

    def __init__(self):
        self.sum, self.count = 0.0, 0

    def add(self, loss):
        self.sum, self.count = self.sum + loss.float().mean(), self.count + 1

    def take(self, other):
        self.sum, self.count = self.sum + other.sum, self.count + other.count

    def take_value(self, accelerator):
        """The mean over all processes since this was last asked, as a metric."""
        if self.count == 0:
            return {}
        mean = float(accelerator.reduce(self.sum / self.count, "mean"))
        self.__init__()
        return {"loss": mean}


def number(value):
    """What is logged as a number; None where it is something else."""
    try:
        value = value.item() if hasattr(value, "item") else value
    except (RuntimeError, ValueError):  # an array
        return None
    return value if isinstance(value, (int, float)) else None
