"""A client of the ask/tell protocol (version 1): one process, one JSON object a line each way.

    with AskTell(space, sampler="tpe", seed=1, program=["coordinator", "ask-tell"]) as study:
        [trial] = study.ask()
        study.tell(trial.number, loss(trial.params))

Any program will do that reads `--space FILE --sampler NAME --seed N` and answers `ask` and `tell`: whoever
works on a sampler may point `program` at a small executable of their own.
"""

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass, field

PROGRAM = ("coordinator", "ask-tell")


class ProtocolError(Exception):
    """An error reply. `code` is one of the protocol's."""

    def __init__(self, code: str, message: str):
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass
class Trial:
    """What `ask` gives. `resume` is the step of the checkpoint to go on from, None for a new trial."""

    number: int
    params: dict
    resume: int | None = None
    until: int | None = None


@dataclass
class Decision:
    """The answer to a report: `continue`, `stop`, `pause`, or `exploit` with `source`, `step`, `params`."""

    kind: str
    source: int | None = None
    step: int | None = None
    params: dict = field(default_factory=dict)


class AskTell:
    """One study in a process of its own. `space` is the space file as a dict."""

    def __init__(
        self,
        space: dict,
        sampler: str = "tpe",
        seed: int | None = None,
        pruner: str | None = None,
        sampler_options: dict | None = None,
        pruner_options: dict | None = None,
        storage: str | None = None,
        program: list[str] | None = None,
    ):
        handle, self.space_path = tempfile.mkstemp(suffix=".json", prefix="space-")
        with os.fdopen(handle, "w") as file:
            json.dump(space, file)
        command = [*(program or PROGRAM), "--space", self.space_path, "--sampler", sampler]
        for name, value in [("--seed", seed), ("--pruner", pruner), ("--storage", storage)]:
            command += [] if value is None else [name, str(value)]
        for name, options in [("--sampler-option", sampler_options), ("--pruner-option", pruner_options)]:
            for key, value in (options or {}).items():
                command += [name, f"{key}={value}"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def __enter__(self) -> "AskTell":
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends the process by closing its input."""
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        os.unlink(self.space_path)

    def request(self, message: dict) -> dict:
        """Sends one line and reads its reply. Raises ProtocolError for an error reply."""
        self.send(message)
        return self.receive()

    def send(self, message: dict):
        """Sends one line; its reply has yet to be received."""
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def receive(self) -> dict:
        """Reads the reply to the earliest line without one."""
        line = self.process.stdout.readline()
        if not line:
            raise ProtocolError("ended", f"the process ended with status {self.process.wait()}")
        reply = json.loads(line)
        if "error" in reply:
            raise ProtocolError(reply["error"]["code"], reply["error"]["message"])
        return reply

    def hello(self) -> dict:
        """Protocol, sampler, pruner, seed and state of the study."""
        return self.request({"hello": 1})

    def ask(self, count: int = 1) -> list[Trial]:
        """Up to `count` trials; none when it must wait for a result or the space is exhausted."""
        return [
            Trial(entry["trial"], entry["params"], entry.get("resume"), entry.get("until"))
            for entry in self.request({"ask": count})["trials"]
        ]

    def tell(self, trial: int, value: float | list[float] | None = None, state: str | None = None):
        """Ends a trial with its value (a list for several objectives), or as `fail` or `pruned`."""
        message = {"tell": trial}
        if isinstance(value, list):
            message["values"] = value
        elif value is not None:
            message["value"] = value
        elif state is None:
            state = "fail"
        if state is not None:
            message["state"] = state
        self.request(message)

    def report(self, trial: int, step: int, value: float) -> Decision:
        """Reports a running trial's value at `step` and returns what is to become of it."""
        reply = self.request({"report": trial, "step": step, "value": value})
        return Decision(reply["decision"], reply.get("from"), reply.get("step"), reply.get("params", {}))

    def add(self, params: dict, value: float | None = None, **more) -> int:
        """Records a finished trial from elsewhere. `more`: `values`, `state`, `steps`."""
        result = {"params": params, **more}
        if value is not None:
            result["value"] = value
        return self.request({"add": result})["trial"]

    def enqueue(self, params: dict):
        """The next ask gives these; what is left out is sampled."""
        self.request({"enqueue": {"params": params}})

    def best(self) -> list[dict]:
        """The best complete trial, or the Pareto front."""
        return self.request({"best": 1})["best"]
