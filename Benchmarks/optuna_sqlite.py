"""How many reports Optuna writes to SQLite in a second: one trial.report, one commit. pip install optuna."""

import os
import sys
import tempfile
import time

import optuna

optuna.logging.set_verbosity(optuna.logging.WARNING)
base = sys.argv[1] if len(sys.argv) > 1 else None
with tempfile.TemporaryDirectory(dir=base) as folder:
    study = optuna.create_study(storage="sqlite:///" + os.path.join(folder, "study.db"))
    trial = study.ask({"lr": optuna.distributions.FloatDistribution(1e-5, 1e-1, log=True)})
    count = 500
    begin = time.perf_counter()
    for step in range(count):
        trial.report(1 / (step + 1), step)
    rate = count / (time.perf_counter() - begin)
    print(f"optuna {optuna.__version__}, reports to SQLite: {rate:.1f} /s")
