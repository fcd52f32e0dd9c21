"""Sizes of arrays that can neither overflow nor underflow: the 2-norm, and the root of the mean square."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_mini import constant, devices, primitive


@primitive
def norm(array: Any) -> float:
    """||a||_2, in float64; NaN or infinite if an entry is. On a device, an array there."""
    if not devices.on_host(array):
        return norm_there(array)
    magnitudes = np.abs(array).astype(np.float64)
    largest = float(np.max(magnitudes, initial=0.0))
    if not largest or not math.isfinite(largest):
        return largest
    if 1e-140 < largest < 1e140:
        return float(np.sqrt(np.sum(np.square(magnitudes))))
    return largest * float(np.sqrt(np.sum(np.square(magnitudes / largest))))


def norm_there(array: Any) -> Any:
    """The same of an array on a device, without a decision that would wait for it."""
    magnitudes = np.abs(array).astype(devices.wide(array))
    largest = np.max(magnitudes, initial=0.0)
    scale = np.where(np.isfinite(largest) & (largest > 0), largest, 1)
    return largest * 0 + scale * np.sqrt(np.sum(np.square(magnitudes / scale)))


@primitive
def joint_norm(*norms: float) -> float:
    """The norm of several arrays together, from the norm of each."""
    if all(map(devices.on_host, norms)):
        return math.hypot(*norms)
    return norm_there(np.stack(norms))


constant(norm, joint_norm)


def norms_of_examples(arrays: Sequence[Any]) -> Any:
    """||(a_i, b_i, ...)||_2 for each index i of the first axis, over the entries of all arrays, in float64."""
    rows = [np.reshape(array, (len(array), -1)) for array in arrays]
    parts = [part for row in rows for part in ((row.real, row.imag) if row.dtype.kind == "c" else (row,))]
    with np.errstate(over="ignore"):
        squares = sum(np.einsum("ij,ij->i", part, part, dtype=np.float64) for part in parts)
    found = np.sqrt(squares)
    for i in np.flatnonzero(~((squares > 1e-280) & (squares < 1e280))):
        found[i] = math.hypot(*(norm(row[i]) for row in rows))
    return found


def rms(array: Any) -> float:
    """||a||_2 / sqrt(size); 0 of nothing."""
    return norm(array) / math.sqrt(max(array.size, 1))
