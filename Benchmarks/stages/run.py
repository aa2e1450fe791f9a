#!/usr/bin/env python3
"""Staged studies beside fixed learning rates, at equal training steps or tokens, with the native trainer.

Every method is a study that `coordinator start` runs, with its own seed; the model that it ends with is judged
on text that no trial has seen. What counts as spent are the steps of all trials together, pruned ones and
cooldowns included.

    Benchmarks/stages/run.py --seeds 5 --methods default recipe random cosine grid

A method with changes is `method;key=value`: "default;sampler.kind=gp".

Where the plain recipe is among the methods, each method's line also says after which share of what the recipe
spent, pruned trials included, it had trained a model as good as the recipe's last one, by the validation loss.
"""
import argparse
import json
import math
import os
import pathlib
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
LICENCES = pathlib.Path("/usr/share/common-licenses")
BLOCK = 4096


def texts(folder):
    """Every tenth block of the licence texts is for the test, and none of it for studies."""
    parts = {"study": b"", "test": b""}
    files = sorted(p for p in LICENCES.iterdir() if p.is_file() and not p.is_symlink())
    data = b"".join(path.read_bytes() for path in files)
    for number, start in enumerate(range(0, len(data), BLOCK)):
        parts["test" if number % 10 == 9 else "study"] += data[start:start + BLOCK]
    for name, data in parts.items():
        (folder / name).write_bytes(data)


