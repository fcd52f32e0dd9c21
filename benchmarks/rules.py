"""Each rule beside HIPS autograd: forward and backward at one entry and at a million, as ratios, the worst first.

Run with `python -m benchmarks.rules`. The calls come from the registry, so a new rule is timed without a line here.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from autograd_mini import vjp
from autograd_mini.domains import Case
from autograd_mini.primitive import Primitive, primitives

try:
    import autograd.numpy as anp
    from autograd import make_vjp
except ImportError:
    sys.exit("HIPS autograd is missing: `pip install autograd`, or this project's extra `bench`.")

ROUNDS, LARGE = 7, 1_000_000


class Timing(NamedTuple):
    """One primitive at one size."""

    name: str
    size: int
    ours: float
    theirs: float

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs


def counterpart(primitive: Primitive) -> Callable[..., Any] | None:
    """HIPS autograd's function of the same name, if it has one."""
    target: Any = anp
    for part in primitive.name.removeprefix("np.").split("."):
        target = getattr(target, part, None)
    return target if primitive.name.startswith("np.") and hasattr(target, "fun") else None


def seconds(step: Callable[[], Any]) -> float:
    """The least time of one step over repeated batches of about 5 ms."""
    start = time.perf_counter()
    step()
    count = max(1, int(0.005 / (time.perf_counter() - start)))
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        for _ in range(count):
            step()
        best = min(best, (time.perf_counter() - start) / count)
    return best


def elementwise_operands(primitive: Primitive, count: int, size: int) -> list[np.ndarray[Any, Any]]:
    """Operands inside the primitive's domain."""
    rng = np.random.default_rng(0)
    operands = []
    for i in range(count):
        interval = primitive.domain.intervals[min(i, len(primitive.domain.intervals) - 1)]
        low, high = max(interval.low, -3.0), min(interval.high, 3.0)
        margin = 0.05 * (high - low)
        operands.append(rng.uniform(low + margin, high - margin, size))
    return operands


def measure(function: Callable[..., Any], primitive: Primitive, case: Case, size: int) -> Timing | None:
    """Time one primitive on vectors of `size` entries, on all arguments that have a rule; None if either refuses."""
    theirs_of = counterpart(primitive)
    if theirs_of is None or case.options or any(len(shape) > 1 for shape in case.shapes):
        return None
    operands = elementwise_operands(primitive, len(case.shapes), size)
    seed = np.ones_like(function(*operands))
    wanted = [i for i, rule in enumerate(primitive.vjps) if rule is not None]

    def ours() -> Any:
        return vjp(lambda *chosen: function(*fill(operands, wanted, chosen)), *(operands[i] for i in wanted))[1](seed)

    def theirs() -> Any:
        chosen = tuple(operands[i] for i in wanted)
        return make_vjp(lambda chosen: theirs_of(*fill(operands, wanted, chosen)))(chosen)[0](seed)

    try:
        theirs()
        ours()
    except Exception as error:  # noqa: BLE001 (a peer's refusal of any kind)
        print(f"{primitive.name}: not compared ({type(error).__name__}: {error})"[:110], file=sys.stderr)
        return None
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(ROUNDS)]
    return Timing(primitive.name, size, *(float(np.median(column)) for column in zip(*pairs, strict=True)))


def fill(operands: list[Any], positions: list[int], values: Any) -> list[Any]:
    """`operands` with the values at the positions."""
    call = list(operands)
    for position, value in zip(positions, values, strict=True):
        call[position] = value
    return call


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", help="compare only these, such as np.tanh,np.add")
    names = parser.parse_args().names
    timings = []
    for function, primitive in primitives.items():
        if names and primitive.name not in names.split(","):
            continue
        case = next((c for c in primitive.domain.cases if all(len(s) <= 1 for s in c.shapes) and not c.options), None)
        if case is None:
            continue
        for size in (1, LARGE):
            timing = measure(function, primitive, case, size)
            if timing:
                timings.append(timing)
    print(f"{'rule':24}{'entries':>10}{'ours us':>12}{'autograd us':>14}{'ratio':>8}")
    for t in sorted(timings, key=lambda t: -t.ratio):
        print(f"{t.name:24}{t.size:>10}{t.ours * 1e6:>12.1f}{t.theirs * 1e6:>14.1f}{t.ratio:>8.2f}")
    slower = sum(t.ratio > 1 for t in timings)
    print(f"{len(timings)} comparisons, {slower} slower than autograd")


if __name__ == "__main__":
    main()
