"""Quality of iterhpo's samplers beside Optuna's: normalised regret after 25, 50, 100 and 200 trials.

    python run.py --suites bbob5 tabular --samplers tpe gp --against optuna-tpe \\
        --program .build/release/coordinator

A run is a problem, a sampler and a seed; the seed is also the problem's instance, so both sides solve the
same instances. Regret is 0 at the optimum and 1 at the median of random points. For each suite the tables
give the mean over problems and seeds, and ours relative to Optuna's: the ratio of the means, and the
geometric mean of the ratios run by run, with regrets below 0.001 counted as 0.001 (solved is solved). The
intervals hold 90 %, by bootstrap over seeds. What was chosen on some seeds is to be confirmed on others
(`--first-seed`): the best of a few variants looks good on the seeds that it was chosen on.

Optuna's runs are kept in `--cache` by problem, sampler, seed and version. A sampler of ours may be given with
options: `tpe:startup=20`. `--program` may be the coordinator or anything that speaks the protocol (see
`ask_tell`).
"""

import argparse
import json
import os
import sys
import time

# Before numpy: small matrices are slower on many threads.
for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np

import problems
import sides

COUNTS = (25, 50, 100, 200)
SOLVED = 1e-3


def regrets(name: str, sampler: str, seed: int, setting: sides.Setting) -> tuple[list[float], float]:
    """Normalised regret of the best loss after each count, and the run's seconds."""
    problem = problems.load(name, seed)
    run = sides.run(problem, sampler, seed, setting)
    best = np.minimum.accumulate(run["losses"])
    # Where a space was exhausted its best stands for all later counts.
    return [problem.regret(best[min(count, len(best)) - 1]) for count in counts(setting)], run["seconds"]


def counts(setting: sides.Setting) -> list[int]:
    return [count for count in COUNTS if count <= setting.trials] or [setting.trials]


def run_all(names: list[str], samplers: list[str], seeds: range, processes: int, setting) -> tuple[dict, dict]:
    """By sampler: regrets of shape problems x seeds x counts, and the mean seconds of a run."""
    table = {s: np.full((len(names), len(seeds), len(counts(setting))), np.nan) for s in samplers}
    seconds = {s: [] for s in samplers}
    jobs = [(s, p, seed) for s in samplers for seed in seeds for p in range(len(names))]
    progress = Progress(len(jobs))
    with ProcessPoolExecutor(processes) as pool:
        futures = {pool.submit(regrets, names[p], s, seed, setting): (s, p, seed) for s, p, seed in jobs}
        for future in as_completed(futures):
            s, p, seed = futures[future]
            try:
                table[s][p, seed - seeds.start], took = future.result()
            except Exception as error:
                pool.shutdown(cancel_futures=True)
                raise SystemExit(f"{s} on {names[p]}, seed {seed}: {error!r}") from error
            seconds[s].append(took)
            progress.step()
    return table, {s: float(np.mean(took)) for s, took in seconds.items()}


class Progress:
    """How many runs are done and how long the others will take, on stderr."""

    def __init__(self, count: int):
        self.count, self.done, self.begun, self.shown = count, 0, time.perf_counter(), 0.0

    def step(self):
        self.done += 1
        passed = time.perf_counter() - self.begun
        if passed - self.shown < 5 and self.done < self.count:
            return
        self.shown = passed
        left = passed / self.done * (self.count - self.done)
        end = "\n" if self.done == self.count else ""
        print(f"\r{self.done}/{self.count} runs, {left:.0f} s left   ", end=end, file=sys.stderr, flush=True)


def compare(ours: np.ndarray, theirs: np.ndarray) -> dict:
    """Ratios of two tables of problems x seeds, with 90 % intervals over seeds."""
    draws = np.random.default_rng(0).integers(0, ours.shape[1], (1000, ours.shape[1]))
    logs = np.log(np.maximum(ours, SOLVED) / np.maximum(theirs, SOLVED))
    tiny = 1e-6
    means = ours.mean(0)[draws].mean(1) / np.maximum(theirs.mean(0)[draws].mean(1), tiny)
    geometric = np.exp(logs.mean(0)[draws].mean(1))
    return {
        "mean": float(ours.mean() / max(theirs.mean(), tiny)),
        "mean_interval": np.quantile(means, [0.05, 0.95]).tolist(),
        "geometric": float(np.exp(logs.mean())),
        "geometric_interval": np.quantile(geometric, [0.05, 0.95]).tolist(),
        "wins": float((ours < theirs).mean() + (ours == theirs).mean() / 2),
    }


