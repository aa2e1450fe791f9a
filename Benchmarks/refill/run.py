#!/usr/bin/env python3
"""How fast a freed slot is filled again, and how fast a report that loses stops its run, with so many runs alive.

A real coordinator, journal and all, plays a study with the median pruner over a real sshd on loopback, with the
scripted trainer on CPU slots. The times are those at which files of the node change, by inotify:

- freed: a plugin gives its lock up, as it ends. Filled: another run's plugin writes its first line. Between them,
  over: the agent has seen that nothing of the run is left; ordered: the next run's spec is written, just before its
  process is started.
- told: a plugin writes the report that its run is stopped for. Stopped: the agent writes the stop order.

    Benchmarks/refill/run.py --bin .build/release --runs 200 --seconds 40

What happens while the first runs are being started does not count. Each hop waits for a core on a busy machine:
`chrt -r 1 Benchmarks/refill/run.py` puts all of it before what else runs there.
"""
import argparse
import ctypes
import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODIFY, CLOSE_WRITE, MOVED_TO, CREATE, ISDIR = 0x2, 0x8, 0x80, 0x100, 0x40000000


class Watch(threading.Thread):
    """Notes what happens in the folders of runs, each with the moment at which it was told."""

    def __init__(self, runs):
        super().__init__(daemon=True)
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor = self.libc.inotify_init1(0)
        self.folders = {}
        self.seen = []
        self.runs = runs
        self.add(runs, CREATE)

    def add(self, path, mask):
        number = self.libc.inotify_add_watch(self.descriptor, os.fsencode(path), mask)
        if number >= 0:
            self.folders[number] = path
        return number >= 0

    def run(self):
        while True:
            data = os.read(self.descriptor, 1 << 20)
            now = time.monotonic()
            at = 0
            while at < len(data):
                number, mask, _, length = struct.unpack_from("iIII", data, at)
                name = data[at + 16:at + 16 + length].rstrip(b"\0").decode()
                at += 16 + length
                folder = self.folders.get(number)
                if folder is None:
                    continue
                path = f"{folder}/{name}"
                if mask & ISDIR and mask & CREATE:
                    self.found(path, now)
                elif name in ("events.jsonl", "lock", "stop"):
                    self.seen.append((now, folder, name, mask))

    def found(self, path, now):
        """A folder of a study, stage, trial or run; what is in it already was missed by the watch."""
        depth = len(pathlib.Path(path).relative_to(self.runs).parts)
        if depth < 4:
            self.add(path, CREATE)
            for name in os.listdir(path):
                self.found(f"{path}/{name}", now)
        elif depth == 4 and self.add(path, MODIFY | CLOSE_WRITE | MOVED_TO):
            events = pathlib.Path(path, "events.jsonl")
            if events.exists() and events.stat().st_size:
                # Else its next line, seconds later, would be taken for its first.
                self.seen.append((time.monotonic(), path, events.name, MODIFY))


def moments(watch):
    """By run's folder: its first line, its reports, its stop order, and its end."""
    runs = {}
    for now, folder, name, mask in list(watch.seen):
        run = runs.setdefault(folder, {"lines": []})
        if name == "events.jsonl" and mask & MODIFY:
            run["lines"].append(now)
        elif name == "stop" and mask & MOVED_TO:
            run.setdefault("stop", now)
        elif name == "lock" and mask & CLOSE_WRITE:
            run.setdefault("closed", []).append(now)
    for run in runs.values():
        # Its plugin's end; the agent closes the lock too, when it has seen that nothing of the run is left.
        after = [moment for moment in run.get("closed", []) if run["lines"] and moment >= run["lines"][-1]]
        if after:
            run["end"], run["over"] = after[0], after[-1]
    return runs


def refills(runs, since):
    """The ends, and the run that was given the slot next, both with the moments of their lives."""
    by_slot = {}
    ahead = time.time() - time.monotonic()
    for folder, run in runs.items():
        file = pathlib.Path(folder, "spec.json")
        spec = json.loads(file.read_text())
        run["ordered"] = os.stat(file).st_mtime - ahead
        if run["lines"]:
            by_slot.setdefault(json.dumps(spec["slots"]), []).append(run)
    found = []
    for users in by_slot.values():
        users.sort(key=lambda run: run["lines"][0])
        found += [(before, after) for before, after in zip(users, users[1:]) if before.get("end", 0) > since]
    return found


