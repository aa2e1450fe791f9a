"""First on a training script's PYTHONPATH: attaches iterhpo to transformers.Trainer when that is imported.

Python imports the first sitecustomize that it finds, so one that was there before is imported from here.
Scripts, and their subprocesses, that import neither transformers nor torch do not do so because of this.
"""

import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec

HERE = os.path.dirname(os.path.abspath(__file__))


class AttachToTrainer:
    """A finder that lets transformers.trainer load as ever, and then hands it to iterhpo_trainer."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != "transformers.trainer":
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            import iterhpo_trainer

            iterhpo_trainer.attach(module)

        spec.loader.exec_module = exec_module
        return spec


def import_the_other():
    """Runs the sitecustomize that this one hides."""
    others = [place for place in sys.path if os.path.abspath(place or ".") != HERE]
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(module_from_spec(spec))


if "ITERHPO_PLAN" in os.environ:
    sys.meta_path.insert(0, AttachToTrainer)
import_the_other()