def show_regrets(table: dict, seconds: dict, at: list[int]):
    """One line a sampler: mean regret at each count."""
    print(" " * 26 + "".join(f"{count:>10}" for count in at) + "   s/run")
    for sampler, values in table.items():
        cells = "".join(f"{value:10.4f}" for value in values.mean((0, 1)))
        print(f"  {sampler:<24}{cells}{seconds[sampler]:8.2f}")


def show_ratios(title: str, ratios: list[dict]):
    """Three lines: both ratios with their intervals, and the share of runs won, at each count."""
    print(f"  {title}")
    for kind in ("mean", "geometric"):
        cells = [
            f"{r[kind]:6.3f} [{r[kind + '_interval'][0]:.2f} {r[kind + '_interval'][1]:.2f}]" for r in ratios
        ]
        print(f"    {kind:<10}" + "  ".join(cells))
    print(f"    {'wins':<10}" + "  ".join(f"{100 * r['wins']:5.0f} %{'':11}" for r in ratios))


def show_problems(title: str, names: list[str], ours: np.ndarray, theirs: np.ndarray):
    """The geometric ratio at each count, problem by problem, the worst first."""
    print(f"  {title} by problem: geometric ratio at each count, mean regret at the last")
    logs = np.log(np.maximum(ours, SOLVED) / np.maximum(theirs, SOLVED)).mean(1)
    for p in np.argsort(-logs.mean(1)):
        cells = "".join(f"{ratio:8.2f}" for ratio in np.exp(logs[p]))
        print(f"    {names[p]:<32}{cells}   {ours[p, :, -1].mean():.4f} / {theirs[p, :, -1].mean():.4f}")


def suite(title: str, names: list[str], arguments, setting: sides.Setting) -> dict:
    """Runs a suite, prints its tables and returns all figures."""
    samplers = arguments.samplers + arguments.against
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    table, seconds = run_all(names, samplers, seeds, arguments.processes, setting)
    print(f"\n{title}: {len(names)} problems, {len(seeds)} seeds, mean normalised regret at trials")
    show_regrets(table, seconds, counts(setting))
    result = {"problems": names, "seconds": seconds, "ratios": {}}
    result["regrets"] = {s: values.tolist() for s, values in table.items()}
    for s in arguments.samplers:
        for peer in arguments.against:
            columns = range(len(counts(setting)))
            ratios = [compare(table[s][:, :, c], table[peer][:, :, c]) for c in columns]
            result["ratios"][f"{s} / {peer}"] = ratios
            show_ratios(f"{s} / {peer}", ratios)
            if arguments.by_problem:
                show_problems(f"{s} / {peer}", names, table[s], table[peer])
    return result


def parsed():
    known = list(problems.SUITES)
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--suites", nargs="+", default=[s for s in known if s != "quick"], choices=known)
    parser.add_argument("--problems", nargs="+", help="only those of the suites")
    parser.add_argument("--samplers", nargs="*", default=["tpe"])
    parser.add_argument("--against", nargs="*", default=["optuna-tpe"], help="see sides.optuna_sampler")
    parser.add_argument("--seeds", type=int, default=10, help="how many")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--parallel", type=int, default=1, help="trials asked before the first is told")
    parser.add_argument("--processes", type=int, default=1, choices=(1, 2))
    parser.add_argument("--program", nargs="+", default=["coordinator"])
    parser.add_argument("--cache", type=Path, default=Path("/tmp/quality-cache"))
    parser.add_argument("--by-problem", action="store_true")
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    return parser.parse_args()


def main():
    arguments = parsed()
    setting = sides.Setting(
        arguments.trials, arguments.parallel, sides.command(arguments.program), arguments.cache
    )
    figures = {}
    for title in arguments.suites:
        names = [n for n in problems.SUITES[title] if not arguments.problems or n in arguments.problems]
        if names:
            figures[title] = suite(title, names, arguments, setting)
    if arguments.json:
        arguments.json.write_text(json.dumps({"counts": counts(setting), "suites": figures}))


if __name__ == "__main__":
    main()
