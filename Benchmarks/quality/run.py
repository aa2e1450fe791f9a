"""Quality of iterhpo's samplers beside Optuna's: normalised regret after 25, 50, 100 and 200 trials.

    python run.py --suites bbob5 tabular --samplers tpe gp --against optuna-tpe --program .build/release/coordinator

Each run is one (problem, sampler, seed); the seed is also the problem's instance, so both sides solve the same
instances. Regret is 0 at the optimum and 1 at the median of random points. For each suite the tables give the
mean over problems and seeds, and the ratio of ours to Optuna's: of the means, and the geometric mean of the ratios
run by run, with regrets below 0.001 counted as 0.001 (a problem solved is a problem solved). Intervals: 90 %, by
bootstrap over seeds.

Optuna's runs are kept in `--cache` by problem, sampler, seed and version. A sampler of ours may be given with
options: `tpe:startup=20`. `--program` may be the coordinator or anything that speaks the protocol (see ask_tell).
"""

import argparse
import hashlib
import json
import os
import sys
import time

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np

import problems
from ask_tell import AskTell

COUNTS = (25, 50, 100, 200)
SOLVED = 1e-3


def run_ours(problem, sampler: str, seed: int, trials: int, parallel: int, program: list[str]) -> list[float]:
    """Losses in the order in which trials end; `parallel` trials are asked before the first is told."""
    name, _, options = sampler.partition(":")
    options = dict(option.split("=") for option in options.split(",")) if options else None
    losses, waiting = [], []
    with AskTell(problem.space, name, seed, sampler_options=options, program=program) as study:
        asked = 0
        while len(losses) < trials:
            while len(waiting) < parallel and asked < trials:
                new = study.ask(1)
                if not new:
                    break
                waiting += new
                asked += 1
            if not waiting:
                break
            trial = waiting.pop(0)
            losses.append(problem.evaluate(trial.params))
            study.tell(trial.number, losses[-1])
    return losses


def optuna_sampler(name: str, seed: int):
    """The sampler of that name with Optuna's own defaults, but for the seed.

    Version 5's TPE is by default multivariate over the parameters that every trial has, and samples the others,
    as conditional ones, each by itself.
    """
    import optuna

    samplers = {
        "optuna-tpe": lambda: optuna.samplers.TPESampler(seed=seed),
        "optuna-tpe-multivariate": lambda: optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True),
        "optuna-tpe-univariate": lambda: optuna.samplers.TPESampler(seed=seed, multivariate=False),
        "optuna-gp": lambda: optuna.samplers.GPSampler(seed=seed),
        "optuna-cmaes": lambda: optuna.samplers.CmaEsSampler(seed=seed),
        "optuna-random": lambda: optuna.samplers.RandomSampler(seed=seed),
    }
    return samplers[name]()


def suggest(trial, space: dict) -> dict:
    """Values for every active parameter, by Optuna's define-by-run calls."""
    params = {}
    for parameter in space["params"]:
        if not problems.active(parameter, params):
            continue
        name = parameter["name"]
        if parameter["type"] == "categorical":
            params[name] = trial.suggest_categorical(name, parameter["choices"])
        else:
            call = trial.suggest_int if parameter["type"] == "int" else trial.suggest_float
            more = {key: parameter[key] for key in ("log", "step") if key in parameter}
            params[name] = call(name, parameter["low"], parameter["high"], **more)
    return params


def run_optuna(problem, sampler: str, seed: int, trials: int, parallel: int) -> list[float]:
    """The same on Optuna's side, in memory."""
    import warnings

    import optuna

    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna_sampler(sampler, seed))
    losses, waiting = [], []
    while len(losses) < trials:
        while len(waiting) < parallel and len(waiting) + len(losses) < trials:
            trial = study.ask()
            waiting.append((trial, suggest(trial, problem.space)))
        trial, params = waiting.pop(0)
        losses.append(problem.evaluate(params))
        study.tell(trial, losses[-1])
    return losses


