"""What is typical of layers: means and medians of what is known; no sentences."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from autograd_mini.measuring.factors import Layer


def middle(values: Sequence[float]) -> float:
    """The median of what is known."""
    known = [value for value in values if math.isfinite(value)]
    return statistics.median(known) if known else math.nan


def gains(layers: Sequence[Layer]) -> list[float]:
    return [layer.gain for layer in layers]


def size(value: float) -> float:
    """How far from 0; nan, which is not known, is no distance."""
    return 0.0 if math.isnan(value) else abs(value)


def typical(values: Sequence[float]) -> float:
    """The geometric mean of those that are known and positive."""
    known = [math.log(value) for value in values if value > 0 and math.isfinite(value)]
    return math.exp(math.fsum(known) / len(known)) if known else math.nan


def log(value: float) -> float:
    return math.log(value) if value > 0 else (-math.inf if value == 0 else math.nan)
