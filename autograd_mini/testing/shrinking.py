"""The smallest example: shorter axes and rounder numbers for which a check still fails.

What is too large to be written out entry by entry is replaced by an array that a short expression makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

TRIALS = 60
WRITTEN = 60  # entries of an array that is written out


def smallest(
    leaves: Sequence[Any], fails: Callable[[Sequence[Any]], bool], before_each: Callable[[], None] = lambda: None
) -> list[Any]:
    """Leaves like these, as small as was found, for which `fails` holds still: asked at most `TRIALS` times."""
    current, trials = list(leaves), 0
    progress = True
    while progress and trials < TRIALS:
        progress = False
        for candidate in candidates(current):
            trials += 1
            if trials > TRIALS:
                break
            before_each()
            if fails(candidate):
                current, progress = candidate, True
                break
    return current


def candidates(leaves: Sequence[Any]) -> Iterator[list[Any]]:
    """Smaller leaves, the most daring first: all axes of one length cut to the same shorter one, numbers rounded."""
    arrays = [leaf for leaf in leaves if isinstance(leaf, np.ndarray)]
    for length in sorted({n for a in arrays for n in a.shape if n > 1}, reverse=True):
        for shorter in sorted({1, 2, length // 2, 3 * length // 4, 7 * length // 8, length - (length <= WRITTEN)}):
            if 0 < shorter < length:
                yield [cut(leaf, length, shorter) for leaf in leaves]
    for pattern in (constant, evenly_spaced):
        if any(is_large(a) and not expression(a) for a in arrays):
            yield [pattern(leaf) if is_large(leaf) and not expression(leaf) else leaf for leaf in leaves]
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
    if not isinstance(leaf, np.ndarray) or leaf.dtype.kind not in "fc" or is_large(leaf):
        return leaf
    near = np.round(leaf, decimals)
    return np.where((near == 0) & (leaf != 0), leaf, near).astype(leaf.dtype)


def is_large(leaf: Any) -> bool:
    """Whether a leaf is an array of numbers with too many entries to write out."""
    return isinstance(leaf, np.ndarray) and leaf.dtype.kind in "fc" and leaf.size > WRITTEN


def constant(a: Any) -> Any:
    """An array of one typical number."""
    return np.full(a.shape, short(np.median(np.real(a))), a.dtype)


def evenly_spaced(a: Any) -> Any:
    """An array of evenly spaced numbers in the range of most of the given ones."""
    low, high = (short(end) for end in np.quantile(np.real(a), [0.1, 0.9]))
    return spaced(low, high, a.shape).astype(a.dtype)


def spaced(low: float, high: float, shape: tuple[int, ...]) -> Any:
    return np.linspace(low, high, int(np.prod(shape))).reshape(shape)


def short(number: Any) -> float:
    """A number of two digits close to the given one."""
    return float(f"{float(number):.2g}")


def expression(a: Any) -> str:
    """Short code that makes an array of many entries; nothing if there is none.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.testing.shrinking import expression
    >>> expression(np.full((20, 50), 0.5)), expression(np.linspace(-1, 2, 1000, dtype=np.float32))
    ('np.full((20, 50), 0.5)', 'np.linspace(-1.0, 2.0, 1000, dtype=np.float32)')
    """
    if not a.size or not np.all(np.isfinite(a)):
        return ""
    dtype = "" if a.dtype in (np.float64, np.complex128) else f", dtype=np.{a.dtype}"
    first, last = a.flat[0].item(), a.flat[-1].item()
    if np.all(a == a.flat[0]):
        return f"np.full({a.shape}, {first!r}{dtype})"
    if a.dtype.kind == "f" and np.array_equal(a, spaced(first, last, a.shape).astype(a.dtype)):
        line = f"np.linspace({first!r}, {last!r}, {a.size}{dtype})"
        return line if a.ndim == 1 else f"{line}.reshape{a.shape}"
    return ""
