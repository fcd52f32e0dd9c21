"""How long `import autograd_mini` and then `import nn` take beside `import numpy`: `python -m benchmarks.imports`.

Each round is a fresh process with compiled files; what counts is the shortest time of each.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from benchmarks.common import ROOT, print_table

CODE = """
import time
start = time.perf_counter()
for name in ("numpy", "autograd_mini", "nn"):
    __import__(name)
    print(-start + (start := time.perf_counter()))
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print; `arguments` as on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40, help="processes (default: %(default)s)")
    options = parser.parse_args(arguments)
    rounds = []
    with tempfile.TemporaryDirectory() as compiled:
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": compiled}
        for _ in range(options.rounds + 1):
            done = subprocess.run(
                [sys.executable, "-c", CODE], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
            )
            rounds.append([float(line) for line in done.stdout.split()])
    best = [min(column) for column in zip(*rounds[1:], strict=True)]
    rows = [
        [name, f"{1e3 * seconds:.1f}", f"{seconds / best[0]:.2f}"]
        for name, seconds in zip(("numpy", "autograd_mini", "nn, after it"), best, strict=True)
    ]
    print_table(f"Time to import, the shortest of {options.rounds}", ["", "ms", "to numpy"], rows)


if __name__ == "__main__":
    main()
