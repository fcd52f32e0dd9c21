"""Compiled programs beside eager code, NumPy by hand, JAX and PyTorch: `python -m benchmarks.compile`.

One process for each contender, which take turns; the fastest of at least 24 rounds counts, and a ratio is that of the
fastest. They run on one processor, with one thread, but where a table says otherwise. A contender is timed where its
results are eager's: to the bit where it promises that, else to rounding. `--write` puts tables into docs/compile.md.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.common import ROOT, SIZES, keys, mebibytes, table
from benchmarks.compile_contenders import ELEMENT_WISE
from benchmarks.workers import ROUNDS, SETTLED, TURN, ContenderError, Worker, take_turns

PAGE = ROOT / "docs" / "compile.md"
BEGIN, END = "<!-- benchmark -->", "<!-- end -->"
FRESH = 3  # processes that compile, of which the fastest counts


class Contender(NamedTuple):
    """A column of the times: its name, what must be installed, whether it promises eager's bits, its threads."""

    name: str
    needs: str = "numpy"
    exact: bool = False
    threads: int = 1


CONTENDERS = {
    "eager": Contender("eager", exact=True),
    "hand": Contender("NumPy by hand"),
    "compiled": Contender("compiled", exact=True),
    "fast": Contender("`fast`, SciPy", "scipy"),
    "numba": Contender("`numba`", "numba", exact=True),
    "jax": Contender("JAX jit", "jax"),
    "jax tuned": Contender("JAX jit, synchronous dispatch", "jax"),
    "threads": Contender("`threads=2`", "threadpoolctl", threads=2),
    "fast threads": Contender("`fast`, `threads=2`", "threadpoolctl", threads=2),
    "jax threads": Contender("JAX jit, two threads", "jax", threads=2),
    "torch": Contender("PyTorch", "torch"),
    "torch compile": Contender("PyTorch compile", "torch"),
}


class Row(NamedTuple):
    """A ratio, and the most that it may be in each column; no limit where there is None."""

    name: str
    contender: str
    reference: str
    limits: tuple[float | None, ...]


Figures = dict[str, float]  # of one column, by contender
Unit = Callable[[float], str]


class Comparison(NamedTuple):
    """A table: what is measured of whom, and the limits."""

    title: str
    build: str
    columns: tuple[str, ...]
    contenders: tuple[str, ...]
    rows: tuple[Row, ...]
    measure: Callable[[Comparison, str, list[str], int], Figures]
    unit: Unit


def microseconds(seconds: float) -> str:
    """At least three digits."""
    value = 1e6 * seconds
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def processors(count: int) -> list[int]:
    """The last ones that this process may run on, where the system tells: the first often serve it itself."""
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return allowed[-count:]


def start(comparison: Comparison, key: str, column: str, traced: bool = False) -> Worker:
    """A contender's process."""
    return Worker(
        f"benchmarks.compile_contenders:{comparison.build}",
        key,
        column,
        threads=CONTENDERS[key].threads,
        processors=processors(CONTENDERS[key].threads),
        traced=traced,
    )


@contextmanager
def started(comparison: Comparison, wanted: list[str], column: str) -> Iterator[dict[str, Worker]]:
    """The processes of the contenders that compute what eager code does; a line about each other one."""
    expected_of = start(comparison, "eager", column)
    workers: dict[str, Worker] = {"eager": expected_of}
    try:
        expected = comparable(expected_of.results(SETTLED))
        for key in wanted:
            if key == "eager":
                continue
            workers[key] = start(comparison, key, column)
            try:
                why = difference(comparable(workers[key].results(SETTLED)), expected, CONTENDERS[key].exact)
            except ContenderError as failure:
                why = f"it failed: {failure}"
            if why:
                print(f"{CONTENDERS[key].name} is left out of {column}: {why}")
                workers.pop(key).close()
        if "eager" not in wanted:
            workers.pop("eager").close()
        yield workers
    finally:
        for worker in workers.values():
            worker.close()


def comparable(results: list[np.ndarray[Any, Any]]) -> list[np.ndarray[Any, Any]]:
    """The results; of losses the first and by how much each later one differs, which is what the gradients did."""
    if any(array.ndim for array in results):
        return results
    losses = np.array(results)
    return [losses[:1], losses[1:] - losses[0]]


def difference(given: list[np.ndarray[Any, Any]], wanted: list[np.ndarray[Any, Any]], exact: bool) -> str:
    """Why a contender's results are not eager's, or nothing."""
    if [array.shape for array in given] != [array.shape for array in wanted]:
        return f"its results have the shapes {[array.shape for array in given]}"
    for mine, theirs in zip(given, wanted, strict=True):
        if exact and not (mine.dtype == theirs.dtype and np.array_equal(mine, theirs, equal_nan=True)):
            return f"its bits are not eager's; they differ by up to {np.max(np.abs(mine - theirs)):.1e}"
        if not np.allclose(mine, theirs, rtol=1e-3, atol=1e-4 * float(np.max(np.abs(theirs)))):
            return f"its results differ from eager's by up to {np.max(np.abs(mine - theirs)):.1e}"
    return ""


