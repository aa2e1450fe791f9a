"""Schedulers as `simulation.simulate` drives them. `make` gives one by name; a library that cannot be
imported is a name that is not there (`names`)."""

import os
import sys
import warnings
from pathlib import Path

import numpy as np

from curves import Problem

sys.path.insert(0, str(Path(__file__).parent.parent / "quality"))
from ask_tell import AskTell  # noqa: E402

try:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
except ImportError:
    optuna = None

ETA = 3


def looks(problem: Problem) -> list[int]:
    """Steps at which a loss is reported: the rungs, and the end."""
    steps = [1]
    while steps[-1] * ETA < problem.max_step:
        steps.append(steps[-1] * ETA)
    return [*steps, problem.max_step]


def names() -> list[str]:
    """`ours:SAMPLER+PRUNER` takes what the protocol knows; the others are the baselines at hand."""
    found = ["published-promotion"]
    if optuna:
        found += [f"optuna:{s}+{p}" for s in ("random", "tpe") for p in ("asha", "hyperband")]
    if _syne_tune():
        found.append("syne-tune:random+asha")
    return found


def make(name: str, problem: Problem, seed: int, program: list[str]):
    library, _, rest = name.partition(":")
    sampler, _, pruner = rest.partition("+")
    if library == "ours":
        return Ours(problem, seed, program, sampler, pruner)
    if library == "optuna":
        return Optuna(problem, seed, sampler, pruner)
    return SyneTune(problem, seed) if library == "syne-tune" else PublishedPromotion(problem, seed)


class Ours:
    """The ask/tell protocol."""

    def __init__(self, problem: Problem, seed: int, program: list[str], sampler: str, pruner: str):
        self.names = [f"x{index}" for index in range(problem.dimensions)]
        space = {
            "params": [{"name": name, "type": "float", "low": 0, "high": 1} for name in self.names],
            "min_step": 1,
            "max_step": problem.max_step,
        }
        self.study = AskTell(space, sampler=sampler, pruner=pruner, seed=seed, program=program)

    def start(self):
        for trial in self.study.ask():
            point = np.array([float(trial.params[name]) for name in self.names])
            return trial.number, point, trial.resume or 0
        return None

    def report(self, trial: int, step: int, loss: float) -> bool:
        return self.study.report(trial, step, loss).kind == "continue"

    def finish(self, trial: int, loss: float):
        self.study.tell(trial, loss)

    def close(self):
        self.study.close()


class Optuna:
    def __init__(self, problem: Problem, seed: int, sampler: str, pruner: str):
        self.problem = problem
        samplers, pruners = optuna.samplers, optuna.pruners
        chosen = samplers.RandomSampler(seed=seed) if sampler == "random" else samplers.TPESampler(seed=seed)
        if pruner == "asha":
            stopper = pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=ETA)
        else:
            stopper = pruners.HyperbandPruner(
                min_resource=1, max_resource=problem.max_step, reduction_factor=ETA
            )
        # Brackets and their budgets are drawn by the study's name.
        self.study = optuna.create_study(sampler=chosen, pruner=stopper, study_name=f"{problem.family} {seed}")
        self.trials = {}

    def start(self):
        trial = self.study.ask()
        self.trials[trial.number] = trial
        dimensions = range(self.problem.dimensions)
        return trial.number, np.array([trial.suggest_float(f"x{index}", 0, 1) for index in dimensions]), 0

    def report(self, number: int, step: int, loss: float) -> bool:
        trial = self.trials[number]
        trial.report(loss, step)
        if not trial.should_prune():
            return True
        self.study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        return False

    def finish(self, number: int, loss: float):
        self.trials[number].report(loss, self.problem.max_step)
        self.study.tell(self.trials[number], loss)

    def close(self):
        pass


def _syne_tune():
    try:
        from syne_tune.optimizer.baselines import ASHA
    except ImportError:
        return None
    return ASHA


class SyneTune:
    """Its ASHA, which stops, with its random searcher."""

    def __init__(self, problem: Problem, seed: int):
        from syne_tune.backend.trial_status import Trial
        from syne_tune.config_space import uniform

        np.random.seed(seed)
        self.problem, self.trial_type, self.trials = problem, Trial, {}
        space = {f"x{index}": uniform(0, 1) for index in range(problem.dimensions)}
        self.scheduler = _syne_tune()(
            space, metric="loss", time_attr="step", max_t=problem.max_step, grace_period=1,
            reduction_factor=ETA, random_seed=seed,
        )  # fmt: skip

    def start(self):
        number, config = len(self.trials), self.scheduler.suggest().config
        self.trials[number] = self.trial_type(trial_id=number, config=config, creation_time=None)
        self.scheduler.on_trial_add(self.trials[number])
        return number, np.array([config[f"x{index}"] for index in range(self.problem.dimensions)]), 0

    def report(self, number: int, step: int, loss: float) -> bool:
        answer = self.scheduler.on_trial_result(self.trials[number], {"loss": loss, "step": step})
        return answer == "CONTINUE"

    def finish(self, number: int, loss: float):
        self.scheduler.on_trial_complete(
            self.trials[number], {"loss": loss, "step": self.problem.max_step}
        )

    def close(self):
        pass


class PublishedPromotion:
    """Li et al. 2020, algorithm 2, with random points. Syne Tune 0.13 has it as its promotion type, 0.16 no
    longer."""

    def __init__(self, problem: Problem, seed: int):
        self.problem, self.rng = problem, np.random.default_rng([seed, 1])
        self.rungs = {step: [] for step in looks(problem)[:-1]}
        self.promoted = {step: set() for step in self.rungs}
        self.points = []

    def start(self):
        for step in reversed(self.rungs):
            ranked = sorted(self.rungs[step])
            for _, trial in ranked[: len(ranked) // ETA]:
                if trial not in self.promoted[step]:
                    self.promoted[step].add(trial)
                    return trial, self.points[trial], step
        self.points.append(self.rng.uniform(size=self.problem.dimensions))
        return len(self.points) - 1, self.points[-1], 0

    def report(self, trial: int, step: int, loss: float) -> bool:
        self.rungs[step].append((loss, trial))
        return False

    def finish(self, trial: int, loss: float):
        pass

    def close(self):
        pass
