"""A training step on PyTorch's arrays beside PyTorch eager's, on one thread: `python -m benchmarks.devices`.

One process for each of the two, which take turns; the fastest round counts. The models, losses and optimizers are the
same, in float32, and so must be the losses of the first steps. `--write` puts the table into docs/arrays.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from benchmarks import contestants
from benchmarks.common import ROOT, SIZES, keys, make_problem
from benchmarks.contestants import Step
from benchmarks.workers import ROUNDS, SETTLED, Worker, take_turns

PAGE = ROOT / "docs" / "arrays.md"
BEGIN, END = "<!-- speed -->", "<!-- end of speed -->"
LIMIT = 1.25
STEPS = {"tanh SGD": "tanh", "relu SGD": "ReLU", "relu Adam": "ReLU"}
MEASURED = "M", "L", "X"


def step(key: str, size: str, task: str, rule: str) -> Step:
    """A contender's step, for benchmarks/workers.py."""
    problem = make_problem(SIZES[size])
    if key == "torch":
        return contestants.pytorch(problem, task=task, rule=rule)
    import torch

    torch.set_num_threads(1)
    return contestants.ours(problem, task, rule, device=key)


def measured(size: str, task: str, rule: str, rounds: int) -> tuple[float, float]:
    """Microseconds of a step: ours, PyTorch's."""
    workers = {key: Worker("benchmarks.devices:step", key, size, task, rule) for key in ("torch:cpu", "torch")}
    try:
        ours, theirs = (np.array(worker.results(SETTLED)).ravel() for worker in workers.values())
        if not np.allclose(ours, theirs, rtol=1e-3):
            raise SystemExit(f"{size}, {task}, {rule}: the losses of the first steps differ: {ours}, {theirs}")
        taken = take_turns(workers, rounds)
    finally:
        for worker in workers.values():
            worker.close()
    ours, theirs = (1e6 * min(taken[key]) for key in workers)
    return ours, theirs


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print; `arguments` as on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=keys(MEASURED), default=list(MEASURED), help=f"of {','.join(MEASURED)}")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of which the fastest counts (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="put the table into docs/arrays.md")
    options = parser.parse_args(arguments)
    rows = []
    for case in STEPS:
        task, rule = case.split()
        for size in options.sizes:
            ours, theirs = measured(size, task, rule, options.rounds)
            print(
                f"{size} {task} {rule}: {ours:,.0f} us, PyTorch eager {theirs:,.0f} us, {ours / theirs:.2f}", flush=True
            )


if __name__ == "__main__":
    main()
