"""Two checkouts of this library side by side: their training steps, a process each, turn by turn.

`python -m benchmarks.training_step --against PATH` runs it. The steps are this checkout's `contestants.ours` in both:
only the library differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.common import ROOT, print_table, quartiles
from benchmarks.contestants import TASKS
from benchmarks.workers import Worker, take_turns

STEP = "benchmarks.contestants:our_step"


def peak(checkout: Path, size: str, task: str) -> float:
    """Bytes that a step holds at most beyond the model."""
    worker = Worker(STEP, size, task, checkout=checkout, traced=True)
    try:
        return worker.peak()
    finally:
        worker.close()


def compare(other: Path, sizes: Sequence[str], seconds: float, task: str) -> None:
    """Print the time of a step here and there and the ratio of what it holds in memory, for each size."""
    rows = []
    checkouts = {"here": ROOT, "there": other.resolve()}
    for size in sizes:
        workers = {key: Worker(STEP, size, task, checkout=checkout) for key, checkout in checkouts.items()}
        try:
            taken = take_turns(workers, at_least=seconds)
        finally:
            for worker in workers.values():
                worker.close()
        held = {key: peak(checkout, size, task) for key, checkout in checkouts.items()}
        rounds = list(zip(taken["here"], taken["there"], strict=True))
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
                f"{held['here'] / held['there']:.3f}",
            ]
        )
    head = ["", "us here", "us there", "of minima", "median", "quartiles", "rounds", "peak memory"]
    print_table(f"One step ({TASKS[task]}) here beside {other}: times, and the ratios of time and memory", head, rows)
