"""Batching rules of functions that ask for shapes and dtypes, or make arrays of one value."""

import numpy as np

from autograd_mini.batching.batch import Batch, batching_rule, rules
from autograd_mini.devices import beside, foreign
from autograd_mini.rules import linalg, products, reductions


def dtype_of(x):
    """What NumPy promotes for a batch: its dtype."""
    return x.dtype if isinstance(x, Batch) else x


rules[np.shape] = lambda _level, a: a.shape if isinstance(a, Batch) else (len(a), *np.shape(a[0]))
rules[np.ndim] = lambda _level, a: a.ndim if isinstance(a, Batch) else 1 + np.ndim(a[0])
rules[np.iscomplexobj] = lambda _level, x: x.dtype.kind == "c"
rules[np.isrealobj] = lambda _level, x: x.dtype.kind != "c"
rules[np.may_share_memory] = rules[np.shares_memory] = lambda _level, *_arrays, **_options: True
rules[np.result_type] = lambda _level, *arrays: np.result_type(*map(dtype_of, arrays))
rules[np.min_scalar_type] = lambda _level, a: a.dtype
rules[np.can_cast] = lambda _level, a, to, casting="safe": np.can_cast(dtype_of(a), to, casting)


@batching_rule(np.size)
def size(_level, a, axis=None):
    if axis is None:
        return a.size
    return a.shape[axis] if isinstance(axis, int) else NotImplemented


@batching_rule(np.common_type)
def common_type(_level, *arrays):
    return np.common_type(*(np.empty(0, dtype_of(a)) if isinstance(a, Batch) else a for a in arrays))


def filled(function):
    """An array of one value, which needs no batch."""

    def rule(_level, a, dtype=None, order="K", subok=True, shape=None, **_options):
        shape, dtype, place = a.shape if shape is None else shape, a.dtype if dtype is None else dtype, foreign(a)
        return function(shape, dtype) if place is None else function(shape, dtype, like=place)

    return rule


for like, plain in ((np.zeros_like, np.zeros), (np.ones_like, np.ones), (np.empty_like, np.empty)):
    rules[like] = filled(plain)

rules[linalg.identity] = lambda _level, a: beside(np.eye(a.shape[-1], dtype=a.dtype), a)
rules[products.identity] = lambda _level, a, n: beside(np.eye(n, dtype=a.dtype), a)
rules[linalg.cutoff] = lambda _level, a: float(np.finfo(a.dtype).eps * max(a.shape))
rules[reductions.frozen] = rules[linalg.frozen] = lambda _level, a: a
