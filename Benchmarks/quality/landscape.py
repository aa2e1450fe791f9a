"""Random loss landscapes over any space, made to look like hyper-parameter tuning.

What published tables and surrogates of tuning have in common (HPOBench, YAHPO Gym, LCBench, FCNet,
NAS-Bench): few parameters matter; each has a broad optimum, steeper on one side; optima move with other
parameters (the learning rate with batch size, depth, optimizer); part of the space diverges or is a plateau
of useless models; the loss saturates; and each cell of a table has noise of its own, larger for bad ones.

The landscape without noise is 0 at its optimum by construction: every term is at least 0, and the optimum of
each parameter depends on those of earlier parameters only, so all terms can be 0 together.
"""

import itertools
from dataclasses import dataclass

import numpy as np


@dataclass
class Options:
    """Strengths, each 0 for none."""

    interaction: float = 0.5  # how far optima move with another parameter, in widths of the range
    irrelevant: float = 0.3  # share of parameters that hardly matter
    divergence: float = 0.0  # share of the axis of steepness beyond which training diverges
    noise: float = 0.0  # standard deviation of the noise of a typical cell; needs a finite table
    ripples: float = 0.0  # height of local optima
    pairs: float = 0.0  # effects of pairs of choices
    bins: int = 12  # cells along a continuous parameter, where there is a table


def numeric(parameter: dict) -> bool:
    return parameter["type"] != "categorical"


def unit(parameter: dict, value) -> float:
    """The place of `value` on its axis in 0...1; the index of a choice."""
    if not numeric(parameter):
        return float(parameter["choices"].index(value))
    low, high = parameter["low"], parameter["high"]
    if parameter.get("log"):
        return float(np.log(value / low) / np.log(high / low))
    return (value - low) / (high - low)


def grid(parameter: dict) -> np.ndarray | None:
    """The places of all values of a whole or stepped number, rising."""
    if not numeric(parameter) or (parameter["type"] == "float" and "step" not in parameter):
        return None
    step = parameter.get("step", 1)
    count = round((parameter["high"] - parameter["low"]) / step) + 1
    return np.array([unit(parameter, parameter["low"] + step * i) for i in range(count)])


