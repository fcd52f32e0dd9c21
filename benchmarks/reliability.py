"""What goes wrong in long runs, measured: deep graphs, memory over time, threads, import time.

`python -m benchmarks.reliability`. The recursion limit is Python's default throughout.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import threading
import time
from collections.abc import Sequence

import numpy as np

from autograd_mini import Tensor
from benchmarks.common import (
    SIZES,
    in_fresh_process,
    make_problem,
    mebibytes,
    print_table,
    release_free_memory,
    reset_peak,
    resident,
)
from benchmarks.contestants import Step, ours

LENGTHS = (10**3, 10**4, 10**5, 10**6)
STEPS = 10_000
WARM_UP = 1_000
THREAD_STEPS = 500
IMPORTS = 10


def chain(length: int) -> dict[str, float]:
    """Seconds to build, differentiate and free a chain of multiplications, and the bytes held at its peak."""
    x = Tensor(1.0, requires_grad=True)
    release_free_memory()
    before = resident()
    reset_peak()
    start = time.perf_counter()
    y = x
    for _ in range(length):
        y = y * 1.0000001
    built = time.perf_counter()
    y.backward()
    differentiated = time.perf_counter()
    del y
    freed = time.perf_counter()
    expected = 1.0000001**length
    if abs(x.grad - expected) > 1e-9 * expected:
        raise RuntimeError(f"The chain of {length} gave the gradient {x.grad}, not {expected}.")
    return {
        "build": built - start,
        "backward": differentiated - built,
        "free": freed - differentiated,
        "peak": resident("VmHWM") - before,
    }


def show_chains(lengths: Sequence[int]) -> None:
    """One row for each length, each measured in a process of its own."""
    rows = []
    for length in lengths:
        figures = in_fresh_process("-m", "benchmarks.reliability", "--chain", str(length))
        times = [figures[part] for part in ("build", "backward", "free")]
        each = [f"{1e6 * seconds / length:.2f}" for seconds in (*times, sum(times))]
        rows.append([f"{length:,}", *each, f"{sum(times):.2f}", mebibytes(figures["peak"])])
    print_table(
        f"A chain of operations, recursion limit {sys.getrecursionlimit()}: us per operation",
        ["operations", "build", "backward", "free", "all", "seconds in all", "peak MiB"],
        rows,
    )


def growth() -> tuple[int, int]:
    """Bytes of memory gained over the training steps without the garbage collector, and garbage it then finds."""
    step = ours(make_problem(SIZES["S"]))
    gc.collect()
    gc.disable()
    try:
        for _ in range(WARM_UP):
            step()
        before = resident()
        for _ in range(STEPS):
            step()
        gained = resident() - before
    finally:
        gc.enable()
    return gained, gc.collect()


def losses(step: Step) -> bytes:
    """The bits of all losses of a training run."""
    return np.array([step().item() for _ in range(THREAD_STEPS)]).tobytes()


def threads_agree() -> bool:
    """Whether two models trained in two threads at once have the same losses, bit for bit, as one after the other."""
    names = ("S", "D")
    alone = {name: losses(ours(make_problem(SIZES[name]))) for name in names}
    together: dict[str, bytes] = {}

    def train(name: str) -> None:
        together[name] = losses(ours(make_problem(SIZES[name])))

    threads = [threading.Thread(target=train, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return together == alone


def import_milliseconds() -> dict[str, float]:
    """The median time of importing NumPy and of importing the engine, which imports NumPy, in turns."""
    taken: dict[str, list[float]] = {"numpy": [], "autograd_mini": []}
    for _ in range(IMPORTS + 1):
        for module, times in taken.items():
            code = f"import time; start = time.perf_counter(); import {module}; print(time.perf_counter() - start)"
            times.append(1e3 * in_fresh_process("-c", code))
    return {module: statistics.median(times[1:]) for module, times in taken.items()}  # the first fills caches


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print; `arguments` as on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chain", type=int, metavar="LENGTH", help="print one chain's figures, of this process")
    options = parser.parse_args(arguments)
    if options.chain:
        print(json.dumps(chain(options.chain)))
        return
    show_chains(LENGTHS)
    gained, garbage = growth()
    imports = import_milliseconds()
    beyond = imports["autograd_mini"] - imports["numpy"]
    print()
    print(f"{STEPS:,} training steps (S) without garbage collector: {gained / 1024:+,.0f} KiB resident, then")
    print(f"gc.collect() found {garbage:,} unreachable objects.")
    print(f"Two models trained in two threads: losses {'bit for bit as' if threads_agree() else 'NOT as'} one by one.")
    print(f"import autograd_mini: {beyond:.0f} ms beyond NumPy's {imports['numpy']:.0f} ms.")


if __name__ == "__main__":
    main()
