"""What chance does to numbers: noise is added, entries are left out. No layer lives here, and no generator is made."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_mini import Batch, Tensor, batching_rule, devices, primitive


@primitive
def drawn(x: Any, draw: Callable[[tuple[int, ...]], Any], shape: tuple[int, ...]) -> Any:
    """`draw(shape)`, random numbers for an array and where it is; inside a vmap each example gets its own.

    They are drawn on the host, so that a seed gives the same ones on every device.
    """
    return devices.beside(draw(shape), x)


@batching_rule(drawn)
def drawn_for_each(level: Any, x: Any, draw: Callable[[tuple[int, ...]], Any], shape: tuple[int, ...]) -> Any:
    """The examples one after the other, so that the numbers are those of a loop over them."""
    return Batch(drawn(x.values, draw, (level.size, *shape)), level)


def values(x: Any) -> Any:
    """An array, or the values of a tensor: what is drawn has no history."""
    return x.data if isinstance(x, Tensor) else x


def noisy(x: Any, std: float, rng: np.random.Generator) -> Any:
    """x + std * z with standard normal z, in the dtype of x; whole numbers become float64, cut to them z would be 0.

    z is drawn in float64, so that a seed gives the same noise in every precision. Complex numbers get a real one.
    """
    noise = std * drawn(values(x), rng.standard_normal, x.shape)
    return x + noise.astype(float if x.dtype.kind in "iub" else x.dtype)


def kept(x: Any, shape: tuple[int, ...], share: float, rng: np.random.Generator) -> Any:
    """For x an array that is False with probability `share`, to within 2**-24: draws in float32 take half the time."""
    return drawn(values(x), functools.partial(rng.random, dtype=np.float32), shape) >= share


def masked(x: Any, share: float, rng: np.random.Generator) -> Any:
    """x with each entry 0, whatever it was, with probability `share`."""
    return np.where(kept(x, x.shape, share, rng), x, x.dtype.type(0))
