"""Sums over numbered parts in one order: a binary tree over the numbers, whoever adds up which of its branches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Node = tuple[int, int]
Vectors = list[Any]  # arrays, or None for what is zero


def middle(low: int, high: int) -> int:
    """Where a range of two or more numbers divides: at the largest power of 2 below its length."""
    return low + (1 << ((high - low - 1).bit_length() - 1))


def collapse(nodes: dict[Node, Vectors], present: Sequence[int], low: int, high: int) -> bool:
    """Replace what is complete within a range by its sum; whether the range is one node now.

    Parameters
    ----------
    nodes : dict
        Sums of ranges, changed in place; the arrays too.
    present : sequence of int
        The numbers that there are, in ascending order; a branch without any adds nothing.
    low, high : int
    """
    if (low, high) in nodes:
        return True
    if high - low == 1:
        return False
    cut = middle(low, high)
    branches = [branch for branch in ((low, cut), (cut, high)) if any(branch[0] <= p < branch[1] for p in present)]
    complete = [collapse(nodes, present, *branch) for branch in branches]  # of each what can be, so no `all` of calls
    if not (branches and all(complete)):
        return False
    first, *second = (nodes.pop(branch) for branch in branches)
    nodes[low, high] = added(first, second[0]) if second else first
    return True


def added(a: Vectors, b: Vectors) -> Vectors:
    """The sum of vectors, in the arrays of the first."""
    for i, (mine, other) in enumerate(zip(a, b, strict=True)):
        if mine is None:
            a[i] = other
        elif other is not None:
            if mine.flags.writeable:
                np.add(mine, other, out=mine)
            else:
                a[i] = mine + other
    return a


def total(nodes: dict[Node, Vectors], present: Sequence[int], parts: int) -> Vectors:
    """The sum of all."""
    if not collapse(nodes, present, 0, parts):
        raise AssertionError(f"parts {present} are not complete in {sorted(nodes)}")
    return nodes.pop((0, parts))
