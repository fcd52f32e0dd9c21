"""Where traps, here and in other libraries: `python -m benchmarks.where_traps` measures and writes docs/where_traps.md.

A test runs the same cases without the other libraries, which are imported only to be measured.
"""

from __future__ import annotations

import numpy as np

from benchmarks.hard_points import FILE as BESIDE
from benchmarks.hard_points import Case, Group, write

FILE = BESIDE.with_name("where_traps.md")
NAN, INF = float("nan"), float("inf")
TARGETS = {"x": [0.0, 1.0, 2.0], "y": [1.0, NAN, 3.0]}
DERIVATIVES = ([-2.0, 0.0, -2.0], [2.0, 0.0, 2.0])
MEANS = ([-1.0, 0.0, -1.0], [1.0, 0.0, 1.0])

GROUPS = (
    Group(
        "Branches not taken",
        "Both branches are computed, and the cotangent of the one that is not taken is 0. 0 times an infinite slope is "
        "NaN, unless the library knows why it is 0.",
        (
            Case(
                "np.where(x > 0, np.sqrt(x), 0.0)",
                {"x": [0.0, -1.0, 4.0]},
                [0.0, 0.0, 0.25],
                "torch.where(x > 0, torch.sqrt(x), 0.0)",
            ),
            Case(
                "np.where(x > 0, np.log(x), 0.0)",
                {"x": [0.0, -1.0, 2.0]},
                [0.0, 0.0, 0.5],
                "torch.where(x > 0, torch.log(x), 0.0)",
            ),
            Case(
                "np.where(x > 0, x * np.log(x), 0.0)",
                {"x": [0.0, 1.0]},
                [0.0, 1.0],
                "torch.where(x > 0, x * torch.log(x), 0.0)",
            ),
            Case(
                "np.where(x != 0, np.arctan(1 / x), 0.0)",
                {"x": [0.0, 1.0]},
                [0.0, -0.5],
                "torch.where(x != 0, torch.arctan(1 / x), 0.0)",
            ),
            Case(
                "np.where(np.abs(x) < 1, np.arcsin(x), 1.0)",
                {"x": [1.0, 0.0, 2.0]},
                [0.0, 1.0, 0.0],
                "torch.where(torch.abs(x) < 1, torch.arcsin(x), 1.0)",
            ),
            Case(
                "np.where(x > 0, x, np.expm1(x))",
                {"x": [1000.0, -1.0]},
                [1.0, float(np.exp(-1))],
                "torch.where(x > 0, x, torch.expm1(x))",
            ),
            Case(
                "np.where(x >= 0, 1 / (1 + np.exp(-x)), np.exp(x) / (1 + np.exp(x)))",
                {"x": [1000.0, -1000.0, 0.0]},
                [0.0, 0.0, 0.25],
                "torch.where(x >= 0, 1 / (1 + torch.exp(-x)), torch.exp(x) / (1 + torch.exp(x)))",
            ),
            Case(
                "np.where(x > 20, x, np.log(1 + np.exp(x)))",
                {"x": [1000.0, 0.0]},
                [1.0, 0.5],
                "torch.where(x > 20, x, torch.log(1 + torch.exp(x)))",
            ),
            Case(
                "np.where(x > 0, x**1.5, 0.0)",
                {"x": [0.0, 4.0]},
                [0.0, 0.375],
                "torch.where(x > 0, x**1.5, 0.0)",
                order=2,
            ),
        ),
    ),
    Group(
        "Missing data",
        "Targets, or rows of the data, that are NaN and that a mask leaves out.",
        (
            Case("np.where(y == y, (x - y) ** 2, 0.0)", TARGETS, DERIVATIVES, "torch.where(y == y, (x - y) ** 2, 0.0)"),
            Case("((x - y) ** 2)[y == y]", TARGETS, DERIVATIVES, "((x - y) ** 2)[y == y]"),
            Case("np.nansum((x - y) ** 2)", TARGETS, DERIVATIVES, "torch.nansum((x - y) ** 2)"),
            Case("np.nanmean((x - y) ** 2)", TARGETS, MEANS, "torch.nanmean((x - y) ** 2)"),
            Case(
                "np.mean((x - y) ** 2, where=y == y)",
                TARGETS,
                MEANS,
                "torch.masked.mean((x - y) ** 2, mask=y == y)",
            ),
            Case(
                "(x @ y)[:1]",
                {"x": [[1.0, 2.0], [NAN, NAN]], "y": [1.0, 1.0]},
                ([[1.0, 1.0], [0.0, 0.0]], [1.0, 2.0]),
                "(x @ y)[:1]",
            ),
            Case(
                "np.sqrt(np.sum(x**2, axis=1))[:1]",
                {"x": [[3.0, 4.0], [NAN, 1.0]]},
                [[0.6, 0.8], [0.0, 0.0]],
                "torch.sqrt(torch.sum(x**2, axis=1))[:1]",
            ),
        ),
    ),
    Group(
        "What is not read, and what is cut off",
        "The same without a `where`: by an index, a maximum, a limit, a constant 0.",
        (
            Case("np.sqrt(x)[1:]", {"x": [0.0, 4.0]}, [0.0, 0.25], "torch.sqrt(x)[1:]"),
            Case("np.max(np.sqrt(x))", {"x": [0.0, 4.0]}, [0.0, 0.25], "torch.max(torch.sqrt(x))"),
            Case("np.sort(np.sqrt(x))[-1]", {"x": [0.0, 4.0]}, [0.0, 0.25], "torch.sort(torch.sqrt(x))[0][-1]"),
            Case(
                "np.minimum(1 / x, 1.0)",
                {"x": [0.0, 2.0]},
                [0.0, -0.25],
                "torch.minimum(1 / x, torch.tensor(1.0))",
            ),
            Case("np.clip(1 / x, 0, 1)", {"x": [0.0, 2.0]}, [0.0, -0.25], "torch.clip(1 / x, 0, 1)"),
            Case(
                "np.tril(np.log(x))",
                {"x": [[1.0, 0.0], [1.0, 1.0]]},
                [[1.0, 0.0], [1.0, 1.0]],
                "torch.tril(torch.log(x))",
            ),
            Case("np.cumsum(np.log(x))[:1]", {"x": [2.0, 0.0]}, [0.5, 0.0], "torch.cumsum(torch.log(x), 0)[:1]"),
        ),
    ),
    Group(
        "What stays NaN",
        "Here the result does depend on the entry, and 0 times infinity is an accident of how it is written: the "
        "derivative of sqrt(x)² is 1 at 0 too, and that of x log(x) is infinite. A 0 would be wrong, and silent.",
        (
            Case("np.sqrt(x) ** 2", {"x": 0.0}, 1.0, "torch.sqrt(x) ** 2", here=NAN),
            Case("np.exp(np.log(x))", {"x": 0.0}, 1.0, "torch.exp(torch.log(x))", here=NAN),
            Case("x * np.log(x)", {"x": 0.0}, -INF, "x * torch.log(x)", here=NAN),
        ),
    ),
)
CASES = tuple(case for group in GROUPS for case in group.cases)

