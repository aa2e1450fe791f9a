"""What iterhpo's modules inside a training script share: the run's plan, its reports, its stop orders, its costs.

The plan is the JSON file that ITERHPO_PLAN names:

    reports, stop      files: reports go to the one, a stop order appears as the other
    output             folder for checkpoints
    checkpoint         folder to start from, or null: a new model, or weights that the script loads itself
    resume_at          trial step of that checkpoint, where the same trial goes on; null: a warm start
    keeps_optimizer    whether a warm start takes over more of the checkpoint than its weights
    steps, cooldown    of the trial; the last `cooldown` steps anneal
    metric             the trial's objective
    log_every, evaluate_every, checkpoint_every    trial steps; 0: only where the trial ends or anneals
    arguments          TrainingArguments to set, for scripts that take no flags
"""

import json
import math
import os
import sys
import time

with open(os.environ["ITERHPO_PLAN"], encoding="utf-8") as file:
    PLAN = json.load(file)


def write(line):
    """Appends one line to the reports, by one write."""
    descriptor = os.open(PLAN["reports"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, (json.dumps(line, allow_nan=False) + "\n").encode())
    finally:
        os.close(descriptor)


def reading(number):
    """A number as JSON can hold it."""
    if math.isfinite(number):
        return number
    return "nan" if math.isnan(number) else "inf" if number > 0 else "-inf"


def stop_order(step, device):
    """0: none; 1: end; 2: save and end. Processes of one training agree, every tenth step."""
    if not is_distributed():
        return read_stop_order()
    return agreed(read_stop_order(), device) if step % 10 == 0 else 0


def read_stop_order():
    try:
        with open(PLAN["stop"], encoding="utf-8") as file:
            return 2 if json.load(file).get("save") else 1
    except FileNotFoundError:
        return 0


def is_distributed():
    distributed = sys.modules.get("torch.distributed")
    return distributed is not None and distributed.is_available() and distributed.is_initialized()


def agreed(number, device):
    """The first process's whole number, in all of them."""
    if not is_distributed():
        return number
    import torch

    shared = torch.tensor(int(number), device=device)
    torch.distributed.broadcast(shared, 0)
    return int(shared.item())


def peak_memory_mib():
    """The most memory so far: of this process's GPU, or of the process where it has none."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        return torch.cuda.max_memory_allocated() / 2**20
    with open("/proc/self/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))


class Stopwatch:
    """Times the steps between two reports, without evaluations and saving."""

    def __init__(self):
        self.began = None  # nothing runs
        self.seconds = self.steps = self.tokens = 0
        self.seen = None  # tokens, at the end of the last step that was not timed

    def start(self):
        if self.began is None:
            self.began = time.perf_counter()

    def end_step(self, seen, is_marked):
        """A step is done, after which `seen` tokens were seen; at a mark the GPU is waited for."""
        self.steps += 1
        if self.seen is None:
            # The first step of a process holds its start.
            self.steps, is_marked = 0, False
            self.began, self.seen = None, seen
        if is_marked and self.began is not None:
            torch = sys.modules.get("torch")
            if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
                torch.cuda.synchronize()
            self.seconds += time.perf_counter() - self.began
            self.tokens += seen - self.seen
            self.began, self.seen = None, seen

    def drop(self):
        """Something else than steps begins: the steps since the last mark are not measured."""
        if self.began is not None:
            self.began = None
            self.seconds = self.steps = self.tokens = 0

    def take(self):
        """What was measured since this was last asked."""
        measured = {}
        if self.began is None and self.steps and self.seconds:
            measured["step_ms"] = 1000 * self.seconds / self.steps
            if self.tokens:
                measured["tokens_per_second"] = self.tokens / self.seconds
            self.seconds = self.steps = self.tokens = 0
        return measured
