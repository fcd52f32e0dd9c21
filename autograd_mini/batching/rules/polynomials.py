"""Batching rules of functions of polynomials: the coefficients of each example are one row."""

import numpy as np

from autograd_mini.arrays import everywhere
from autograd_mini.batching.batch import Batch, batching_rule
from autograd_mini.batching.operands import aligned_wise, values_of
from autograd_mini.rules import polynomials

batching_rule(polynomials.over_slopes)(aligned_wise(polynomials.over_slopes))


@batching_rule(polynomials.quotient)
def quotient(level, h, v):
    return Batch(polynomials.quotient(values_of(h, level), values_of(v, level)), level)


@batching_rule(polynomials.repeated)
def repeated(level, p, roots, slopes):
    return Batch(polynomials.repeated(*(values_of(x, level) for x in (p, roots, slopes))), level)


@batching_rule(np.roots)
def roots(level, p):
    p = p.values
    n = p.shape[-1] - 1
    if p.ndim != 2 or n < 1 or not (everywhere(p[:, 0] != 0) and everywhere(p[:, -1] != 0)):
        return NotImplemented  # leading zeros leave fewer roots
    first = np.expand_dims(-p[:, 1:] / p[:, :1], 1)
    rest = np.broadcast_to(np.eye(n - 1, n, dtype=p.dtype), (level.size, n - 1, n))
    return Batch(np.linalg.eigvals(np.concatenate([first, rest], axis=1)), level)


@batching_rule(polynomials.characteristic)
def characteristic(level, a):
    if a.dtype.kind == "c":  # whose coefficients are real if its eigenvalues come in pairs
        return NotImplemented
    roots = np.linalg.eigvals(a.values)
    out = np.ones_like(roots[:, :1])
    for k in range(a.shape[-1]):
        none = np.zeros_like(out[:, :1])
        out = np.concatenate([out, none], 1) - roots[:, k : k + 1] * np.concatenate([none, out], 1)
    return Batch(np.real(out).astype(np.result_type(a.values, np.float32)), level)
