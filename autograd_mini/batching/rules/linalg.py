"""Batching rules of `np.linalg`: its functions go through stacks of matrices, and the examples are one more."""

import numpy as np

from autograd_mini.arrays import everywhere
from autograd_mini.batching.batch import Batch, any_batched, batching_rule, padded, rules, spread
from autograd_mini.batching.operands import ndim, stack_wise, values_of
from autograd_mini.rules import linalg

STACKS = ("inv", "det", "slogdet", "eigh", "eigvalsh", "eig", "eigvals", "svdvals", "pinv", "cholesky", "matrix_rank")
for name in STACKS:
    rules[getattr(np.linalg, name)] = stack_wise(getattr(np.linalg, name))
for function in (linalg.lower_cholesky, linalg.qr_factors, linalg.singular, linalg.nuclear_norm):
    rules[function] = stack_wise(function)


@batching_rule(linalg.cofactors)
def cofactors(level, a, det=None):
    return Batch(linalg.cofactors(a.values, None if det is None else values_of(det, level)), level)


@batching_rule(linalg.second_cofactors)
def second_cofactors(level, g, a):
    axes = max(ndim(g), ndim(a))
    return Batch(linalg.second_cofactors(spread(values_of(g, level), axes), spread(values_of(a, level), axes)), level)


@batching_rule(np.linalg.solve)
def solve(level, a, b):
    vector = ndim(b) == 1
    right = b[..., None] if vector else b
    axes = max(ndim(a), ndim(right))
    out = np.linalg.solve(padded(a, axes, level), padded(right, axes, level))
    return Batch(out[..., 0] if vector else out, level)


@batching_rule(linalg.between)
def between(level, x, values, what="eigenvectors"):
    return Batch(linalg.between(values_of(x, level), values_of(values, level), what), level)


@batching_rule(linalg.over)
def over(level, x, values, what="singular vectors"):
    axes = max(ndim(x), ndim(values))
    return Batch(linalg.over(spread(values_of(x, level), axes), spread(values_of(values, level), axes), what), level)


@batching_rule(np.linalg.lstsq)
def lstsq(level, a, b, rcond=None):
    if ndim(a) != 2 or any_batched(rcond):
        return NotImplemented
    m, n = a.shape
    dtype = np.result_type(a, b, np.float32)
    matrix, right = values_of(a, level).astype(dtype), values_of(b if ndim(b) == 2 else b[..., None], level)
    u, s, vh = np.linalg.svd(matrix, full_matrices=False)
    limit = max(m, n) * np.finfo(dtype).eps if rcond is None else rcond
    if limit < 0 or not everywhere(s > limit * s[:, :1]):
        return NotImplemented  # examples may differ in their ranks
    x = np.matmul(linalg.adjoint(vh), np.matmul(linalg.adjoint(u), right) / s[..., None])
    rest = right - np.matmul(matrix, x) if m > n else x[:, :, :0]  # NumPy tells no other residual
    squares = np.sum(np.square(np.abs(rest)), axis=1)
    x = x if ndim(b) == 2 else x[..., 0]
    return Batch(x, level), Batch(squares, level), np.intc(min(m, n)), Batch(s, level)
