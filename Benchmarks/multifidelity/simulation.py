"""Workers in virtual time: who is free asks, trains to the next step at which somebody looks, reports, and
does what it is told. Costs no time but that of the optimiser."""

import heapq

import numpy as np

from curves import Problem


def simulate(problem: Problem, side, workers: int, budget: int, looks: list[int], seed: int) -> dict:
    """Trains until `budget` steps of all trials together are spent.

    `side` has `start() -> (trial, point, from step) or None` when a worker is free (None: it waits),
    `report(trial, step, loss) -> bool` (whether the trial goes on now) and `finish(trial, loss)` at the last
    step. `looks` are the steps of the reports, the last step included.

    Returns means of the regret over budgets, `log`arithmically spaced from the first reports on and evenly
    (`even`): each of the trial with the lowest loss reported so far by its loss without noise at the last
    step (`judged`), and of the lowest loss reported at the last step, 1 before there is one (`full`).
    """
    curves, times, points = {}, {}, {}
    heap, idle, serial, spent = [], [], 0, 0
    track = Track(problem, workers, budget)

    def begin(worker: int, now: float) -> bool:
        nonlocal serial
        start = side.start()
        if start is None:
            return False
        trial, point, step = start
        if trial not in curves:
            # A trial of one number has the same noise under every scheduler.
            curves[trial] = problem.curve(point, np.random.default_rng([seed, trial]))
            times[trial], points[trial] = problem.step_time(point), point
        push(worker, now, trial, step)
        return True

    def push(worker: int, now: float, trial: int, step: int):
        nonlocal serial
        ahead = next(look for look in looks if look > step)
        serial += 1
        heapq.heappush(heap, (now + (ahead - step) * times[trial], serial, worker, trial, step, ahead))

    for worker in range(workers):
        if not begin(worker, 0.0):
            idle.append(worker)
    while spent < budget and heap:
        now, _, worker, trial, before, step = heapq.heappop(heap)
        spent += step - before
        loss = float(curves[trial][step - 1])
        track.reported(spent, trial, points[trial], step, loss)
        if step == problem.max_step:
            side.finish(trial, loss)
            goes_on = False
        else:
            goes_on = side.report(trial, step, loss)
        if goes_on:
            push(worker, now, trial, step)
        else:
            idle.append(worker)
        idle = [worker for worker in idle if not begin(worker, now)]
    return {**track.means(), "trials": len(curves), "spent": spent}


class Track:
    """The incumbent over the steps spent."""

    def __init__(self, problem: Problem, workers: int, budget: int):
        self.problem = problem
        self.marks = {
            "log": np.geomspace(max(problem.max_step / 2, 3 * workers), budget, 24),
            "even": np.linspace(budget / 40, budget, 40),
        }
        self.values = {name: [] for name in self.marks}
        self.lowest, self.incumbent, self.judged, self.full = np.inf, None, np.inf, np.inf

    def reported(self, spent: int, trial: int, point: np.ndarray, step: int, loss: float):
        if loss < self.lowest:
            if trial != self.incumbent:
                self.judged = self.problem.regret(float(self.problem.finals(point[None, :])[0]))
            self.lowest, self.incumbent = loss, trial
        if step == self.problem.max_step:
            self.full = min(self.full, loss)
        full = 1.0 if np.isinf(self.full) else min(1.0, max(0.0, self.problem.regret(self.full)))
        for name, marks in self.marks.items():
            while len(self.values[name]) < len(marks) and spent >= marks[len(self.values[name])]:
                self.values[name].append((min(self.judged, 1.5), full))

    def means(self) -> dict:
        """`judged log`, `full log`, `judged even`, `full even`."""
        result = {}
        for name, values in self.values.items():
            for index, kind in enumerate(("judged", "full")):
                result[f"{kind} {name}"] = float(np.mean([value[index] for value in values]))
        return result
