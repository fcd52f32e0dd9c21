"""Derivatives of reading by index and of its adjoint, adding up at an index."""

import numpy as np

from autograd_mini.domains import case
from autograd_mini.primitive import primitive, rule


@primitive
def getitem(a, index):
    """`a[index]`, for all of NumPy's forms of index."""
    return a[index]


@primitive
def add_at(values, index, shape):
    """Zeros of the given shape, with `values` added at `index`; repeated indices add up."""
    total = np.zeros_like(values, shape=shape)
    if has_repeats(index):
        np.add.at(total, index, values)
    else:
        total[index] = values
    return total


def has_repeats(index):
    """Whether an index may name an entry twice: only arrays and lists of integers can."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(i, list) or (isinstance(i, np.ndarray) and i.dtype != bool) for i in parts)


INDICES = (
    case((4, 3), index=1),
    case((4, 3), index=(slice(None, None, -2), None, 0)),
    case((4, 3), index=(Ellipsis, slice(1, 3))),
    case((4, 3), index=np.array([0, 2, 2, -1])),
    case((4, 3), index=([[0, 1], [1, 1]], [2, 0])),
    case((4, 3), index=(slice(1, 3), np.array([2, 2]))),
    case((4, 3), index=np.arange(12).reshape(4, 3) % 3 == 0),
    case((4, 3), index=(np.array([True, False, True, True]), 1)),
    case((4, 3), index=slice(2, 2)),
    case((), index=()),
)

rule(getitem, lambda g, _out, _a, index: add_at(g, index, _a.shape), cases=INDICES)
rule(
    add_at,
    lambda g, _out, _values, index, shape: getitem(g, index),
    cases=tuple(
        case(np.empty(c.shapes[0])[c.options["index"]].shape, index=c.options["index"], shape=c.shapes[0])
        for c in INDICES
    ),
)
