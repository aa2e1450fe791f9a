#!/usr/bin/env python3
"""`method: population` beside the population-based training of the LLM tuning chapter (SEEDS.md, row B4), at
equal total training steps, with the native trainer.

The chapter's: population 4, 5 generations; each generation trains every member's hyper-parameters with a new
model, the worse half becomes the better half with one parameter mutated; weights are not copied. Ours: the same
numbers, `share: 0.5`, weights copied. What each ends with is judged on text that no trial has seen.

    Benchmarks/population/run.py --seeds 5 --steps 50
"""
import argparse
import copy
import importlib.util
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("stages", ROOT / "Benchmarks/stages/run.py")
stages = importlib.util.module_from_spec(spec)
spec.loader.exec_module(stages)

BATCHES = [4, 8, 16, 32]
RATES = (1e-4, 3e-2)


def common(options, seed):
    return {
        "trainer": {"plugin": "native", "settings": {
            "data": ["study"], "layers": 2, "width": options.width, "heads": 4, "context": 32, "threads": 1}},
        "objective": {"metric": "validation_loss", "direction": "minimize"},
        "space": {
            "lr": {"type": "float", "low": RATES[0], "high": RATES[1], "log": True},
            "batch_size": {"type": "categorical", "choices": BATCHES},
            "weight_decay": {"type": "float", "low": 0.0, "high": 0.2},
        },
        "seed": seed, "resources": {"parallel": 2},
    }


def start(folder, file, options):
    """Runs a study; its trials' records, and the folder with its results."""
    (folder / f"{file['name']}.yaml").write_text(json.dumps(file))
    environment = os.environ | {"ITERHPO_HOME": str(folder / "home"), "HOME": str(folder)}
    done = subprocess.run(
        [pathlib.Path(options.programs) / "coordinator", "start", f"{file['name']}.yaml", "--plain", "--json",
         "--agent-home", folder / "agent"],
        cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{file['name']}, exit {done.returncode}\n{done.stdout}{done.stderr}")
    results = folder / file["name"]
    return [json.loads(path.read_text()) for path in results.glob("stage_*/trial_*/trial.json")], results


def judge(results, folder, options):
    return float(subprocess.run(
        [pathlib.Path(options.programs) / "native", "loss", results / "stage_0" / "ckpt", folder / "test"],
        capture_output=True, text=True, check=True).stdout)


def mutate(params, dice):
    """One parameter, as the chapter's `mutate`."""
    params = copy.deepcopy(params)
    name = dice.choice(list(params))
    if name == "batch_size":
        params[name] = dice.choice(BATCHES)
    elif name == "lr":
        params[name] = min(max(params[name] * dice.uniform(0.8, 1.2), RATES[0]), RATES[1])
    else:
        params[name] = min(max(params[name] + dice.uniform(-0.05, 0.05), 0), 0.2)
    return params


def chapter(folder, seed, options):
    dice = random.Random(seed)
    population = [
        {"lr": RATES[0] * (RATES[1] / RATES[0]) ** dice.random(), "batch_size": dice.choice(BATCHES),
         "weight_decay": dice.uniform(0, 0.2)} for _ in range(4)]
    best, steps = (float("inf"), None), 0
    for generation in range(5):
        unique = [p for i, p in enumerate(population) if p not in population[:i]]
        file = common(options, 100 * seed + generation) | {
            "name": f"generation{generation}",
            "method": {"kind": "sweep", "steps": options.steps, "points": unique}}
        records, results = start(folder, file, options)
        scores = {json.dumps(r["params"], sort_keys=True): r["value"] for r in records}
        ranked = sorted(population, key=lambda p: min(
            (v for k, v in scores.items() if all(
                abs(json.loads(k)[n] - p[n]) <= 1e-9 * abs(p[n]) for n in p)), default=float("inf")))
        # A member that stands twice is trained twice in the chapter: it counts so.
        steps += 4 * options.steps
        lowest = min(r["value"] for r in records)
        if lowest < best[0]:
            best = (lowest, judge(results, folder, options))
        population = ranked[:2] + [mutate(p, dice) for p in ranked[:2]]
    return best[1], steps


def ours(folder, seed, options):
    file = common(options, seed) | {
        "name": "ours", "method": {
            "kind": "population", "population": 4, "generations": 5, "steps": options.steps, "share": 0.5,
            "score": options.score}}
    records, results = start(folder, file, options)
    return judge(results, folder, options), sum(r["steps"] for r in records)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=50, help="of a generation")
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--score", default="last", help="of ours: last keeps the steps equal")
    parser.add_argument("--programs", default=str(ROOT / ".build/release"))
    options = parser.parse_args()
    for name, method in [("chapter", chapter), ("population", ours)]:
        runs = []
        for seed in range(1, options.seeds + 1):
            with tempfile.TemporaryDirectory(prefix="hpo-population-") as place:
                folder = pathlib.Path(place)
                stages.texts(folder)
                runs.append(method(folder, seed, options))
                subprocess.run(["pkill", "-f", place], capture_output=True)
        losses = [loss for loss, _ in runs]
        print(f"{name:12} test loss {statistics.mean(losses):.4f} (sd {statistics.stdev(losses):.4f})  "
              f"steps {statistics.mean(s for _, s in runs):.0f}  each {[round(x, 3) for x in losses]}", flush=True)


if __name__ == "__main__":
    main()
