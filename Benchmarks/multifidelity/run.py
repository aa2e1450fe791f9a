"""Schedulers on made-up learning curves: anytime regret at equal steps spent, workers asynchronous.

    python run.py --program ../../.build/release/coordinator --workers 1 8 64 --seeds 10 --out runs.jsonl
    python run.py --table runs.jsonl

Runs are appended to `--out`, those that are there already are not repeated: so a library that lives in another
virtual environment is measured by calling it once more with that one's Python. Regret is 0 at the best
loss of the space and 1 at a typical random point's; a table's ratio is that of the means over all problems and
seeds, to the lowest of the baselines with a random sampler. Its interval holds 90 %, by bootstrap over runs.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

import sides
from curves import FAMILIES, Problem
from simulation import simulate

OURS = ["ours:random+asha-promotion", "ours:random+asha", "ours:tpe+asha-promotion", "ours:tpe+asha"]
METRICS = ("judged log", "judged even", "full log", "full even")
# Of all workers together, in trials that run to the end.
BUDGETS = {1: 40, 8: 80, 64: 240}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--program", help="the coordinator; without it ours is left out")
    parser.add_argument("--sides", nargs="+", help=f"of {sides.names()} and ours:SAMPLER+PRUNER")
    parser.add_argument("--families", nargs="+", default=list(FAMILIES), choices=FAMILIES)
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 8, 64])
    parser.add_argument("--seeds", type=int, default=10, help="problems of each family")
    parser.add_argument(
        "--first-seed", type=int, default=0, help="what was chosen on some seeds is confirmed on others"
    )
    parser.add_argument("--budget", type=int, help="steps spent, in trials that run to the end")
    parser.add_argument("--out", type=Path, default=Path("runs.jsonl"))
    parser.add_argument("--table", type=Path, help="only print what is in there")
    arguments = parser.parse_args()
    if not arguments.table:
        measure(arguments)
    table(rows(arguments.table or arguments.out))


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def measure(arguments):
    chosen = arguments.sides or sides.names() + (OURS if arguments.program else [])
    known = {(r["side"], r["family"], r["seed"], r["workers"], r["budget"]) for r in rows(arguments.out)}
    program = [arguments.program, "ask-tell"] if arguments.program else []
    with arguments.out.open("a") as out:
        for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
            for family in arguments.families:
                problem = Problem(family, seed)
                for workers in arguments.workers:
                    for side in chosen:
                        budget = arguments.budget or BUDGETS.get(workers, 4 * workers)
                        key = (side, family, seed, workers, budget)
                        if key in known:
                            continue
                        result = one(problem, side, workers, budget, seed, program)
                        names = ("side", "family", "seed", "workers", "budget")
                        out.write(json.dumps({**dict(zip(names, key)), **result}) + "\n")
                        out.flush()


def one(problem: Problem, side: str, workers: int, budget: int, seed: int, program: list[str]) -> dict:
    scheduler, start = sides.make(side, problem, seed, program), time.perf_counter()
    try:
        result = simulate(
            problem, scheduler, workers, budget * problem.max_step, sides.looks(problem), seed
        )
    finally:
        scheduler.close()
    return {**result, "seconds": round(time.perf_counter() - start, 3)}


def table(runs: list[dict]):
    for workers in sorted({run["workers"] for run in runs}):
        here = [run for run in runs if run["workers"] == workers]
        names = sorted({run["side"] for run in here}, key=lambda name: (name.startswith("ours"), name))
        # Only problems that every side ran.
        keys = set.intersection(*({(r["family"], r["seed"]) for r in here if r["side"] == n} for n in names))
        values = {
            name: np.array([
                [run[metric] for metric in METRICS]
                for run in sorted(here, key=lambda run: (run["family"], run["seed"]))
                if run["side"] == name and (run["family"], run["seed"]) in keys
            ])
            for name in names
        }  # fmt: skip
        print(f"\n{workers} workers, {len(keys)} runs each: regret, and its ratio to the best random baseline")
        print(f"{'':30}" + "".join(f"{metric:>26}" for metric in METRICS))
        baselines = [n for n in names if not n.startswith("ours") and ":tpe" not in n] or names
        for name in names:
            print(f"{name:30}" + "".join(cell(values, name, baselines, m) for m in range(len(METRICS))))


def cell(values: dict, name: str, baselines: list[str], metric: int) -> str:
    ours = values[name][:, metric]
    base = min((values[b][:, metric] for b in baselines), key=np.mean)
    draws = np.random.default_rng(0).integers(0, len(ours), size=(1000, len(ours)))
    low, high = np.quantile(ours[draws].mean(axis=1) / base[draws].mean(axis=1), (0.05, 0.95))
    return f"{ours.mean():9.4f} {ours.mean() / base.mean():5.2f} {low:4.2f}-{high:4.2f}"


if __name__ == "__main__":
    main()
