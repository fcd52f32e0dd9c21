"""Derivatives of matrix products; `matmul` covers vectors, matrices and stacks of them."""

import math

import numpy as np

from autograd_mini.domains import case
from autograd_mini.primitive import rule


def columns(a):
    """The matrices of `a` transposed; a vector is a row."""
    return np.expand_dims(a, -1) if a.ndim == 1 else a.T if a.ndim == 2 else np.swapaxes(a, -1, -2)


def rows(a):
    """A stack of matrices as one matrix with all their rows."""
    return np.reshape(a, (math.prod(a.shape[:-1]), a.shape[-1]))


def outer_left(g, _out, _a, b):
    """The cotangent of the left factor: g b^T."""
    if b.ndim == 2 and g.ndim > 1:
        return np.matmul(g, b.T)
    if b.ndim == 1:
        return np.expand_dims(g, -1) * b
    if _a.ndim == 1:
        return np.squeeze(np.matmul(b, np.expand_dims(g, -1)), -1)
    return np.matmul(g, columns(b))


def outer_right(g, _out, a, _b):
    """The cotangent of the right factor: a^T g."""
    if a.ndim == 2 and g.ndim == 2:
        return np.matmul(a.T, g)
    if a.ndim == 1:
        return g * a if _b.ndim == 1 else np.expand_dims(a, -1) * np.expand_dims(g, -2)
    if _b.ndim == 1:
        return np.squeeze(np.matmul(columns(a), np.expand_dims(g, -1)), -1)
    if _b.ndim == 2 and a.ndim > 2:  # one product over all rows instead of one for each matrix of the stack
        return np.matmul(rows(a).T, rows(g))
    return np.matmul(columns(a), g)


rule(
    np.matmul,
    outer_left,
    outer_right,
    broadcasts=True,
    cases=(
        case((2, 3), (3, 4)),
        case((3,), (3,)),
        case((3,), (3, 4)),
        case((2, 3), (3,)),
        case((5, 2, 3), (3, 4)),
        case((2, 3), (5, 3, 4)),
        case((5, 1, 2, 3), (4, 3, 2)),
        case((3,), (5, 3, 4)),
        case((5, 2, 3), (3,)),
        case((0, 3), (3, 4)),
        case((2, 0), (0, 4)),
    ),
)
