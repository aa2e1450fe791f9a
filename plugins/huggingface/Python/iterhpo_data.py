"""Where a loop of the script's own stands in its data: counted in samples, so that it means the same to a trial with
another batch size, and with the order in which the samples of a pass come."""

import math
import random

import numpy
import torch
from accelerate.data_loader import get_sampler, skip_first_batches
from accelerate.utils import find_batch_size


class Place:
    """The place in a prepared loader's data: passes that are over, and samples of the one that is under way."""

    def __init__(self, loader, processes):
        self.loader = loader
        self.processes = processes
        self.passes = self.samples = self.finished = 0
        self.order = None  # of the pass that is under way; None between passes
        self.restored = None  # a checkpoint's place, for the next pass
        self.goes_on = False  # whether passes are counted from a checkpoint's
        # Samples of all processes in one batch; None where the loader does not say.
        try:
            self.batch = loader.total_batch_size
        except (AttributeError, TypeError):
            self.batch = None

    @property
    def consumed(self):
        """Samples since the data began."""
        return self.finished + min(self.samples, self.length)

    @property
    def length(self):
        """Samples of one pass; infinite where nobody knows."""
        try:
            batches, rows = len(self.loader), len(self.loader.dataset)
        except TypeError:  # a stream
            return math.inf
        # Otherwise its sampler draws more or less than there is.
        is_whole = self.batch is None or abs(batches * self.batch - rows) < self.batch
        return rows if is_whole else batches * self.batch

    def begin(self):
        """A pass begins anew."""
        # The last one may have been left before its end.
        self.finished, self.samples = self.consumed, 0
        self.order = order_of(self.loader)
        if self.goes_on:
            self.loader.set_epoch(self.passes)
        return self.loader

    def restore(self):
        """A pass goes on where the checkpoint was: what to iterate over, and how many samples are read again."""
        mine, self.restored = self.restored, None
        self.passes, self.finished, self.order = mine["passes"], mine["finished"], mine["order"]
        self.goes_on = True
        batches, again = divmod(mine["samples"], self.batch) if self.batch else (0, mine["samples"])
        self.samples = mine["samples"] - again
        self.loader.set_epoch(self.passes)
        set_order(self.loader, self.order)
        return (skip_first_batches(self.loader, batches) if batches else self.loader), again

    def take(self, batch):
        self.samples += self.batch or (find_batch_size(batch) or 0) * self.processes

    def end(self):
        """A pass is over."""
        self.finished += self.length if math.isfinite(self.length) else self.samples
        self.passes += 1
        self.samples, self.order = 0, None
        self.loader.iteration = self.passes if self.goes_on else self.loader.iteration

    def state(self):
        """Goes into a checkpoint, beside the order."""
        if self.is_at_end:
            return {"passes": self.passes + 1, "samples": 0, "finished": self.consumed}
        return {"passes": self.passes, "samples": self.samples, "finished": self.finished}

    def order_to_save(self):
        """Of the pass that is under way, or of the one that comes."""
        return order_of(self.loader) if self.order is None or self.is_at_end else self.order

    @property
    def is_at_end(self):
        return self.samples > 0 and self.samples >= self.length


def generators(loader):
    """The loader's own sources of randomness, each once."""
    sampler = get_sampler(loader)
    own = [getattr(place, name, None) for place, name in (
        (sampler, "generator"), (loader, "generator"), (loader, "synchronized_generator"))]
    return list({id(g): g for g in own if isinstance(g, torch.Generator)}.values())


def order_of(loader):
    """What decides the order of a pass that is about to begin."""
    return {
        "drawn": drawn(),
        "generators": [generator.get_state() for generator in generators(loader)],
        # Of accelerate's SeedableRandomSampler, which adds the pass to it.
        "seed": getattr(get_sampler(loader), "initial_seed", None),
    }


def set_order(loader, order):
    set_drawn(order["drawn"])
    for generator, state in zip(generators(loader), order["generators"]):
        generator.set_state(state)
    if order["seed"] is not None:
        get_sampler(loader).initial_seed = order["seed"]


def drawn():
    """How far the generators that everybody shares have come."""
    return random.getstate(), numpy.random.get_state(), torch.get_rng_state()


def set_drawn(states):
    random.setstate(states[0])
    numpy.random.set_state(states[1])
    torch.set_rng_state(states[2])
