"""Learning curves that are made up, with everything known about them: how good a trial would be at its last
step without noise, and the best that the space has.

A problem has a surface of final losses over the unit cube and says for each point how fast its loss falls,
so that curves cross. `FAMILIES` lists the kinds; one seed gives one problem of a kind.
"""

import math

import numpy as np

FAMILIES = ("power", "cross", "noisy", "plateau", "overfit", "rugged")

NOISE = {"power": 0.004, "cross": 0.006, "noisy": 0.04, "plateau": 0.008, "overfit": 0.008, "rugged": 0.015}


class Field:
    """A smooth random function on the unit cube, values about standard normal: random Fourier features."""

    def __init__(self, rng: np.random.Generator, dimensions: int, length: float, features: int = 24):
        self.waves = rng.normal(size=(dimensions, features)) / length
        self.phases = rng.uniform(0, 2 * math.pi, features)
        self.heights = rng.normal(size=features) * math.sqrt(2 / features)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        return np.cos(points @ self.waves + self.phases) @ self.heights


class Problem:
    """`max_step` steps, losses to be minimised. Points are rows of numbers from 0 to 1."""

    def __init__(self, family: str, seed: int, max_step: int = 81):
        rng = np.random.default_rng([seed, FAMILIES.index(family)])
        self.family, self.seed, self.max_step = family, seed, max_step
        self.dimensions = int(rng.choice([2, 3, 4, 6, 8]))
        self.surface = Field(rng, self.dimensions, 0.35 if family == "rugged" else 0.8)
        self.speed = Field(rng, self.dimensions, 0.7)
        self.other = Field(rng, self.dimensions, 0.7)
        self.cost = Field(rng, self.dimensions, 1.0)
        self.optimum = rng.uniform(0.15, 0.85, self.dimensions)
        finals = self.finals(rng.uniform(size=(20_000, self.dimensions)))
        self.typical = float(np.median(finals))
        self.best = self._refined(rng, float(finals.min()))

    def means(self, points: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Losses without noise: points x steps."""
        offset = points - self.optimum
        offset[:, 0] *= 1.6
        bowl = (offset**2).mean(axis=1)
        bump = 0.25 * self.surface(points)
        end = 0.1 + 1.6 * bowl + 0.25 * (bump + 0.25 * bump**2)
        if self.family == "rugged":
            end = 0.3 + 0.5 * bowl + 0.48 * bump
        rate = 0.9 * np.exp(0.35 * self.speed(points))
        scale = 2 * np.exp(0.5 * self.other(points))
        delay = np.zeros(len(points))
        if self.family == "cross":
            # The first parameter is a learning rate: a small one is slow and ends better.
            rate, scale = np.full(len(points), 1.1), 0.4 * np.exp(3.2 * (1 - points[:, 0]))
            end = end + 0.35 * points[:, 0]
        if self.family == "plateau":
            delay, rate = np.maximum(0, 6 + 6 * self.other(points)), np.full(len(points), 0.8)
            scale = np.full(len(points), 1.5)
        start = np.maximum(1.6 if self.family == "noisy" else 2.3, end + 0.2)
        trained = np.maximum(0, steps[None, :] - delay[:, None])
        losses = end[:, None] + (start - end)[:, None] * (1 + trained / scale[:, None]) ** -rate[:, None]
        if self.family == "overfit":
            late = np.maximum(0, steps / self.max_step - 0.4)
            losses = losses + 0.35 * np.maximum(0, self.speed(points))[:, None] * late
        if self.family == "cross":
            diverging = points[:, 0] > 0.9
            growth = 1 + 5 * (points[diverging, 0] - 0.9)
            losses[diverging] = 2.3 + growth[:, None] * (1 - np.exp(-steps / 5))
        return losses

    def finals(self, points: np.ndarray) -> np.ndarray:
        """Losses without noise at the last step."""
        return self.means(points, np.array([float(self.max_step)]))[:, 0]

    def curve(self, point: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """What the trial would report at steps 1 to `max_step`."""
        steps = np.arange(1.0, self.max_step + 1)
        return self.means(point[None, :], steps)[0] + NOISE[self.family] * rng.normal(size=self.max_step)

    def step_time(self, point: np.ndarray) -> float:
        """How long a step takes, about 1."""
        return float(np.exp(0.5 * self.cost(point[None, :])[0]))

    def regret(self, final: float) -> float:
        """0 for the best loss of the space, 1 for that of a typical random point."""
        return (final - self.best) / (self.typical - self.best)

    def _refined(self, rng: np.random.Generator, best: float) -> float:
        """The lowest final loss that random steps from several starts find."""
        points = np.vstack([self.optimum, rng.uniform(size=(31, self.dimensions))])
        losses, reach = self.finals(points), 0.2
        for _ in range(600):
            moved = np.clip(points + reach * rng.normal(size=points.shape), 0, 1)
            found = self.finals(moved)
            better = found < losses
            points[better], losses[better] = moved[better], found[better]
            reach = max(1e-3, 0.99 * reach)
        return min(best, float(losses.min()))
