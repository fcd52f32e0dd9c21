"""Derivatives of functions that reduce axes: each spreads the cotangent back over what was reduced."""

import math

import numpy as np

from autograd_mini.domains import case
from autograd_mini.primitive import rule

REDUCTIONS = (
    case((3, 4)),
    case(()),
    case((3, 4), axis=0),
    case((3, 4), axis=-1, keepdims=True),
    case((2, 3, 4), axis=(0, 2)),
    case((2, 3, 4), axis=(), keepdims=False),
)
EMPTY = (case((0, 3)), case((0, 3), axis=0))


def reduced_axes(ndim, axis):
    """The reduced axes as a tuple of numbers in 0 .. ndim - 1."""
    axes = range(ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return tuple(i % ndim for i in axes)


def keep_axes(g, a, axis):
    """`g` with the axes that were reduced from `a` put back, of length 1; a single number spreads as it is."""
    if axis is None:
        return g
    axes = reduced_axes(a.ndim, axis)
    return np.reshape(g, tuple(1 if i in axes else n for i, n in enumerate(a.shape)))


def spread(g, a, axis):
    """`g` repeated along the axes of `a` that were reduced."""
    return np.broadcast_to(keep_axes(g, a, axis), a.shape)


def count(a, axis):
    """How many entries of `a` each reduced value came from."""
    return a.size if axis is None else math.prod(a.shape[i] for i in reduced_axes(a.ndim, axis))


def extremum(g, out, a, axis=None, keepdims=False):
    """Each of the k entries that equal the extremum takes 1/k of the cotangent."""
    ties = np.equal(a, keep_axes(out, a, axis))
    return ties * (keep_axes(g, a, axis) / np.sum(ties, axis=axis, keepdims=True, dtype=a.dtype))


def gaps(a, axis=None, keepdims=False):
    """Zero where two entries are equal."""
    return np.diff(np.sort(a, axis=None))


rule(
    np.sum,
    lambda g, _out, _a, axis=None, dtype=None, keepdims=False: spread(g, _a, axis),
    cases=REDUCTIONS + EMPTY,
)
rule(
    np.mean,
    lambda g, _out, _a, axis=None, dtype=None, keepdims=False: spread(g / count(_a, axis), _a, axis),
    cases=REDUCTIONS,
)
rule(np.max, extremum, kinks=gaps, cases=REDUCTIONS)
rule(np.min, extremum, kinks=gaps, cases=REDUCTIONS)
