"""The time of one training step in each library, on one thread: `python -m benchmarks.training_step`.

Forward, mean squared error, backward and plain gradient descent on a tanh network in float32. All contestants run in
one process and take turns, so that whatever else the machine does meets each of them; a ratio is the median over the
rounds of the ratio within a round.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.against import compare
from benchmarks.common import SIZES, keys, print_table, quartiles
from benchmarks.contestants import CONTESTANTS, TASKS, Step, available, build_right_ones

TURN = 0.01  # seconds that a contestant runs before the next one's turn
REFERENCES = ("torch", "numpy")


class Samples(NamedTuple):
    """What one contestant took, for each round: seconds per step; and its processor time per elapsed time."""

    seconds: list[float]
    cpu: list[float]


def take_turn(step: Step, count: int) -> tuple[float, float]:
    """Seconds per step, and CPU seconds per second, after one step that brings its data back into the cache."""
    step()
    start, cpu_start = time.perf_counter(), time.process_time()
    for _ in range(count):
        step()
    elapsed, cpu = time.perf_counter() - start, time.process_time() - cpu_start
    return elapsed / count, cpu / elapsed


def measure(steps: dict[str, Step], seconds: float) -> dict[str, Samples]:
    """Let the contestants take turns until the time is over, for 3 rounds at least."""
    for step in steps.values():
        take_turn(step, 2)
    counts = {key: max(1, round(TURN / take_turn(step, 3)[0])) for key, step in steps.items()}
    samples = {key: Samples([], []) for key in steps}
    gc.collect()
    gc.freeze()  # nobody pays for walking through the objects that the others made on import
    end, rounds = time.perf_counter() + seconds, 0
    while time.perf_counter() < end or rounds < 3:
        for key, step in steps.items():
            each, cpu = take_turn(step, counts[key])
            samples[key].seconds.append(each)
            samples[key].cpu.append(cpu)
        rounds += 1
    gc.unfreeze()
    return samples


def ratio(samples: dict[str, Samples], key: str, reference: str) -> tuple[float, float, float] | None:
    """Quartiles over the rounds of the time relative to the reference's."""
    if reference not in samples:
        return None
    pairs = zip(samples[key].seconds, samples[reference].seconds, strict=True)
    return quartiles([mine / other for mine, other in pairs])


def summary(samples: dict[str, Samples]) -> dict[str, Any]:
    """The figures of one size, by contestant."""
    return {
        key: {
            "microseconds": [1e6 * value for value in quartiles(taken.seconds)],
            "rounds": len(taken.seconds),
            "cpu_per_wall": quartiles(taken.cpu)[1],
            **{f"to_{reference}": ratio(samples, key, reference) for reference in REFERENCES},
        }
        for key, taken in samples.items()
    }


def spread(values: Sequence[float] | None, digits: int) -> list[str]:
    """The median and the quartiles as two cells."""
    if values is None:
        return ["-", "-"]
    low, middle, high = values
    return [f"{middle:,.{digits}f}", f"{low:,.{digits}f} - {high:,.{digits}f}"]


def show(size: str, figures: dict[str, Any]) -> None:
    """The table of one size."""
    rows = []
    for key, figure in figures.items():
        time_cells = spread(figure["microseconds"], 0)
        to_torch, to_numpy = (spread(figure[f"to_{reference}"], 2) for reference in REFERENCES)
        rows.append([CONTESTANTS[key].name, *time_cells, *to_torch, to_numpy[0], f"{figure['cpu_per_wall']:.2f}"])
    rounds = next(iter(figures.values()))["rounds"]
    head = ["", "us/step", "quartiles", "to PyTorch", "quartiles", "to by hand", "CPU/wall"]
    print_table(f"{size}: {SIZES[size]}, one training step, float32, {rounds} rounds", head, rows)


def versions(wanted: list[str]) -> dict[str, str]:
    """The version of Python and of each library."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for key in ("numpy", *wanted):
        package = CONTESTANTS[key].package
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed as a package"
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print; `arguments` as on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=keys(SIZES), default=list(SIZES), help=f"of {','.join(SIZES)}")
    parser.add_argument(
        "--peers", type=keys(CONTESTANTS), default=list(CONTESTANTS), help=f"of {','.join(CONTESTANTS)}"
    )
    parser.add_argument("--seconds", type=float, default=12.0, help="for each size (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--against", type=Path, help="another checkout of this library: compare with it alone")
    parser.add_argument("--task", choices=TASKS, default="tanh", help="with --against: the network and its loss")
    options = parser.parse_args(arguments)
    if options.against:
        compare(options.against, options.sizes, options.seconds, options.task)
        return
    contestants = available(options.peers)
    library_versions = versions(contestants)
    print(", ".join(f"{name} {version}" for name, version in library_versions.items()))
    results = {}
    for size in options.sizes:
        steps = build_right_ones(contestants, size)
        if steps:
            results[size] = summary(measure(steps, options.seconds))
            show(size, results[size])
    if options.json:
        options.json.write_text(json.dumps({"versions": library_versions, "sizes": results}, indent=1))


if __name__ == "__main__":
    main()
