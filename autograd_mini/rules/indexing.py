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
    parts = index if isinstance(index, tuple) else (index,)
    arrays = [np.asarray(part) for part in parts if isinstance(part, list | np.ndarray)]
    if any(array.dtype != bool for array in arrays):  # only integers can name an entry twice
        np.add.at(total, index, values)
    elif arrays or None not in parts:
        total[index] = values
    else:  # Dask cannot assign to a new axis
        plain = tuple(part for part in parts if part is not None)
        total[plain] = np.reshape(values, total[plain].shape)
    return total


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
