"""The problems: named, each with instances (one for each seed) that differ in place and shape.

    problem = load("fcnet", instance=3)
    problem.space            # the space file as a dict
    problem.evaluate(params) # the loss; always finite
    problem.regret(loss)     # 0 at the optimum, 1 at the median of random points

Optima are known by construction (`bbob`, mixed spaces, smooth landscapes) or found by looking at every cell
when the problem is loaded (tables). The median is that of 2,000 points drawn uniformly along the axes with
seed 0. `python problems.py` lists all problems.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import bbob
import tables
from landscape import Landscape, Table, numeric, unit
from spaces import MIXED, TABULAR, floating


@dataclass
class Problem:
    """One instance: `optimum` and `median` are losses."""

    name: str
    space: dict
    evaluate: Callable[[dict], float]
    optimum: float
    median: float

    def regret(self, loss: float) -> float:
        """0 at the optimum, 1 at the median of random points."""
        return max(loss - self.optimum, 0) / (self.median - self.optimum)


SUITES = {f"bbob{d}": [f"{name}_{d}" for name in bbob.NAMES] for d in (2, 5, 10)}
SUITES["tabular"] = list(TABULAR)
SUITES["mixed"] = list(MIXED)
SUITES["tables"] = tables.names()
# Some of each, for samplers that take long.
SUITES["quick"] = [
    "rastrigin_2", "rotated_rosenbrock_2", "gallagher_2", "attractive_sector_5", "rotated_rosenbrock_5",
    "schaffers_5", "different_powers_10", "step_ellipsoid_10", "fcnet", "lcbench", "cell", "xgboost",
    "optimizer", "model", "flat",
]  # fmt: skip


def load(name: str, instance: int) -> Problem:
    """The problem of that name, as the instance draws it."""
    if name in TABULAR or name in MIXED:
        return landscape_problem(name, instance)
    if name in SUITES["tables"]:
        return table_problem(name, instance)
    function, d = name.rsplit("_", 1)
    return bbob_problem(name, function, int(d), instance)


def bbob_problem(name: str, function: str, d: int, instance: int) -> Problem:
    f, _ = bbob.function(function, d, instance)
    space = {"params": [floating(f"x{i}", -5, 5) for i in range(d)]}
    points = np.random.default_rng(0).uniform(-5, 5, (2000, d))

    def evaluate(params: dict) -> float:
        return float(f(np.array([[params[f"x{i}"] for i in range(d)]]))[0])

    return Problem(name, space, evaluate, optimum=0.0, median=float(np.median(f(points))))


def landscape_problem(name: str, instance: int) -> Problem:
    parameters, options, *table = TABULAR.get(name) or MIXED[name]
    space = {"params": parameters}
    rng = np.random.default_rng([instance, *name.encode()])
    surface = (Table if table == [True] else Landscape)(space, rng, options)

    def row(params: dict) -> list[float]:
        return [unit(p, params[p["name"]]) if p["name"] in params else np.nan for p in parameters]

    def evaluate(params: dict) -> float:
        return float(surface.at(np.array([row(params)]))[0])

    draws = np.random.default_rng(0)
    losses = surface.at(np.array([row(draw(space, draws)) for _ in range(2000)]))
    return Problem(name, space, evaluate, getattr(surface, "optimum", 0.0), float(np.median(losses)))


def table_problem(name: str, instance: int) -> Problem:
    space, losses, values = tables.load(name, instance)

    def evaluate(params: dict) -> float:
        index = []
        for parameter, listed in zip(space["params"], values):
            value = params[parameter["name"]]
            index.append(listed.index(value) if not numeric(parameter) else value)
        return float(losses[tuple(index)])

    return Problem(name, space, evaluate, float(losses.min()), float(np.median(losses)))


def draw(space: dict, rng: np.random.Generator) -> dict:
    """A point drawn uniformly along the axes, inactive parameters absent."""
    params = {}
    for parameter in space["params"]:
        if active(parameter, params):
            params[parameter["name"]] = draw_value(parameter, rng)
    return params


def active(parameter: dict, params: dict) -> bool:
    """Whether a parameter has a value, given those before it."""
    return all(params.get(parent) in listed for parent, listed in parameter.get("when", {}).items())


def draw_value(parameter: dict, rng: np.random.Generator):
    if not numeric(parameter):
        return parameter["choices"][rng.integers(len(parameter["choices"]))]
    low, high, step = parameter["low"], parameter["high"], parameter.get("step")
    if step or (parameter["type"] == "int" and not parameter.get("log")):
        step = step or 1
        return min(low + step * int(rng.integers(round((high - low) / step) + 1)), high)
    value = low * (high / low) ** rng.random() if parameter.get("log") else rng.uniform(low, high)
    return int(round(value)) if parameter["type"] == "int" else float(value)


def main():
    """One line a problem: what its first instance looks like."""
    print(f"{'suite':<9}{'problem':<34}{'parameters':>11}{'optimum':>12}{'median':>12}")
    for suite, names in SUITES.items():
        for name in names:
            problem = load(name, instance=0)
            count = len(problem.space["params"])
            print(f"{suite:<9}{name:<34}{count:>11}{problem.optimum:>12.4g}{problem.median:>12.4g}")


if __name__ == "__main__":
    main()
