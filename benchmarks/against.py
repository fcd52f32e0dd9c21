"""Two checkouts of this library side by side: their training steps, a process each, turn by turn.

`python -m benchmarks.training_step --against PATH` runs it. The steps are this checkout's `contestants.ours` in both:
only the library differs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import ROOT, SIZES, make_problem, print_table, quartiles
from benchmarks.contestants import TASKS

TURN = 0.02  # seconds that a checkout runs before the other's turn
WORKER = """
import sys
root, checkout, size, task = sys.argv[1:]
sys.path.insert(0, root)
from benchmarks import against
sys.path[0] = checkout
against.work(checkout, size, task)
"""


def work(checkout: str, size: str, task: str) -> None:
    """In a process of its own: for each line with a number, take so many steps and print the seconds of one.

    For a 0, take one step and print the most bytes that it held.
    """
    import nn
    from benchmarks.contestants import ours

    assert Path(nn.__file__).is_relative_to(Path(checkout).resolve()), nn.__file__
    step = ours(make_problem(SIZES[size]), task)
    for line in sys.stdin:
        count = int(line)
        step()
        if not count:
            tracemalloc.start()
            step()
            print(tracemalloc.get_traced_memory()[1], flush=True)
            tracemalloc.stop()
            continue
        start = time.perf_counter()
        for _ in range(count):
            step()
        print((time.perf_counter() - start) / count, flush=True)


class Worker:
    """A checkout's process."""

    def __init__(self, checkout: Path, size: str, task: str) -> None:
        one_thread = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        self.process: Any = subprocess.Popen(
            [sys.executable, "-P", "-c", WORKER, str(ROOT), str(checkout), size, task],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | one_thread,
        )

    def seconds(self, count: int) -> float:
        """The time of a step, over `count` of them; for 0 the most bytes that one holds beside the model."""
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def compare(other: Path, sizes: Sequence[str], seconds: float, task: str) -> None:
    """Print the time of a step here and there and the ratio of what it holds in memory, for each size."""
    rows = []
    for size in sizes:
        here, there = workers = [Worker(checkout, size, task) for checkout in (ROOT, other.resolve())]
        try:
            count = max(1, round(TURN / min(worker.seconds(3) for worker in workers)))
            rounds: list[tuple[float, float]] = []
            end = time.perf_counter() + seconds
            while time.perf_counter() < end or len(rounds) < 24:
                first, second = workers if len(rounds) % 2 else reversed(workers)
                taken = {first: first.seconds(count), second: second.seconds(count)}
                rounds.append((taken[here], taken[there]))
            memory = here.seconds(0) / there.seconds(0)
        finally:
            for worker in workers:
                worker.close()
        low, middle, high = quartiles([mine / theirs for mine, theirs in rounds])
        best_here, best_there = (min(column) for column in zip(*rounds, strict=True))
        rows.append(
            [
                size,
                *(f"{1e6 * best:,.1f}" for best in (best_here, best_there)),
                f"{best_here / best_there:.3f}",
                f"{middle:.3f}",
                f"{low:.3f} - {high:.3f}",
                str(len(rounds)),
                f"{memory:.3f}",
            ]
        )
    head = ["", "us here", "us there", "of minima", "median", "quartiles", "rounds", "peak memory"]
    print_table(f"One step ({TASKS[task]}) here beside {other}: times, and the ratios of time and memory", head, rows)
