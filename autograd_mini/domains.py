"""Where a derivative is defined and smooth, said beside each rule, and example calls; tests are made from it.

Only descriptions live here: no rule and no test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class Interval(NamedTuple):
    """The open interval from which an operand may be drawn."""

    low: float = -float("inf")
    high: float = float("inf")


REAL = Interval()
POSITIVE = Interval(0.0)
UNIT = Interval(-1.0, 1.0)


class Case(NamedTuple):
    """One example call: the operands' shapes and the keyword arguments."""

    shapes: tuple[tuple[int, ...], ...]
    options: Mapping[str, Any] = MappingProxyType({})


def case(*shapes: tuple[int, ...], **options: Any) -> Case:
    """An example call for the tests of a rule: `case((3, 4), axis=0)` has one operand of shape (3, 4) and `axis=0`.

    Parameters
    ----------
    *shapes : tuple of int
        One for each operand.
    **options
        The keyword arguments.

    Examples
    --------
    >>> from autograd_mini import case
    >>> case((3, 4), axis=0)
    Case(shapes=((3, 4),), options={'axis': 0})
    """
    return Case(shapes, options)


UNARY = tuple(case(shape) for shape in ((), (3,), (2, 3), (0, 3)))
PAIRS = [((), ()), ((2, 3), (2, 3)), ((2, 3), (3,)), ((3, 1), (1, 4)), ((), (2, 2)), ((1,), (0,))]
BINARY = tuple(case(*shapes) for shapes in PAIRS)
TERNARY = tuple(case(*shapes) for shapes in (((), (), ()), ((2, 3), (3,), (2, 1)), ((), (2, 1), (1, 3))))


class Domain(NamedTuple):
    """The points at which a primitive is differentiated in tests.

    Attributes
    ----------
    intervals : tuple of Interval
        One for each operand; the last one holds for all that follow.
    kinks : callable or None
        Of the operands; zero where the derivative jumps. Tests keep away from its zeros.
    cases : tuple of Case
        Example calls.
    prepare : callable or None
        Of the drawn operands; returns valid ones, such as an invertible matrix.
    """

    intervals: tuple[Interval, ...] = (REAL,)
    kinks: Callable[..., Any] | None = None
    cases: tuple[Case, ...] = UNARY
    prepare: Callable[..., Any] | None = None