class Landscape:
    """`at(units)` is the loss at rows of places (n x parameters), NaN where inactive."""

    def __init__(self, space: dict, rng: np.random.Generator, options: Options):
        self.parameters = space["params"]
        self.options = options
        count = len(self.parameters)
        self.weights = rng.lognormal(0, 0.7, count)
        for index in rng.permutation(count)[: int(options.irrelevant * count)]:
            self.weights[index] *= 0.03
        self.optima = rng.uniform(0.15, 0.85, count)
        self.grids = [grid(parameter) for parameter in self.parameters]
        self.steeper = rng.uniform(1, 4, count) * rng.choice([-1, 1], count)
        self.exponents = rng.choice([1.0, 1.5, 2.0, 2.0], count)
        self.moves = [self.movements(index, rng) for index in range(count)]
        self.effects = [self.effects_of(parameter, rng) for parameter in self.parameters]
        self.pair_effects = self.pairs(rng)
        self.steepness = rng.dirichlet(np.ones(count)) * [numeric(p) for p in self.parameters]
        self.frequency = rng.uniform(2, 5, count)

    def movements(self, index: int, rng) -> list[tuple[int, np.ndarray]]:
        """Which earlier parameters move the optimum of this one, and how far at each end or choice."""
        movers = rng.permutation(index)[: rng.integers(0, 3)]
        moves = []
        for mover in movers:
            parameter = self.parameters[mover]
            if numeric(parameter):
                by = rng.uniform(-1, 1) * np.array([-0.5, 0.5])
            else:
                by = rng.uniform(-0.5, 0.5, len(parameter["choices"]))
            moves.append((mover, self.options.interaction * by))
        return moves

    def effects_of(self, parameter: dict, rng) -> np.ndarray | None:
        """The loss that each choice adds; the best one nothing."""
        if numeric(parameter):
            return None
        effects = rng.uniform(0.1, 0.7, len(parameter["choices"]))
        effects[rng.integers(len(effects))] = 0
        return effects

    def pairs(self, rng) -> list[tuple[int, int, np.ndarray]]:
        """Losses of pairs of choices, none for the pair of best ones."""
        choices = [i for i, p in enumerate(self.parameters) if not numeric(p)]
        found = []
        for a, b in itertools.pairwise(choices):
            table = np.maximum(rng.normal(0, 1, (len(self.effects[a]), len(self.effects[b]))), 0)
            table[np.argmin(self.effects[a]), np.argmin(self.effects[b])] = 0
            found.append((a, b, self.options.pairs * table))
        return found

    def optimum_of(self, index: int, units: np.ndarray) -> np.ndarray:
        """Where this parameter is best, given the others; one of its values."""
        optimum = np.full(len(units), self.optima[index])
        for mover, by in self.moves[index]:
            place = units[:, mover]
            known = ~np.isnan(place)
            if numeric(self.parameters[mover]):
                optimum[known] += by[0] + (by[1] - by[0]) * place[known]
            else:
                optimum[known] += by[place[known].astype(int)]
        optimum = np.clip(optimum, 0.05, 0.95)
        if self.grids[index] is None:
            return optimum
        middles = (self.grids[index][1:] + self.grids[index][:-1]) / 2
        return self.grids[index][np.searchsorted(middles, optimum)]

    def term(self, index: int, units: np.ndarray) -> np.ndarray:
        """What this parameter adds to the loss."""
        place = units[:, index]
        if not numeric(self.parameters[index]):
            return np.where(np.isnan(place), 0, self.effects[index][np.nan_to_num(place).astype(int)])
        away = np.nan_to_num(place - self.optimum_of(index, units))
        steeper = np.where(away * self.steeper[index] > 0, abs(self.steeper[index]), 1)
        wave = 1 - np.cos(2 * np.pi * self.frequency[index] * away)
        return 4 * (steeper * np.abs(away)) ** self.exponents[index] + self.options.ripples * wave

    def at(self, units: np.ndarray) -> np.ndarray:
        """The loss without noise: 0 at the optimum, saturating towards 1, 3 where training diverges."""
        total = sum(self.weights[i] * self.term(i, units) for i in range(len(self.parameters)))
        for a, b, table in self.pair_effects:
            known = ~np.isnan(units[:, a]) & ~np.isnan(units[:, b])
            total[known] += table[units[known, a].astype(int), units[known, b].astype(int)]
        loss = 1 - np.exp(-total / max(self.weights.sum() / 2, 1))
        if self.options.divergence:
            hot = np.nan_to_num(units) @ self.steepness / self.steepness.sum()
            safe = 0.1 + (self.best_units() @ self.steepness) / self.steepness.sum()
            loss = np.where((hot > safe) & (hot > 1 - self.options.divergence), 3.0, loss)
        return loss

    def best_units(self) -> np.ndarray:
        """A row at which every term is 0, all parameters taken as active."""
        row = np.zeros((1, len(self.parameters)))
        for index, parameter in enumerate(self.parameters):
            best = self.optimum_of(index, row)[0] if numeric(parameter) else np.argmin(self.effects[index])
            row[0, index] = best
        return row[0]


class Table:
    """A landscape on a finite grid with frozen noise, as a benchmark's table of trained models."""

    def __init__(self, space: dict, rng: np.random.Generator, options: Options):
        self.parameters = space["params"]
        landscape = Landscape(space, rng, options)
        self.counts = [cells(parameter, options.bins) for parameter in self.parameters]
        axes = [self.places(p, count) for p, count in zip(self.parameters, self.counts)]
        units = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)
        clean = landscape.at(units)
        noise = options.noise * (0.3 + clean) * rng.standard_normal(len(clean))
        self.losses = np.where(clean >= 3, clean, clean + noise)
        self.optimum = float(self.losses.min())

    @staticmethod
    def places(parameter: dict, count: int) -> np.ndarray:
        if not numeric(parameter):
            return np.arange(count, dtype=float)
        return (np.arange(count) + 0.5) / count

    def at(self, units: np.ndarray) -> np.ndarray:
        """The losses of the cells in which rows of places lie."""
        index = np.zeros(len(units), int)
        for column, (parameter, count) in enumerate(zip(self.parameters, self.counts)):
            place = units[:, column] * (count if numeric(parameter) else 1)
            index = index * count + np.clip(place.astype(int), 0, count - 1)
        return self.losses[index]


def cells(parameter: dict, bins: int) -> int:
    """How many cells a parameter has: its values where they are few, else `bins`."""
    if not numeric(parameter):
        return len(parameter["choices"])
    if parameter["type"] == "float" and "step" not in parameter:
        return bins
    values = round((parameter["high"] - parameter["low"]) / parameter.get("step", 1)) + 1
    return min(values, bins) if parameter.get("log") or values > 2 * bins else values