def cache_path(arguments, name: str, sampler: str, seed: int) -> Path:
    """Where Optuna's run is kept. The problem's source is part of the key: a changed problem is run again."""
    import importlib.metadata

    problem = problems.load(name, seed)
    key = hashlib.sha256(json.dumps([problem.space, problem.optimum, problem.median]).encode()).hexdigest()[:8]
    version = importlib.metadata.version("optuna")
    parallel = f"-w{arguments.parallel}" if arguments.parallel > 1 else ""
    return Path(arguments.cache) / f"{sampler}-{version}{parallel}" / f"{name}-{seed}-{key}.json"


def cached(arguments, name: str, sampler: str, seed: int) -> dict | None:
    """The kept run, where there is one that is long enough."""
    path = cache_path(arguments, name, sampler, seed)
    if not path.exists():
        return None
    run = json.loads(path.read_text())
    return run if len(run["losses"]) >= arguments.trials else None


def run(arguments, name: str, sampler: str, seed: int) -> dict:
    """One run: its losses and the seconds that it took."""
    is_optuna = sampler.startswith("optuna-")
    if is_optuna and (kept := cached(arguments, name, sampler, seed)):
        return kept
    problem = problems.load(name, seed)
    begun = time.perf_counter()
    if is_optuna:
        losses = run_optuna(problem, sampler, seed, arguments.trials, arguments.parallel)
    else:
        losses = run_ours(problem, sampler, seed, arguments.trials, arguments.parallel, arguments.program)
    result = {"losses": losses, "seconds": time.perf_counter() - begun}
    if is_optuna:
        path = cache_path(arguments, name, sampler, seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(result))
        partial.rename(path)
    return result


def regrets(name: str, seed: int, losses: list[float], counts: list[int]) -> list[float]:
    """Normalised regret of the best loss after each count. A space that is exhausted keeps its best."""
    problem = problems.load(name, seed)
    best = np.minimum.accumulate(losses) if losses else [problem.median]
    return [problem.regret(best[min(count, len(best)) - 1]) for count in counts]


def regret_run(arguments, name: str, sampler: str, seed: int, counts: list[int]) -> tuple[list[float], float]:
    """What a worker process does: a run and its regrets."""
    result = run(arguments, name, sampler, seed)
    return regrets(name, seed, result["losses"], counts), result["seconds"]