def stops(runs, since):
    """Seconds from the last report before each stop order to that order."""
    found = []
    for run in runs.values():
        told = [line for line in run["lines"] if "stop" in run and line <= run["stop"]]
        if told and told[-1] > since:
            found.append(run["stop"] - told[-1])
    return found


def show(name, values):
    values = sorted(values)
    if not values:
        return print(f"{name}: none")
    at = {share: values[min(len(values) - 1, int(share * len(values)))] for share in (0.5, 0.9, 0.99)}
    print(f"{name}: {len(values)} of them, median {at[0.5] * 1e3:.1f} ms, p90 {at[0.9] * 1e3:.1f} ms, "
          f"p99 {at[0.99] * 1e3:.1f} ms, most {values[-1] * 1e3:.1f} ms")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--bin", default=str(ROOT / ".build/release"), help="folder of the programs")
    options.add_argument("--runs", type=int, default=200, help="runs that live at once")
    options.add_argument("--seconds", type=float, default=40, help="for how long it is measured")
    options.add_argument("--step", type=float, default=15, help="mean seconds of a step")
    options = options.parse_args()
    options.bin = str(pathlib.Path(options.bin).resolve())
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rf", dir="/tmp"))
    fleet = folder / "f"
    command = [str(ROOT / "deploy/loopback-fleet")]
    place = ["--folder", str(fleet), "--bin", options.bin]
    subprocess.run(command + ["1", "--gpus", "0", "--cpu-slots", str(options.runs)] + place, check=True)
    try:
        runs = fleet / "node1/agent/runs"
        runs.mkdir(parents=True, exist_ok=True)
        watch = Watch(str(runs))
        watch.start()
        file = folder / "refill.yaml"
        file.write_text(json.dumps({
            "name": "refill", "seed": 1,
            "trainer": {"plugin": "scripted", "settings": {"seconds_per_step": options.step, "spread": 0.9}},
            "objective": {"metric": "loss", "direction": "minimize"},
            "space": {"lr": {"type": "float", "low": 1e-5, "high": 1e-1, "log": True}},
            "method": {"kind": "search", "trials": 100_000, "steps": 4},
            "sampler": {"kind": "random"},
            "pruner": {"kind": "median"},
            "resources": {"nodes": ["node1"], "parallel": options.runs},
        }))
        coordinator = [options.bin + "/coordinator"]
        setting = {"cwd": folder, "env": os.environ | {"ITERHPO_HOME": str(fleet / "head")}}
        began = time.monotonic()
        study = subprocess.Popen(coordinator + ["start", str(file)], stdout=subprocess.DEVNULL, **setting)
        while sum(bool(run["lines"]) for run in moments(watch).values()) < options.runs:
            if study.poll() is not None:
                raise SystemExit("the coordinator has ended")
            time.sleep(0.2)
        since = time.monotonic() + 2
        print(f"{options.runs} runs live after {time.monotonic() - began:.0f} s")
        time.sleep(2 + options.seconds)
        found = moments(watch)
        pairs = refills(found, since)
        show("freed -> filled", [after["lines"][0] - before["end"] for before, after in pairs])
        show("  freed -> over", [before["over"] - before["end"] for before, after in pairs])
        show("  over -> ordered (clock of files, 4 ms)", [after["ordered"] - before["over"] for before, after in pairs])
        show("  ordered -> filled", [after["lines"][0] - after["ordered"] for before, after in pairs])
        show("freed -> ordered", [after["ordered"] - before["end"] for before, after in pairs])
        show("told -> stopped", stops(found, since))
        subprocess.run(coordinator + ["stop", "refill"], stdout=subprocess.DEVNULL, check=True, **setting)
        study.wait()
    finally:
        subprocess.run(command + ["stop", "--folder", str(fleet)], check=False)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
