"""A training step on PyTorch's arrays beside PyTorch eager's, on one thread: `python -m benchmarks.devices`.

One process for each of them, and one for NumPy's arrays, which take turns; the fastest round counts. Models, losses and
optimizers are the same, in float32, and so must be the losses of the first steps. `--write` puts the table into
docs/arrays.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np

from benchmarks import contestants
from benchmarks.common import ROOT, SIZES, keys, make_problem, table
from benchmarks.contestants import Step
from benchmarks.workers import ROUNDS, SETTLED, Worker, take_turns

PAGE = ROOT / "docs" / "arrays.md"
BEGIN, END = "<!-- speed -->", "<!-- end of speed -->"
CASES = {  # the network and its loss, the optimizer
    "tanh, squared error, SGD": ("tanh", "SGD"),
    "ReLU, cross-entropy, SGD": ("relu", "SGD"),
    "ReLU, cross-entropy, Adam": ("relu", "Adam"),
}
MEASURED = ("M", "L", "X")
CONTENDERS = ("torch", "torch:cpu", "cpu")  # PyTorch eager; this library on its arrays, and on NumPy's


def step(key: str, size: str, task: str, rule: str) -> Step:
    """A contender's step, for benchmarks/workers.py."""
    problem = make_problem(SIZES[size])
    if key == "torch":
        return contestants.pytorch(problem, task=task, rule=rule)
    if key != "cpu":
        import torch

        torch.set_num_threads(1)
    return contestants.ours(problem, task, rule, device=key)


def measured(size: str, task: str, rule: str, rounds: int) -> list[float]:
    """Microseconds of a step of each contender."""
    workers = {key: Worker("benchmarks.devices:step", key, size, task, rule) for key in CONTENDERS}
    try:
        losses = [np.ravel(worker.results(SETTLED)) for worker in workers.values()]
        if not all(np.allclose(losses[0], found, rtol=1e-3) for found in losses):
            raise SystemExit(f"{size}, {task}, {rule}: the losses of the first steps differ: {losses}")
        taken = take_turns(workers, rounds)
    finally:
        for worker in workers.values():
            worker.close()
    return [1e6 * min(taken[key]) for key in CONTENDERS]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print; `arguments` as on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=keys(MEASURED), default=list(MEASURED), help=f"of {','.join(MEASURED)}")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of which the fastest counts (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="put the table into docs/arrays.md")
    options = parser.parse_args(arguments)
    rows = []
    for case, (task, rule) in CASES.items():
        for size in options.sizes:
            theirs, ours, numpys = measured(size, task, rule, options.rounds)
            times = [f"{time:,.0f}" for time in (theirs, ours, numpys)]
            rows.append([f"{size}: {case}", *times, f"{ours / theirs:.2f}"])
            print(*rows[-1], flush=True)
    head = ["us", "PyTorch eager", "PyTorch's arrays", "NumPy's arrays", "PyTorch's arrays / PyTorch eager"]
    text = f"NumPy {version('numpy')}, PyTorch {version('torch')}\n\n{table(head, rows)}"
    print(f"\n{text}")
    if options.write:
        before, begin, rest = PAGE.read_text().partition(BEGIN)
        _, end, after = rest.partition(END)
        if not (begin and end):
            parser.error(f"{PAGE} has no lines {BEGIN} and {END}; the table belongs between them")
        PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


if __name__ == "__main__":
    main()
