"""Buckets: which sequences come together in a batch, so that they are of like length. Nothing is padded here."""

from __future__ import annotations

from typing import Any

import numpy as np

POOL = 50  # batches whose sequences are sorted by length together


def grouped(order: Any, places: list[slice], lengths: Any, rng: np.random.Generator | None) -> tuple[Any, list[slice]]:
    """An order in which batches are of like length, and the places of its batches.

    What is left out at the end is not the longest: the places are cut before anything is sorted.
    """
    size, stop = places[0].stop, places[-1].stop
    pool = stop if rng is None else POOL * size
    pools = [order[start : min(start + pool, stop)] for start in range(0, stop, pool)]
    ascending = np.concatenate([some[np.argsort(lengths[some], kind="stable")] for some in pools])
    batches = [ascending[place] for place in places]
    if rng is not None:
        batches = [batches[i] for i in rng.permutation(len(batches))]
    ends = np.cumsum([len(batch) for batch in batches]).tolist()
    return np.concatenate(batches), [slice(end - len(batch), end) for end, batch in zip(ends, batches, strict=True)]
