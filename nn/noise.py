"""What chance does to numbers: noise is added, entries are left out. No layer lives here, and no generator is made."""

from __future__ import annotations

from typing import Any

import numpy as np


def noisy(x: Any, std: float, rng: np.random.Generator) -> Any:
    """x + std * z with standard normal z, in the dtype of x; whole numbers become float64, cut to them z would be 0.

    z is drawn in float64, so that a seed gives the same noise in every precision. Complex numbers get a real one.
    """
    noise = std * rng.standard_normal(x.shape)
    return x + noise.astype(float if x.dtype.kind in "iub" else x.dtype)


def kept(shape: tuple[int, ...], share: float, rng: np.random.Generator) -> Any:
    """An array that is False with probability `share`, to within 2**-24: draws in float32 take half the time."""
    return rng.random(shape, np.float32) >= share


def masked(x: Any, share: float, rng: np.random.Generator) -> Any:
    """x with each entry 0, whatever it was, with probability `share`."""
    return np.where(kept(x.shape, share, rng), x, x.dtype.type(0))