def fastest(comparison: Comparison, column: str, wanted: list[str], rounds: int) -> Figures:
    """Seconds of a call, the least of the rounds."""
    with started(comparison, wanted, column) as workers:
        return {key: min(times) for key, times in take_turns(workers, rounds, TURN).items()} if workers else {}


def fastest_beside_others(comparison: Comparison, column: str, wanted: list[str], rounds: int) -> Figures:
    """The same while two other processes do nothing but compute."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    try:
        return fastest(comparison, column, wanted, rounds)
    finally:
        for other in others:
            other.kill()
            other.wait()


def held(comparison: Comparison, column: str, wanted: list[str], rounds: int) -> Figures:  # noqa: ARG001
    """Bytes that a step holds at most beyond the model, what lives between steps included."""
    figures = {}
    with started(comparison, wanted, column) as right:
        found = list(right)
    for key in found:
        worker = start(comparison, key, column, traced=True)
        try:
            figures[key] = worker.peak()
        finally:
            worker.close()
    return figures


def cost_of_compiling(comparison: Comparison, column: str, wanted: list[str], rounds: int) -> Figures:
    """Seconds that the first calls take beyond those of later ones; of eager code, those of a call."""
    steady = fastest(comparison, column, wanted, rounds)
    figures = {"eager": steady.pop("eager")}
    for key, later in steady.items():
        taken = []
        for _ in range(FRESH):
            worker = start(comparison, key, column)
            try:
                taken.append(worker.first(SETTLED))
            finally:
                worker.close()
        figures[key] = min(taken) - SETTLED * later
    return figures


STEPS = Comparison(
    "One training step, one thread: tanh units, mean squared error, gradient descent, float32",
    "step",
    tuple(SIZES),
    ("eager", "hand", "compiled", "fast", "numba", "jax", "jax tuned", "torch", "torch compile"),
    (
        Row("compiled / NumPy by hand", "compiled", "hand", (1.05, 1.02, 0.90, 1.02, 1.05)),
        Row("compiled / JAX jit", "compiled", "jax", (0.70, 1.10, 0.90, 1.15, 1.05)),
        Row("`fast`, SciPy / JAX jit", "fast", "jax", (0.60, 1.06, 0.78, 1.00, 0.95)),
        Row("the same, aim", "fast", "jax", (0.45, 1.02, 0.65, 0.97, 0.93)),
        Row("compiled / JAX jit, synchronous", "compiled", "jax tuned", (None,) * 5),
        Row("`fast`, SciPy / the same", "fast", "jax tuned", (None,) * 5),
        Row("compiled / PyTorch", "compiled", "torch", (0.15, 0.55, 0.30, 1.03, 1.08)),
        Row("`numba` / compiled", "numba", "compiled", (1.03,) * 5),
        Row("compiled / eager", "compiled", "eager", (None,) * 5),
    ),
    fastest,
    microseconds,
)
THREADS = STEPS._replace(
    title="One training step, two threads",
    columns=("S", "D", "L", "X"),
    contenders=("compiled", "threads", "fast threads", "jax threads"),
    rows=(
        Row("`threads=2` / JAX jit, two threads", "threads", "jax threads", (1.0, 1.0, 1.10, 1.10)),
        Row("`fast`, `threads=2` / the same", "fast threads", "jax threads", (1.0, 1.0, 1.10, 1.10)),
        Row("`threads=2` / compiled", "threads", "compiled", (None,) * 4),
    ),
)
BUSY = THREADS._replace(
    title="The same while two other processes compute",
    contenders=("compiled", "threads"),
    rows=(Row("`threads=2` / compiled", "threads", "compiled", (1.3,) * 4),),
    measure=fastest_beside_others,
)
MEMORY = STEPS._replace(
    title="What a training step holds at most beyond the model, MiB",
    columns=("M", "L", "X"),
    contenders=("eager", "compiled", "fast", "numba"),
    rows=(Row("compiled / eager", "compiled", "eager", (0.6, 0.35, 0.35)),),
    measure=held,
    unit=mebibytes,
)
ELEMENTS = Comparison(
    "Element by element, with gradients, one thread, float32",
    "element_wise",
    tuple(ELEMENT_WISE),
    ("eager", "compiled", "numba", "jax", "torch"),
    (
        Row("compiled / PyTorch", "compiled", "torch", (1.0, 1.0, 1.0)),
        Row("`numba` / JAX jit", "numba", "jax", (2.0, 2.0, 2.0)),
    ),
    fastest,
    microseconds,
)
DERIVATIVES = Comparison(
    "Derivatives in all directions at once, one thread, float64",
    "derivative",
    ("Jacobian, 64 to 64", "Hessian, 64 variables"),
    ("eager", "compiled", "jax"),
    (
        Row("compiled / JAX jit", "compiled", "jax", (1.5, 3.0)),
        Row("the same, aim", "compiled", "jax", (None, 1.5)),
    ),
    fastest,
    microseconds,
)
COMPILING = Comparison(
    f"What compiling takes: the first {SETTLED} calls beyond later ones, beside an eager step",
    "first_step",
    ("M, SGD", "D, Adam"),
    ("eager", "compiled", "fast", "numba"),
    (Row("compiling / an eager step", "compiled", "eager", (100, 250)),),
    cost_of_compiling,
    microseconds,
)
COMPARISONS = {
    "steps": STEPS,
    "threads": THREADS,
    "busy": BUSY,
    "memory": MEMORY,
    "elements": ELEMENTS,
    "derivatives": DERIVATIVES,
    "compiling": COMPILING,
}


def heading(column: str) -> str:
    """A size with its widths."""
    return f"{column}: {SIZES[column]}" if column in SIZES else column


def verdict(ratio: float, limit: float | None) -> str:
    """A ratio beside its limit; bold where it is above."""
    if limit is None:
        return f"{ratio:.2f}"
    return f"{ratio:.2f} ≤ {limit:g}" if ratio <= limit else f"**{ratio:.2f} > {limit:g}**"


def ratios(row: Row, figures: dict[str, Figures]) -> dict[str, float]:
    """By column, where both were measured."""
    return {
        column: found[row.contender] / found[row.reference]
        for column, found in figures.items()
        if row.contender in found and row.reference in found
    }


def written(comparison: Comparison, figures: dict[str, Figures]) -> str:
    """A comparison's two tables in Markdown: what was measured, and the ratios with their limits."""
    measured = [
        [CONTENDERS[key].name, *(comparison.unit(found[key]) if key in found else "-" for found in figures.values())]
        for key in comparison.contenders
        if any(key in found for found in figures.values())
    ]
    compared = []
    for row in comparison.rows:
        of_columns, limits = ratios(row, figures), dict(zip(comparison.columns, row.limits, strict=True))
        if of_columns:
            compared.append(
                [row.name, *(verdict(of_columns[c], limits[c]) if c in of_columns else "-" for c in figures)]
            )
    head = ["us" if comparison.unit is microseconds else "MiB", *map(heading, figures)]
    tables = [table(head, measured), *([table(["ratio", *figures], compared)] if compared else [])]
    return "\n\n".join([f"**{comparison.title}**", *tables])


