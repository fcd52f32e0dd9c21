"""What an operation of a batch costs beside NumPy's own of all examples: `python -m benchmarks.vmap_overhead`.

Processor time of one operation inside a vmap of 1000 examples of 8 numbers, beside the same written by hand with an
axis for the examples. Both compute the same numbers, which are compared first.
"""

from __future__ import annotations

import argparse
import time
import timeit
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.special

import autograd_mini.scipy.special  # noqa: F401 (the rules of SciPy's functions)
from autograd_mini import loops, vmap
from benchmarks.common import print_table

EXAMPLES, LENGTH = 1000, 8
REPEATED = 8  # times that the operation is done in a vmap, so that its beginning and end can be subtracted


def operations() -> dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[Any, ...]]]:
    """By name: an operation of one example, that of all by hand, and the operands."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, EXAMPLES, LENGTH))
    w = rng.standard_normal((LENGTH, LENGTH))
    matrices = rng.standard_normal((EXAMPLES, 4, 4)) + 4 * np.eye(4)
    places = rng.integers(0, LENGTH, EXAMPLES)
    rows = np.arange(EXAMPLES)
    return {
        "x + y": (np.add, np.add, (x, y)),
        "2 * x": (lambda x: 2 * x, lambda x: 2 * x, (x,)),
        "np.sin": (np.sin, np.sin, (x,)),
        "np.clip": (lambda x: np.clip(x, -1, 1), lambda x: np.clip(x, -1, 1), (x,)),
        "np.where": (lambda x: np.where(x > 0, x, y[0]), lambda x: np.where(x > 0, x, y[0]), (x,)),
        "x[3]": (lambda x: x[3], lambda x: x[:, 3], (x,)),
        "x[2:5]": (lambda x: x[2:5], lambda x: x[:, 2:5], (x,)),
        "x[i]": (lambda x, i: x[i], lambda x, i: x[rows, i], (x, places)),
        "np.reshape": (lambda x: np.reshape(x, (2, -1)), lambda x: np.reshape(x, (EXAMPLES, 2, -1)), (x,)),
        "np.transpose": (np.transpose, lambda a: np.transpose(a, (0, 2, 1)), (matrices,)),
        "np.concatenate": (lambda x, y: np.concatenate([x, y]), lambda x, y: np.concatenate([x, y], 1), (x, y)),
        "np.sum": (np.sum, lambda x: np.sum(x, 1), (x,)),
        "np.max": (np.max, lambda x: np.max(x, 1), (x,)),
        "np.var": (np.var, lambda x: np.var(x, 1), (x,)),
        "np.cumsum": (np.cumsum, lambda x: np.cumsum(x, 1), (x,)),
        "np.sort": (np.sort, lambda x: np.sort(x, 1), (x,)),
        "np.median": (np.median, lambda x: np.median(x, 1), (x,)),
        "x @ y": (np.matmul, lambda x, y: np.einsum("ni,ni->n", x, y), (x, y)),
        "w @ x": (lambda x: w @ x, lambda x: x @ w.T, (x,)),
        "np.einsum": (lambda x, y: np.einsum("i,i->", x, y), lambda x, y: np.einsum("ni,ni->n", x, y), (x, y)),
        "np.linalg.norm": (np.linalg.norm, lambda x: np.linalg.norm(x, axis=1), (x,)),
        "np.linalg.inv": (np.linalg.inv, np.linalg.inv, (matrices,)),
        "np.fft.fft": (np.fft.fft, np.fft.fft, (x,)),
        "special.gammaln": (scipy.special.gammaln, scipy.special.gammaln, (np.abs(x),)),
    }


def seconds(call: Callable[[], Any], rounds: int) -> float:
    """The processor time of one call, the shortest of many."""
    timer = timeit.Timer(call, timer=time.process_time)
    return min(timer.repeat(rounds, 20)) / 20


def of_one_operation(f: Callable[..., Any], operands: Any, rounds: int) -> float:
    """The time of an operation inside a vmap, without those of the vmap's beginning and end."""

    def often(*args: Any) -> Any:
        for _ in range(REPEATED):
            result = f(*args)
        return result

    once, many = vmap(f), vmap(often)
    total = seconds(lambda: many(*operands), rounds) - seconds(lambda: once(*operands), rounds)
    return total / (REPEATED - 1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print; `arguments` as on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20, help="of which the shortest counts (default: %(default)s)")
    parser.add_argument("--only", default="", help="operations whose names contain this")
    options = parser.parse_args(arguments)
    table = []
    for name, (f, by_hand, operands) in operations().items():
        if options.only not in name:
            continue
        with loops() as seen:
            np.testing.assert_allclose(vmap(f)(*operands), by_hand(*operands))
        assert not seen, f"{name} is computed by a loop"
        ours = of_one_operation(f, operands, options.rounds)
        numpys = seconds(lambda by_hand=by_hand, operands=operands: by_hand(*operands), options.rounds)
        table.append([name, f"{1e6 * ours:.1f}", f"{1e6 * numpys:.1f}", f"{1e6 * (ours - numpys):.1f}"])
    print_table(
        f"An operation of {EXAMPLES} examples of {LENGTH} numbers, us", ["", "in a vmap", "by hand", "more"], table
    )


if __name__ == "__main__":
    main()
