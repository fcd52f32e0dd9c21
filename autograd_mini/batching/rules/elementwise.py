"""Batching rules of functions that go entry by entry and are no universal functions; those need none."""

import numpy as np

from autograd_mini.batching.batch import Batch, aligned, batched, batching_rule, rules
from autograd_mini.batching.operands import aligned_wise, stack_wise
from autograd_mini.rules import complex as of_complex
from autograd_mini.rules import elementwise, piecewise, trigonometric

rules[elementwise.cast] = lambda _level, a, dtype: a.astype(dtype)
rules[np.astype] = lambda _level, x, dtype, /, *, copy=True, device=None: x.astype(dtype)
rules[np.copy] = lambda _level, a, order="K", subok=False: a.copy()

for entrywise in (np.real, np.imag, np.round, np.around, np.angle, np.sinc, np.i0, np.isposinf, np.isneginf, np.fix):
    rules[entrywise] = stack_wise(entrywise)
for entrywise in (np.isreal, np.iscomplex, of_complex.direction, trigonometric.sinc_derivative, trigonometric.bessel_i):
    rules[entrywise] = stack_wise(entrywise)
rules[np.real_if_close] = lambda _level, a, tol=100: NotImplemented if a.dtype.kind == "c" else a

for entrywise in (trigonometric.one_minus_square, trigonometric.arctan_slope):
    rules[entrywise] = stack_wise(entrywise)

for several in (piecewise.passed, piecewise.clamp, piecewise.clamp_left, elementwise.one_where, elementwise.exp_share):
    rules[several] = aligned_wise(several)
for several in (trigonometric.over_squares, trigonometric.over_hypot):
    rules[several] = aligned_wise(several)


@batching_rule(np.where)
def where(level, condition, *choices):
    if len(choices) != 2:
        return NotImplemented
    return Batch(piecewise.where(*aligned((condition, *choices), level)), level)


@batching_rule(np.clip)
def clip(level, a, a_min=None, a_max=None, out=None, *, min=None, max=None, **options):
    if options or out is not None:
        return NotImplemented if out is None else np.clip(a, a_min, a_max, out=out)  # which raises
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    return Batch(np.clip(*aligned((a, low, high), level)), level)


@batching_rule(piecewise.choose)
def choose(level, choices, index):
    *choices, index = aligned((*choices, index), level)
    return Batch(piecewise.choose(choices, index=index), level)


@batching_rule(np.nan_to_num)
def nan_to_num(level, x, copy=True, nan=0.0, posinf=None, neginf=None):
    return batched(np.nan_to_num(x.values, copy=True, nan=nan, posinf=posinf, neginf=neginf), level)
