"""Gradients by the differences of `autograd_mini.testing`, for tests that compare one gradient at one point."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd_mini.testing.differences import Estimate, derivative


def slope(phi: Callable[[float], float], size: float = 1.0) -> tuple[float, float]:
    """The derivative at 0 of a function of one number, and its error."""
    step = 2.0 ** np.floor(np.log2(size) - 3)
    value, error = derivative(lambda h: np.array([phi(h)]), step)
    return float(value[0]), float(error[0])


def numeric_vjp(f: Callable[..., Any], primals: Sequence[np.ndarray], cotangent: np.ndarray, position: int) -> Estimate:
    """The cotangent of `primals[position]`: the derivative of sum(cotangent * f(*primals)) by each entry."""
    moved = [np.array(primal) for primal in primals]
    values, errors = np.zeros(moved[position].shape), np.zeros(moved[position].shape)
    for index in np.ndindex(values.shape):
        if np.isnan(moved[position][index]):  # which no step moves
            values[index], errors[index] = np.nan, np.inf
            continue

        def phi(h: float, index: tuple[int, ...] = index) -> float:
            moved[position][index] = primals[position][index] + h
            return float(np.sum(cotangent * f(*moved)))

        values[index], errors[index] = slope(phi, abs(primals[position][index]) or 1.0)
        moved[position][index] = primals[position][index]
    return Estimate(values, errors)


def assert_close(actual: Any, expected: Any, rtol: float = 1e-7, error: Any = 0.0) -> None:
    """Equal up to `rtol` of the largest expected entry, however small that is, plus the expected values' `error`."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, f"shape {actual.shape} instead of {expected.shape}"
    scale = np.max(np.abs(expected), initial=0.0)
    off = np.abs(actual - expected)
    assert np.all(off <= rtol * scale + error), (
        f"off by {off.max()} at scale {scale}:\n{actual}\ninstead of\n{expected}"
    )
