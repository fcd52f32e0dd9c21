"""The peak memory of training in each library: `python -m benchmarks.memory`.

Each figure comes from a fresh process: the most that it held during the training steps, the model included, beyond what
it held before the model was built. Held before: the library, what it loads when a network of one weight is trained, and
the batch and initial weights that it is given.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common import (
    SIZES,
    TINY,
    in_fresh_process,
    keys,
    make_problem,
    mebibytes,
    print_table,
    release_free_memory,
    reset_peak,
    resident,
)
from benchmarks.contestants import CONTESTANTS, available, loss_after

STEPS = 10


def peak(key: str, size: str) -> int:
    """Bytes that a model and its training take at their peak, in this process."""
    loss_after(CONTESTANTS[key].build(make_problem(TINY)), 2)
    problem = make_problem(SIZES[size])
    release_free_memory()
    before = resident()
    step = CONTESTANTS[key].build(problem)
    release_free_memory()
    reset_peak()
    loss_after(step, STEPS)
    return resident("VmHWM") - before


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print; `arguments` as on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=keys(SIZES), default=list(SIZES), help=f"of {','.join(SIZES)}")
    parser.add_argument(
        "--peers", type=keys(CONTESTANTS), default=list(CONTESTANTS), help=f"of {','.join(CONTESTANTS)}"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--one", nargs=2, metavar=("PEER", "SIZE"), help="print one figure in bytes, of this process")
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(peak(*options.one)))
        return
    figures = {
        key: {size: in_fresh_process("-m", "benchmarks.memory", "--one", key, size) for size in options.sizes}
        for key in available(options.peers)
    }
    show(figures, options.sizes)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


def show(figures: dict[str, dict[str, int]], sizes: Sequence[str]) -> None:
    """The table: for each size the peak, and in brackets the ratio to PyTorch's."""
    rows = []
    for key, peaks in figures.items():
        cells = [mebibytes(peaks[size]) + beside(peaks[size], figures.get("torch", {}).get(size)) for size in sizes]
        rows.append([CONTESTANTS[key].name, *cells])
    print_table(f"Peak memory of {STEPS} training steps, MiB (ratio to PyTorch)", ["", *sizes], rows)


def beside(peak: int, reference: int | None) -> str:
    """The ratio to the reference in brackets, if there is one."""
    return f" ({peak / reference:.2f})" if reference else ""


if __name__ == "__main__":
    main()