def run_all(arguments, names: list[str], samplers: list[str], counts: list[int]) -> tuple[dict, dict]:
    """Regrets of shape problems x seeds x counts and mean seconds a run, by sampler."""
    table = {s: np.full((len(names), arguments.seeds, len(counts)), np.nan) for s in samplers}
    seconds = {s: [] for s in samplers}
    jobs = [(p, s, seed) for s in samplers for seed in range(arguments.seeds) for p in range(len(names))]
    begun, last = time.perf_counter(), 0.0
    with ProcessPoolExecutor(arguments.processes) as pool:
        futures = {pool.submit(regret_run, arguments, names[p], s, seed, counts): (p, s, seed) for p, s, seed in jobs}
        for done, future in enumerate(as_completed(futures), 1):
            p, s, seed = futures[future]
            try:
                table[s][p, seed], took = future.result()
            except Exception as error:
                pool.shutdown(cancel_futures=True)
                raise SystemExit(f"{s} on {names[p]}, seed {seed}: {error!r}")
            seconds[s].append(took)
            passed = time.perf_counter() - begun
            if passed - last > 5 or done == len(jobs):
                last = passed
                left = passed / done * (len(jobs) - done)
                print(f"\r{done}/{len(jobs)} runs, {left:.0f} s left   ", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return table, {s: float(np.mean(took)) for s, took in seconds.items()}


def compare(ours: np.ndarray, theirs: np.ndarray) -> dict:
    """Ratios at one count of two tables of problems x seeds, with 90 % intervals over seeds."""
    rng = np.random.default_rng(0)
    logs = np.log(np.maximum(ours, SOLVED) / np.maximum(theirs, SOLVED))
    draws = rng.integers(0, ours.shape[1], (1000, ours.shape[1]))
    means = ours.mean(0)[draws].mean(1) / np.maximum(theirs.mean(0)[draws].mean(1), 1e-12)
    geometric = np.exp(logs.mean(0)[draws].mean(1))
    return {
        "ratio": float(ours.mean() / max(theirs.mean(), 1e-12)),
        "ratio_interval": np.quantile(means, [0.05, 0.95]).tolist(),
        "geometric": float(np.exp(logs.mean())),
        "geometric_interval": np.quantile(geometric, [0.05, 0.95]).tolist(),
        "wins": float((ours < theirs).mean() + 0.5 * (ours == theirs).mean()),
    }


def report_suite(suite, names, samplers, peers, table, seconds, counts) -> dict:
    """Prints a suite's tables and returns them."""
    result = {"regret": {}, "ratios": {}, "seconds": seconds}
    print(f"\n{suite}: {len(names)} problems, mean normalised regret at trials")
    print(" " * 26 + "".join(f"{count:>10}" for count in counts) + "   s/run")
    for s in samplers + peers:
        means = table[s].mean((0, 1))
        result["regret"][s] = means.tolist()
        print(f"  {s:<24}" + "".join(f"{value:10.4f}" for value in means) + f"{seconds[s]:8.2f}")
    for s in samplers:
        for peer in peers:
            ratios = [compare(table[s][:, :, c], table[peer][:, :, c]) for c in range(len(counts))]
            result["ratios"][f"{s}/{peer}"] = ratios
            print(f"  {s} / {peer}")
            for label, key in [("mean", "ratio"), ("geometric", "geometric")]:
                cells = [f"{r[key]:6.3f} [{r[key + '_interval'][0]:.2f} {r[key + '_interval'][1]:.2f}]" for r in ratios]
                print(f"    {label:<10}" + "  ".join(cells))
            print("    wins      " + "  ".join(f"{100 * r['wins']:5.0f} %" + " " * 12 for r in ratios))
    return result


def report_problems(names, samplers, peers, table, counts):
    """The geometric ratio at each count, problem by problem, worst first at the last count."""
    for s in samplers:
        for peer in peers:
            print(f"\n{s} / {peer} by problem: geometric ratio at trials")
            logs = np.log(np.maximum(table[s], SOLVED) / np.maximum(table[peer], SOLVED)).mean(1)
            for p in np.argsort(-logs.mean(1)):
                ratios = "".join(f"{ratio:8.2f}" for ratio in np.exp(logs[p]))
                print(f"  {names[p]:<24}{ratios}   regret {table[s][p, :, -1].mean():.4f}"
                      f" / {table[peer][p, :, -1].mean():.4f}")  # fmt: skip


def parsed():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--suites", nargs="+", default=[s for s in problems.SUITES if s != "quick"], choices=list(problems.SUITES))
    parser.add_argument("--problems", nargs="+", help="only those")
    parser.add_argument("--samplers", nargs="*", default=["tpe"])
    parser.add_argument("--against", nargs="*", default=["optuna-tpe"])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--parallel", type=int, default=1, help="trials asked before the first is told")
    parser.add_argument("--processes", type=int, default=1, choices=(1, 2))
    parser.add_argument("--program", nargs="+", default=["coordinator", "ask-tell"])
    parser.add_argument("--cache", default="/tmp/quality-cache")
    parser.add_argument("--by-problem", action="store_true")
    parser.add_argument("--json", help="also write everything to this file")
    return parser.parse_args()


def main():
    arguments = parsed()
    if len(arguments.program) == 1 and Path(arguments.program[0]).name == "coordinator":
        arguments.program.append("ask-tell")
    counts = [count for count in COUNTS if count <= arguments.trials] or [arguments.trials]
    everything = {}
    for suite in arguments.suites:
        names = [n for n in problems.SUITES[suite] if not arguments.problems or n in arguments.problems]
        if not names:
            continue
        samplers, peers = arguments.samplers, arguments.against
        table, seconds = run_all(arguments, names, samplers + peers, counts)
        everything[suite] = report_suite(suite, names, samplers, peers, table, seconds, counts)
        everything[suite]["problems"] = names
        everything[suite]["table"] = {s: values.tolist() for s, values in table.items()}
        if arguments.by_problem:
            report_problems(names, samplers, peers, table, counts)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps({"counts": counts, "suites": everything}))


if __name__ == "__main__":
    main()
