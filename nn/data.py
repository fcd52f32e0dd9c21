"""Feeding a model: mini-batches of arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

LENGTHS = "minibatches() was given arrays of lengths {lengths}. Each holds one entry for each example: make them equal."
SIZE = "minibatches(size={size}): a batch holds at least one example."


def minibatches(
    *arrays: np.ndarray[Any, Any], size: int, rng: int | np.random.Generator | None = None, shuffle: bool = True
) -> Iterator[tuple[np.ndarray[Any, Any], ...]]:
    """Pass once over the examples in batches; the last one is smaller if they do not divide evenly.

    Parameters
    ----------
    *arrays : ndarray
        Inputs, targets, ...: the first axis counts the examples.
    size : int
        Examples in a batch.
    rng : int or numpy.random.Generator, optional
        Where the order comes from.
    shuffle : bool
        Draw a new order; otherwise keep theirs.

    Raises
    ------
    ValueError
        If the lengths differ, or the size is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from nn import minibatches
    >>> [x.tolist() for (x,) in minibatches(np.arange(5), size=2, shuffle=False)]
    [[0, 1], [2, 3], [4]]
    """
    lengths = [len(array) for array in arrays]
    if len(set(lengths)) != 1:
        raise ValueError(LENGTHS.format(lengths=lengths))
    if size < 1:
        raise ValueError(SIZE.format(size=size))
    order = np.random.default_rng(rng).permutation(lengths[0]) if shuffle else np.arange(lengths[0])
    return (tuple(array[order[start : start + size]] for array in arrays) for start in range(0, lengths[0], size))
