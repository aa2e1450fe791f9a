"""Optuna's report rate on SQLite, to stand beside `JournalSpeed rates FOLDER`.

usage: python optuna_sqlite.py FOLDER [SECONDS]
Every report is durable on its own: Optuna has no batches.
"""

import os
import sys
import time

import optuna

STEPS = 1000


def rate(folder: str, seconds: float, decide: bool) -> float:
    path = os.path.join(folder, "optuna.sqlite")
    if os.path.exists(path):
        os.remove(path)
    study = optuna.create_study(
        storage=f"sqlite:///{path}",
        sampler=optuna.samplers.RandomSampler(seed=7),
        pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=1000, reduction_factor=3),
    )
    trial = study.ask()
    trial.suggest_float("lr", 1e-4, 1e-1, log=True)
    reports, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        step = reports % STEPS
        if reports and step == 0:
            study.tell(trial, 3 / STEPS)
            trial = study.ask()
            trial.suggest_float("lr", 1e-4, 1e-1, log=True)
        trial.report(3 / (step + 1), step + 1)
        if decide:
            trial.should_prune()
        reports += 1
    return reports / (time.perf_counter() - begun)


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    folder = sys.argv[1]
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 10
    print(f"Optuna {optuna.__version__}, SQLite")
    print(f"report                   {rate(folder, seconds, decide=False):8.0f} reports/s")
    print(f"report and should_prune  {rate(folder, seconds, decide=True):8.0f} reports/s")
