"""Sizes of arrays that can neither overflow nor underflow: the 2-norm, and the root of the mean square."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def norm(array: Any) -> float:
    """||a||_2, in float64; NaN or infinite if an entry is."""
    magnitudes = np.abs(array).astype(np.float64)
    largest = float(np.max(magnitudes, initial=0.0))
    if not largest or not math.isfinite(largest):
        return largest
    if 1e-140 < largest < 1e140:
        return float(np.sqrt(np.sum(np.square(magnitudes))))
    return largest * float(np.sqrt(np.sum(np.square(magnitudes / largest))))


def rms(array: Any) -> float:
    """||a||_2 / sqrt(size); 0 of nothing."""
    return norm(array) / math.sqrt(max(array.size, 1))
