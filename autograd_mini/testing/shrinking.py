"""The smallest example: shorter axes and rounder numbers for which a check still fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

TRIALS = 60


def smallest(leaves: Sequence[Any], fails: Callable[[Sequence[Any]], bool]) -> list[Any]:
    """Leaves like these, as small as was found, for which `fails` holds still."""
    current, trials = list(leaves), 0
    progress = True
    while progress and trials < TRIALS:
        progress = False
        for candidate in candidates(current):
            trials += 1
            if trials > TRIALS:
                break
            if fails(candidate):
                current, progress = candidate, True
                break
    return current


def candidates(leaves: Sequence[Any]) -> Iterator[list[Any]]:
    """Smaller leaves, the most daring first: all axes of one length cut to the same shorter one, numbers rounded."""
    arrays = [leaf for leaf in leaves if isinstance(leaf, np.ndarray)]
    for length in sorted({n for a in arrays for n in a.shape if n > 1}, reverse=True):
        for shorter in sorted({1, 2, length // 2, length - 1}):
            if 0 < shorter < length:
                yield [cut(leaf, length, shorter) for leaf in leaves]
    for decimals in (0, 1, 2):
        rounder = [rounded(leaf, decimals) for leaf in leaves]
        if any(not np.array_equal(a, b) for a, b in zip(rounder, leaves, strict=True) if isinstance(a, np.ndarray)):
            yield rounder


def cut(leaf: Any, length: int, shorter: int) -> Any:
    """An array with its axes of one length shortened."""
    if not isinstance(leaf, np.ndarray):
        return leaf
    return leaf[tuple(slice(shorter if n == length else n) for n in leaf.shape)]


def rounded(leaf: Any, decimals: int) -> Any:
    """An array of rounder numbers, none of them a zero that was none."""
    if not isinstance(leaf, np.ndarray) or leaf.dtype.kind not in "fc":
        return leaf
    near = np.round(leaf, decimals)
    return np.where((near == 0) & (leaf != 0), leaf, near).astype(leaf.dtype)
