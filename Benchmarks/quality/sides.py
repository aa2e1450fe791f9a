"""One run of either side: ours over ask/tell, Optuna's in memory and kept in a cache.

A run is a problem's losses in the order in which its trials ended, and the seconds that it took.
"""

import hashlib
import importlib.metadata
import json
import os
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import problems
from ask_tell import AskTell


@dataclass
class Setting:
    """What runs have in common. `parallel` trials are asked before the first is told."""

    trials: int
    parallel: int
    program: list[str]
    cache: Path


def command(program: list[str]) -> list[str]:
    """The coordinator speaks the protocol in its subcommand `ask-tell`; others are taken as they are."""
    if len(program) == 1 and Path(program[0]).name == "coordinator":
        return [*program, "ask-tell"]
    return program


def run_ours(problem, sampler: str, seed: int, setting: Setting) -> list[float]:
    """`sampler` may carry options: `tpe:startup=20`. Ends early where a space is exhausted."""
    name, _, options = sampler.partition(":")
    options = dict(option.split("=") for option in options.split(",")) if options else None
    losses, waiting, asked = [], [], 0
    with AskTell(problem.space, name, seed, sampler_options=options, program=setting.program) as study:
        while True:
            while len(waiting) < setting.parallel and asked < setting.trials and (new := study.ask()):
                waiting += new
                asked += 1
            if not waiting:
                return losses
            trial = waiting.pop(0)
            losses.append(problem.evaluate(trial.params))
            study.tell(trial.number, losses[-1])


def optuna_sampler(name: str, seed: int):
    """The sampler of that name with Optuna's own defaults, but for the seed.

    Version 5's TPE is by default multivariate over the parameters that every trial has, and samples the
    others (conditional ones) each by itself.
    """
    import optuna

    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    samplers = {
        "optuna-tpe": lambda: optuna.samplers.TPESampler(seed=seed),
        "optuna-tpe-multivariate": lambda: optuna.samplers.TPESampler(
            seed=seed, multivariate=True, group=True
        ),
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


def run_optuna(problem, sampler: str, seed: int, setting: Setting) -> list[float]:
    """The same on Optuna's side."""
    import optuna

    study = optuna.create_study(sampler=optuna_sampler(sampler, seed))
    losses, waiting = [], []
    while len(losses) < setting.trials:
        while len(waiting) < setting.parallel and len(waiting) + len(losses) < setting.trials:
            trial = study.ask()
            waiting.append((trial, suggest(trial, problem.space)))
        trial, params = waiting.pop(0)
        losses.append(problem.evaluate(params))
        study.tell(trial, losses[-1])
    return losses


def cache_path(problem, sampler: str, seed: int, setting: Setting) -> Path:
    """Where Optuna's run is kept. A problem that was changed has another name there."""
    key = hashlib.sha256(json.dumps([problem.space, problem.optimum, problem.median]).encode()).hexdigest()[
        :8
    ]
    parallel = f"-w{setting.parallel}" if setting.parallel > 1 else ""
    folder = f"{sampler}-{importlib.metadata.version('optuna')}{parallel}"
    return setting.cache / folder / f"{problem.name}-{seed}-{key}.json"


def kept(path: Path, trials: int) -> dict | None:
    """The run at `path`, where there is one that is long enough."""
    if not path.exists():
        return None
    run = json.loads(path.read_text())
    return run if len(run["losses"]) >= trials else None


def keep(path: Path, run: dict):
    """Written whole or not at all: others may read and write the same cache."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps(run))
    partial.rename(path)


def run(problem, sampler: str, seed: int, setting: Setting) -> dict:
    """`losses` and `seconds` of one run of either side."""
    is_optuna = sampler.startswith("optuna-")
    path = cache_path(problem, sampler, seed, setting) if is_optuna else None
    if path and (run := kept(path, setting.trials)):
        return run
    begun = time.perf_counter()
    losses = (run_optuna if is_optuna else run_ours)(problem, sampler, seed, setting)
    result = {"losses": losses, "seconds": time.perf_counter() - begun}
    if path:
        keep(path, result)
    return result