def installed(wanted: Sequence[str]) -> list[str]:
    """Those contenders that can run here; a line is printed about each other one."""
    found = []
    for key in wanted:
        contender = CONTENDERS[key]
        if importlib.util.find_spec(contender.needs):
            found.append(key)
        else:
            print(f"{contender.name} is left out: it needs `pip install {contender.needs}`.")
    return found


def versions(wanted: Sequence[str]) -> dict[str, str]:
    """Of Python and of the libraries that take part."""
    libraries = dict.fromkeys(["numpy", *(CONTENDERS[key].needs for key in wanted)])
    return {"python": platform.python_version(), **{library: version(library) for library in libraries}}


def put_into_page(text: str) -> None:
    """Replace what stands between the marks of the page."""
    page = PAGE.read_text()
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{PAGE} has no lines {BEGIN} and {END}; the tables belong between them.")
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print; `arguments` as on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=keys(COMPARISONS), default=list(COMPARISONS), help=f"of {','.join(COMPARISONS)}")
    parser.add_argument("--sizes", type=keys(SIZES), default=list(SIZES), help=f"of {','.join(SIZES)}")
    parser.add_argument("--contenders", type=keys(CONTENDERS), default=list(CONTENDERS), help="by their keys here")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of which the fastest counts (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/compile.md")
    options = parser.parse_args(arguments)
    chosen = {name: comparison for name, comparison in COMPARISONS.items() if name in options.only}
    if options.write and (len(chosen) < len(COMPARISONS) or len(options.sizes) < len(SIZES)):
        parser.error("--write replaces all tables; leave out --only and --sizes")
    contenders = installed(options.contenders)
    found_versions = versions(contenders)
    texts = [", ".join(f"{name} {found}" for name, found in found_versions.items())]
    print(texts[0])
    results = {}
    for name, comparison in chosen.items():
        wanted = [key for key in comparison.contenders if key in contenders]
        figures = {
            column: comparison.measure(comparison, column, wanted, options.rounds)
            for column in comparison.columns
            if column not in SIZES or column in options.sizes
        }
        results[name] = {
            "figures": figures,
            "ratios": {row.name: ratios(row, figures) for row in comparison.rows},
            "limits": {row.name: dict(zip(comparison.columns, row.limits, strict=True)) for row in comparison.rows},
        }
        texts.append(written(comparison, figures))
        print(f"\n{texts[-1]}", flush=True)
    if options.json:
        options.json.write_text(json.dumps({"versions": found_versions, "comparisons": results}, indent=1))
    if options.write:
        put_into_page("\n\n".join(texts))


if __name__ == "__main__":
    main()
