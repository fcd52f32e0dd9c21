"""Operators of NumPy's scalars, of which some give other bits than the universal functions do: numbers of one entry.

A program holds such numbers as arrays without axes; these functions make scalars of them before they compute.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def scalar(value: Any) -> Any:
    """One of NumPy's scalars for an array without axes."""
    return value[()] if isinstance(value, np.ndarray) else value


def scalar_product(a: Any, b: Any) -> Any:
    """`a * b` of scalars."""
    return scalar(a) * scalar(b)


def scalar_quotient(a: Any, b: Any) -> Any:
    """`a / b` of scalars."""
    return scalar(a) / scalar(b)


def scalar_power(a: Any, b: Any) -> Any:
    """`a ** b` of scalars."""
    return scalar(a) ** scalar(b)


def scalar_absolute(a: Any) -> Any:
    """`abs(a)` of a scalar."""
    return abs(scalar(a))


def array_power(a: Any, b: Any) -> Any:
    """`a ** b` of an array: some powers are computed in other ways than by `np.power`."""
    return a**b
