"""How long ask + tell takes after 100, 1,000 and 10,000 trials with 8 parameters, ours beside Optuna's.

    python speed.py --samplers tpe gp --storage memory sqlite --program .build/release/coordinator

Both sides get the same random points as finished trials (`add` here, `study.add_trials` there), then `--asks`
trials are asked and told one after the other (a tenth as many where Optuna takes long); the median is given,
with the fastest in brackets, because the machine may be busy. Ours includes the pipe and JSON on both sides.
GP is measured up to 1,000 trials.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import problems
from ask_tell import AskTell
from sides import command, optuna_sampler, suggest
from spaces import choice, floating, integer, log

SPACE = {
    "params": [
        log("learning_rate", 1e-5, 1e-1), integer("batch_size", 16, 4096, log=True), integer("layers", 1, 12),
        floating("dropout", 0, 0.5), floating("weight_decay", 0, 0.2), floating("beta2", 0.9, 0.999),
        choice("optimizer", "adam", "sgd", "lion"), floating("smoothing", 0, 0.3, step=0.05),
    ]
}  # fmt: skip
LARGEST = {"gp": 1000}
BLOCK = 100


def loss(params: dict) -> float:
    """Something to learn from."""
    rate = np.log10(params["learning_rate"]) + 3
    return float(rate**2 + (params["dropout"] - 0.1) ** 2 + 0.1 * abs(params["layers"] - 6))


def points(count: int) -> list[tuple[dict, float]]:
    rng = np.random.default_rng(1)
    drawn = [problems.draw(SPACE, rng) for _ in range(count)]
    return [(params, loss(params)) for params in drawn]


def timed(asks: int, ask_and_tell) -> list[float]:
    """Milliseconds of each call, after one that is not counted."""
    times = []
    for _ in range(asks + 1):
        begun = time.perf_counter()
        ask_and_tell()
        times.append(1000 * (time.perf_counter() - begun))
    return times[1:]


def ours(sampler: str, count: int, asks: int, program: list[str], storage: str | None) -> list[float]:
    with AskTell(SPACE, sampler, seed=1, program=program, storage=storage) as study:
        history = points(count)
        for start in range(0, count, BLOCK):
            block = history[start : start + BLOCK]
            for params, value in block:
                study.send({"add": {"params": params, "value": value}})
            for _ in block:
                study.receive()

        def ask_and_tell():
            [trial] = study.ask()
            study.tell(trial.number, loss(trial.params))

        return timed(asks, ask_and_tell)


def optunas(sampler: str, count: int, asks: int, storage: str | None) -> list[float]:
    import optuna

    study = optuna.create_study(sampler=optuna_sampler(f"optuna-{sampler}", 1), storage=storage)
    kinds = optuna.distributions
    distributions = {}
    for p in SPACE["params"]:
        more = {key: p[key] for key in ("log", "step") if key in p}
        if p["type"] == "categorical":
            distributions[p["name"]] = kinds.CategoricalDistribution(p["choices"])
        else:
            kind = kinds.IntDistribution if p["type"] == "int" else kinds.FloatDistribution
            distributions[p["name"]] = kind(p["low"], p["high"], **more)
    study.add_trials(
        [
            optuna.trial.create_trial(params=params, distributions=distributions, value=value)
            for params, value in points(count)
        ]
    )

    def ask_and_tell():
        trial = study.ask()
        study.tell(trial, loss(suggest(trial, SPACE)))

    return timed(asks, ask_and_tell)


def measure(arguments, sampler: str, count: int, storage: str) -> dict:
    """One row: our times and Optuna's, in fresh studies."""
    asks = arguments.asks if count <= 1000 and sampler != "gp" else max(3, arguments.asks // 10)
    with tempfile.TemporaryDirectory() as folder:
        mine = None if storage == "memory" else os.path.join(folder, "ours.sqlite")
        theirs = None if storage == "memory" else f"sqlite:///{folder}/optuna.sqlite"
        left = ours(sampler, count, arguments.asks, arguments.program, mine)
        right = optunas(sampler, count, asks, theirs)
    return {
        "sampler": sampler,
        "storage": storage,
        "trials": count,
        "ours_ms": statistics.median(left),
        "ours_fastest_ms": min(left),
        "optuna_ms": statistics.median(right),
        "optuna_fastest_ms": min(right),
        "times_faster": statistics.median(right) / statistics.median(left),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--samplers", nargs="+", default=["tpe", "gp"])
    parser.add_argument("--counts", nargs="+", type=int, default=[100, 1000, 10000])
    parser.add_argument("--storage", nargs="+", default=["memory", "sqlite"], choices=["memory", "sqlite"])
    parser.add_argument("--asks", type=int, default=50)
    parser.add_argument("--program", nargs="+", default=["coordinator"])
    parser.add_argument("--json")
    arguments = parser.parse_args()
    arguments.program = command(arguments.program)
    rows = []
    print("ask + tell, milliseconds: median (fastest)")
    print(f"{'sampler':<8}{'storage':<9}{'trials':>7}{'ours':>20}{'Optuna':>22}{'times faster':>14}")
    for sampler in arguments.samplers:
        for storage in arguments.storage:
            for count in arguments.counts:
                if count > LARGEST.get(sampler, count):
                    continue
                print(f"{sampler}, {storage}, {count} trials", file=sys.stderr, end="\r", flush=True)
                rows.append(row := measure(arguments, sampler, count, storage))
                mine = f"{row['ours_ms']:.3f} ({row['ours_fastest_ms']:.3f})"
                theirs = f"{row['optuna_ms']:.1f} ({row['optuna_fastest_ms']:.1f})"
                print(
                    f"{sampler:<8}{storage:<9}{count:>7}{mine:>20}{theirs:>22}{row['times_faster']:>14.0f}",
                    flush=True,
                )
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
