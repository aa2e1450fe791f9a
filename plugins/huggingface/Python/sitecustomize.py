"""First on a training script's PYTHONPATH: attaches iterhpo to what trains in it when that is imported.

ITERHPO_LOOP says what that is: transformers.Trainer, or a loop of the script's own around accelerate.
Python imports the first sitecustomize that it finds, so one that was there before is imported from here.
Scripts, and their subprocesses, that import neither transformers nor torch do not do so because of this.
"""

import os
import sys
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import module_from_spec

HERE = os.path.dirname(os.path.abspath(__file__))

# The module that is waited for, and ours that is attached to it.
LOOPS = {
    "trainer": ("transformers.trainer", "iterhpo_trainer"),
    "accelerate": ("accelerate.accelerator", "iterhpo_accelerate"),
}


class Attach:
    """A finder that lets a module load as ever, and then hands it to ours."""

    def __init__(self, awaited, ours):
        self.awaited, self.ours = awaited, ours

    def find_spec(self, name, path=None, target=None):
        if name != self.awaited:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            import_module(self.ours).attach(module)

        spec.loader.exec_module = exec_module
        return spec


def import_the_other():
    """Runs the sitecustomize that this one hides."""
    others = [place for place in sys.path if os.path.abspath(place or ".") != HERE]
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(module_from_spec(spec))


if "ITERHPO_PLAN" in os.environ:
    sys.meta_path.insert(0, Attach(*LOOPS[os.environ["ITERHPO_LOOP"]]))
import_the_other()