INTRODUCTION = """\
# Where traps

`np.where(x > 0, np.sqrt(x), 0)` is 0 at 0, and so is its derivative. Going back, the cotangent of the root is 0 there,
its slope is infinite, and 0 times infinity is NaN: one such entry makes a whole gradient NaN. Elsewhere one writes
`where` twice, around the function and around its argument. Here the first form is right.

What is exact is not "the cotangent is 0" but "the result does not depend on this entry": it was not chosen, not read,
cut off, or multiplied by a constant 0. Where a gradient comes out as NaN and something in the graph can cut, the
backward goes once more: it asks the rules themselves which entries the result depends on, and puts 0 where it does not.
Numbers keep their bits. `autograd_mini/dependence.py` is all of it.

Each row is the derivative of the sum of the call's entries by each of its variables, in float64; *second* is the
derivative of the sum of the first derivative's entries. ✗: not the derivative. —: the library has no such function, no
rule for it, or no second derivatives.

What is not seen, and stays NaN: a product that runs past a NaN (`np.cumprod`), operations with several results
(`np.split`, `np.linalg.eigh`), and what a `checkpoint` computes in one piece, beyond its borders. On a
[device that waits](arrays.md#what-waits) NaN raises instead.

`tests/docs/test_where_traps.py` checks every row.
"""


def main() -> None:
    write(FILE, INTRODUCTION, GROUPS)


if __name__ == "__main__":
    main()
