"""What the measurements share: the networks and their data, tables, resident memory, fresh processes."""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
RATE = 0.01
NO_PROC = "Peak memory is read from /proc/self, which only Linux has. Run this measurement there."


class Size(NamedTuple):
    """A tanh network and its batch."""

    widths: tuple[int, ...]
    batch: int

    def __str__(self) -> str:
        if len(self.widths) > 6:
            inner = f"{len(self.widths) - 2}x{self.widths[1]}"
            return f"{self.widths[0]}-{inner}-{self.widths[-1]} b{self.batch}"
        return f"{'-'.join(map(str, self.widths))} b{self.batch}"


SIZES = {
    "S": Size((2, 16, 1), 32),
    "M": Size((64, 128, 128, 10), 128),
    "D": Size((64, *(32,) * 20, 10), 64),
    "L": Size((784, 512, 512, 10), 128),
    "X": Size((784, 2048, 2048, 10), 256),
}
TINY = Size((1, 1), 1)


class Problem(NamedTuple):
    """A network's initial weights and one batch, float32."""

    size: Size
    layers: list[tuple[np.ndarray, np.ndarray]]
    x: np.ndarray
    y: np.ndarray


def make_problem(size: Size) -> Problem:
    """The same random problem each time."""
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, np.float32)

    pairs = zip(size.widths, size.widths[1:], strict=False)
    layers = [(normal(d_in, d_out) / np.float32(d_in**0.5), np.zeros(d_out, np.float32)) for d_in, d_out in pairs]
    return Problem(size, layers, normal(size.batch, size.widths[0]), normal(size.batch, size.widths[-1]))


def keys(known: Iterable[str]) -> Callable[[str], list[str]]:
    """An option's type: a comma-separated selection of `known`, in their order."""
    known = list(known)

    def parse(text: str) -> list[str]:
        wanted = text.split(",")
        unknown = [key for key in wanted if key not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not one of {', '.join(known)}")
        return [key for key in known if key in wanted]

    return parse


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile."""
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown: the first column to the left, numbers to the right."""
    lines = [head, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    rule = [("-" * width if i == 0 else "-" * (width - 1) + ":") for i, width in enumerate(widths)]
    written = []
    for line in (head, rule, *rows):
        cells = (
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        written.append(f"| {' | '.join(cells)} |")
    return "\n".join(written)


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a title and a table in Markdown."""
    print(f"\n{title}\n\n{table(head, rows)}")


def resident(field: str = "VmRSS") -> int:
    """Bytes of memory this process holds now (VmRSS), or at most since `reset_peak` (VmHWM)."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        raise SystemExit(NO_PROC) from None
    return int(status.partition(f"{field}:")[2].split()[0]) * 1024


def reset_peak() -> None:
    """Start VmHWM again from what is held now."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        raise SystemExit(NO_PROC) from None


def release_free_memory() -> None:
    """Give what was freed back to the system, so that it does not hide what is allocated next; glibc only."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def mebibytes(count: float) -> str:
    return f"{count / 2**20:.1f}"


def in_fresh_process(*command: str) -> Any:
    """What `python *command` prints last, as JSON."""
    result = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"python {' '.join(command)} failed:\n{result.stderr}")
    return json.loads(result.stdout.splitlines()[-1])
