"""Derivatives of functions that move entries without changing them: each moves the cotangent back."""

import numpy as np

from autograd_mini.domains import case
from autograd_mini.primitive import composite, rule


def inverse(axes):
    """The permutation that undoes `axes`."""
    if axes is None:
        return None
    axes = [i % len(axes) for i in axes]
    return tuple(axes.index(i) for i in range(len(axes)))


def part(position, g, _out, *_arrays, axis=0):
    """The slice of `g` that came from the array at `position`."""
    if axis is None:
        start = sum(array.size for array in _arrays[:position])
        return np.reshape(g[start : start + _arrays[position].size], _arrays[position].shape)
    lengths = [array.shape[axis] for array in _arrays]
    start = sum(lengths[:position])
    before = (slice(None),) * (axis % g.ndim)
    return g[(*before, slice(start, start + lengths[position]))]


rule(
    np.reshape,
    lambda g, _out, _a, shape, order="C": (
        np.reshape(g, _a.shape) if order == "C" else np.reshape(g, _a.shape, order=order)
    ),
    cases=(
        case((2, 6), shape=(3, 4)),
        case((2, 6), shape=(3, -1), order="F"),
        case((), shape=(1, 1)),
        case((0, 3), shape=(3, 0)),
    ),
)
rule(
    np.transpose,
    lambda g, _out, _a, axes=None: np.transpose(g, inverse(axes)),
    cases=(case((2, 3)), case((2, 3, 4), axes=(1, 2, 0)), case((2, 3, 4), axes=(-1, 0, 1)), case(())),
)
rule(
    np.expand_dims,
    lambda g, _out, _a, axis: np.reshape(g, _a.shape),
    cases=(case((2, 3), axis=1), case((2, 3), axis=(0, -1)), case((), axis=0)),
)
rule(
    np.squeeze,
    lambda g, _out, _a, axis=None: np.reshape(g, _a.shape),
    cases=(case((1, 3, 1)), case((1, 3, 1), axis=0), case((1, 3, 1), axis=(0, -1))),
)
rule(
    np.broadcast_to,
    lambda g, _out, _a, shape: g,
    broadcasts=True,
    cases=(case((3,), shape=(2, 3)), case((2, 1), shape=(4, 2, 3)), case((), shape=(2,)), case((1,), shape=(0,))),
)
rule(
    np.concatenate,
    part,
    variadic=True,
    cases=(case((2, 3), (1, 3)), case((2, 1), (2, 0), (2, 2), axis=-1), case((2, 1), (3,), axis=None)),
)


@composite(np.stack)
def _stack(arrays, axis=0):
    return np.concatenate([np.expand_dims(array, axis) for array in arrays], axis)


@composite(np.ravel)
def _ravel(a, order="C"):
    return np.reshape(a, (-1,), order=order)


@composite(np.swapaxes)
def _swapaxes(a, axis1, axis2):
    axes = list(range(a.ndim))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return np.transpose(a, axes)
