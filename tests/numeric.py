"""Derivatives by differences, to compare rules with: central differences in float64, extrapolated to step 0."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

STEP = 4e-3  # the largest distance that a difference reaches; kinks and ends of domains must be farther away
ROUNDING = 64 * np.finfo(float).eps


class Estimate(NamedTuple):
    """A derivative, and how far off it may be."""

    value: np.ndarray
    error: np.ndarray


def slope(phi: Callable[[float], float]) -> tuple[float, float]:
    """The derivative at 0 of a function of one number, and its error, by Richardson extrapolation."""
    steps = [STEP, STEP / 2, STEP / 4]
    ends = [(phi(h), phi(-h)) for h in steps]
    row = [(up - down) / (2 * h) for h, (up, down) in zip(steps, ends, strict=True)]
    scale = max(max(abs(up), abs(down)) for up, down in ends)
    before = row
    for order in (4, 16):
        before, row = row, [(order * fine - coarse) / (order - 1) for coarse, fine in itertools.pairwise(row)]
    return row[0], abs(row[0] - before[-1]) + ROUNDING * scale / steps[-1]


def numeric_vjp(f: Callable[..., Any], primals: Sequence[np.ndarray], cotangent: np.ndarray, position: int) -> Estimate:
    """The cotangent of `primals[position]`: the derivative of sum(cotangent * f(*primals)) by each entry."""
    moved = [np.array(primal) for primal in primals]
    values, errors = np.zeros(moved[position].shape), np.zeros(moved[position].shape)
    for index in np.ndindex(values.shape):

        def phi(h: float, index: tuple[int, ...] = index) -> float:
            moved[position][index] = primals[position][index] + h
            return float(np.sum(cotangent * f(*moved)))

        values[index], errors[index] = slope(phi)
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