def study(method, seed, options):
    """The study file of a method as a JSON object, which is YAML."""
    method, *changes = method.split(";")
    settings = {
        "data": ["study"], "layers": options.layers, "width": options.width, "heads": 4,
        "context": options.context, "threads": 1,
    }
    space = {
        "lr": {"type": "float", "low": 1e-4, "high": 3e-2, "log": True},
        "batch_size": {"type": "int", "low": 4, "high": 32, "log": True},
    }
    horizon = options.stages * options.steps
    fixed = {"kind": "stages", "stages": 1, "trials": options.spend // horizon, "steps": horizon,
             "score": "last", "choose": "lowest"}
    file = {
        "name": "bench", "trainer": {"plugin": "native", "settings": settings},
        "objective": {"metric": "validation_loss", "direction": "minimize"},
        "space": space, "seed": seed, "resources": {"parallel": options.parallel},
    }
    if method == "random":
        file |= {"method": fixed, "sampler": {"kind": "random"}}
    elif method == "cosine":
        settings["schedule"] = "cosine"
        file |= {"method": fixed, "sampler": {"kind": "random"}}
    elif method == "grid":
        # So many rates by two batch sizes: the upper two of three where a step costs the same with each, the
        # lower two where a token does.
        rates = max(2, fixed["trials"] // 2)
        low, high = (4, 11) if options.tokens else (11, 32)
        space["batch_size"] = {"type": "int", "low": low, "high": high, "step": high - low}
        file |= {"method": fixed | {"trials": rates * 2}, "sampler": {"kind": "grid", "points": rates}}
    elif method == "recipe":
        file |= {
            "method": {
                "kind": "stages", "stages": options.stages, "steps": options.steps, "trials": 8,
                "shrink": {"lr": 0.2, "batch_size": 0.5}, "score": "last", "choose": "lowest"},
            "sampler": {"kind": "tpe"}, "pruner": {"kind": "median"}}
    else:
        file |= {"method": {"kind": "stages", "stages": options.stages, "steps": options.steps,
                            "trials": options.trials}}
    for change in changes:
        key, value = change.split("=", 1)
        target = file
        *path, last = key.split(".")
        for part in path:
            target = target.setdefault(part, {})
        target[last] = json.loads(value) if value[0] in '{["0123456789' else value
    if options.tokens:
        # A step of 16 sequences is the unit: larger batches take fewer steps.
        file["method"] |= {"compare_at": "tokens", "reference_batch": 16}
    return file


def progress(results, records, tokens):
    """How good the best model was after so much had been spent: (steps or tokens of all trials, loss), falling."""
    batches = {record["trial"]: record["params"]["batch_size"] if tokens else 1 for record in records}
    come, spent, lowest, points = {}, 0, math.inf, []
    with sqlite3.connect(f"file:{results / 'study.sqlite'}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT stage, trial, step, metrics FROM reports ORDER BY sequence").fetchall()
    for stage, number, step, metrics in rows:
        trial = f"{stage}.{number}"
        spent += max(0, step - come.get(trial, 0)) * batches[trial]
        come[trial] = max(step, come.get(trial, 0))
        loss = json.loads(metrics).get("validation_loss")
        if isinstance(loss, float) and loss < lowest:
            lowest = loss
            points.append((spent, loss))
    return points


def reach(runs, recipes, unit):
    """After which share of what the recipe spent its last loss was met, as a sentence; seed by seed."""
    shares = []
    for run, recipe in zip(runs, recipes):
        met = next((spent for spent, loss in run["progress"] if loss <= recipe["validation"]), math.inf)
        shares.append(met / recipe["progress_end"])
    return (f"{'':40} the recipe's loss after {statistics.median(shares):.2f} of its {unit} (median; "
            f"{min(shares):.2f} to {max(shares):.2f}), in {sum(s <= 0.5 for s in shares)} of {len(shares)} "
            "seeds after half of them or less")


def run(method, seed, options):
    with tempfile.TemporaryDirectory(prefix="hpo-stages-") as name:
        folder = pathlib.Path(name)
        texts(folder)
        (folder / "study.yaml").write_text(json.dumps(study(method, seed, options)))
        programs = pathlib.Path(options.programs)
        environment = os.environ | {"ITERHPO_HOME": str(folder / "home"), "HOME": str(folder)}
        done = subprocess.run(
            [programs / "coordinator", "start", "study.yaml", "--plain", "--json", "--agent-home",
             folder / "agent"],
            cwd=folder, env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{method}, seed {seed}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        results = folder / "bench"
        records = [json.loads(path.read_text()) for path in results.glob("stage_*/trial_*/trial.json")]
        last = max(int(p.parent.name.split("_")[1]) for p in results.glob("stage_*/best.json"))
        best = json.loads((results / f"stage_{last}" / "best.json").read_text())
        loss = float(subprocess.run(
            [programs / "native", "loss", results / f"stage_{last}" / "ckpt", folder / "test"],
            capture_output=True, text=True, check=True).stdout)
        path = [json.loads((results / f"stage_{k}" / "best.json").read_text()) for k in range(last + 1)]
        if options.keep:
            kept = pathlib.Path(options.keep) / f"{method.replace('/', '_')}-{seed}"
            shutil.copytree(results, kept, ignore=shutil.ignore_patterns("ckpt", "model*"), dirs_exist_ok=True)
        # The agent outlives its coordinator; nobody will come back to this one.
        subprocess.run(["pkill", "-f", str(folder)], capture_output=True)
        return {
            "loss": loss, "validation": best["value"],
            "progress": progress(results, records, options.tokens),
            "progress_end": sum(
                r["steps"] * (r["params"]["batch_size"] if options.tokens else 1) for r in records),
            "steps": sum(record["steps"] for record in records), "trials": len(records),
            "tokens": sum(r["steps"] * r["params"]["batch_size"] for r in records) * options.context,
            "path": [(round(p["params"]["lr"], 5), p["params"]["batch_size"]) for p in path],
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=["default", "recipe", "random", "cosine", "grid"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--stages", type=int, default=5)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--trials", type=int, default=6, help="of each stage of the default study: 1,800 steps")
    parser.add_argument("--spend", type=int, default=2000, help="training steps of the fixed searches")
    parser.add_argument("--tokens", action="store_true", help="compare at equal tokens, not steps")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--context", type=int, default=32)
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--programs", default=str(ROOT / ".build/release"))
    parser.add_argument("--keep", help="a folder for every study's results and journal")
    parser.add_argument("--json", action="store_true", help="print every run")
    options = parser.parse_args()
    # The recipe first: the others are measured by it.
    methods = sorted(options.methods, key=lambda method: method != "recipe")
    recipes = []
    for method in methods:
        runs = []
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            runs.append(run(method, seed, options))
            if options.json:
                known = {key: value for key, value in runs[-1].items() if key != "progress"}
                print(json.dumps({"method": method, "seed": seed} | known), flush=True)
        losses = [r["loss"] for r in runs]
        spread = statistics.stdev(losses) if len(losses) > 1 else math.nan
        print(f"{method:40} test loss {statistics.mean(losses):.4f} (sd {spread:.4f})  "
              f"steps {statistics.mean(r['steps'] for r in runs):.0f}  "
              f"tokens {statistics.mean(r['tokens'] for r in runs) / 1e6:.2f} M  "
              f"trials {statistics.mean(r['trials'] for r in runs):.0f}", flush=True)
        if method == "recipe":
            recipes = runs
        elif recipes:
            print(reach(runs, recipes, "tokens" if options.tokens else "steps"), flush=True)


if __name__ == "__main__":
    main()
