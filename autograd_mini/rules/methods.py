"""What the options and methods of universal functions (`where=`, `np.add.reduce`, ...) mean in functions with rules."""

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_mini.primitive import display_name
from autograd_mini.rules.indexing import add_at, getitem
from autograd_mini.rules.reductions import log_sum_exp, reduced_axes, rows, running_maximum, running_minimum
from autograd_mini.rules.refusals import numpys

NO_IDENTITY = (
    "{name}.reduce was called with `where=` or on no entries at all, but it has no value to start from. Write "
    "`{name}.reduce(t, initial=...)`."
)

GIVEN = {"dtype": None, "initial": np._NoValue, "where": True}  # what need not be passed on
NUMBERS = (int, float, complex)  # which promote weakly
EXTREMES = (np.max, np.min, running_maximum, running_minimum)
LOOP_OPTIONS = {"dtype", "signature", "casting"}


# Options of a call


def with_options(ufunc, inputs, options):
    """`ufunc(*inputs, where=..., dtype=...)`: 0 where the mask is false, and nothing is computed there."""
    options = {key: value for key, value in options.items() if (key, value) not in (("subok", True), ("order", "K"))}
    mask = options.pop("where", True)
    if LOOP_OPTIONS & options.keys():
        inputs, options = in_loop(ufunc, inputs, options)
    if mask is True:
        return ufunc(*inputs, **options)
    shape = np.broadcast_shapes(np.shape(mask), *(np.shape(a) for a in inputs))
    places = np.flatnonzero(np.broadcast_to(mask, shape))
    results = ufunc(
        *(a if type(a) in NUMBERS else np.ravel(np.broadcast_to(a, shape))[places] for a in inputs), **options
    )
    placed = [
        np.reshape(add_at(r, index=places, shape=(math.prod(shape),)), shape)
        for r in (results if isinstance(results, tuple) else (results,))
    ]
    return tuple(placed) if isinstance(results, tuple) else placed[0]


def in_loop(ufunc, inputs, options):
    """The inputs in the dtypes of the loop that `dtype=`, `signature=` and `casting=` choose, and the other options."""
    inputs = [a if hasattr(a, "dtype") or type(a) in NUMBERS else np.asarray(a) for a in inputs]
    chosen = {key: options[key] for key in LOOP_OPTIONS & options.keys() if options[key] is not None}
    rest = {key: value for key, value in options.items() if key not in LOOP_OPTIONS}
    signature = chosen.get("signature")
    if signature is None:
        signature = (*[None] * ufunc.nin, *[np.dtype(chosen["dtype"])] * ufunc.nout) if "dtype" in chosen else None
    given = tuple(type(a) if type(a) in NUMBERS else a.dtype for a in inputs)
    wanted = {} if signature is None else {"signature": signature}
    loop = ufunc.resolve_dtypes((*given, *[None] * ufunc.nout), casting=chosen.get("casting", "same_kind"), **wanted)
    return [
        (np.asarray(a) if type(a) in NUMBERS else a).astype(dtype) for a, dtype in zip(inputs, loop, strict=False)
    ], rest


# Methods


def one_axis(array, axis):
    """The axis that `accumulate` goes along."""
    if not array.ndim:
        raise TypeError("cannot accumulate on a scalar")
    axes = reduced_axes(array.ndim, axis)
    if len(axes) != 1:
        raise ValueError("accumulate does not allow multiple axes")
    return axis[0] if isinstance(axis, tuple) else 0 if axis is None else axis


def along(function):
    """`ufunc.reduce` or `accumulate` by a function whose axis has another default."""

    def call(array, axis=0, **options):
        if function in EXTREMES and "dtype" in options:
            array = array.astype(options.pop("dtype"))
        return function(array, axis=axis, **options)

    return call


def without_defaults(function, scalars=True):
    """`function`, with the options that say nothing left out; NumPy does not accumulate along no axis."""

    def call(*inputs, **options):
        if not scalars:
            options["axis"] = one_axis(inputs[0], options.get("axis", 0))
        return function(*inputs, **{k: v for k, v in options.items() if k not in GIVEN or v is not GIVEN[k]})

    return call


def parts(array, axis):
    """The slices at each place along an axis."""
    return [array[(*[slice(None)] * (axis % array.ndim), i)] for i in range(array.shape[axis])]


def in_its_dtype(method, array, **options):
    """`array` in the dtype in which NumPy's own method computes, which refuses what it refuses."""
    given = {key: value for key, value in options.items() if value is not None or key == "axis"}
    return array.astype(numpys(method, array, **given).dtype)


def fold(ufunc, array, axis=0, *, dtype=None, keepdims=False, initial=None, where=True):
    """`ufunc.reduce` of any function of two arguments, from left to right."""
    if where is not True and ufunc.identity is None and initial is None:
        raise ValueError(NO_IDENTITY.format(name=display_name(ufunc)))
    array = in_its_dtype(ufunc.reduce, array, axis=axis, dtype=dtype, initial=initial, where=where)
    initial = ufunc.identity if initial is None else initial
    if not array.ndim:
        return ufunc(np.full_like(array, initial), array) if initial is not None else array
    if axis is None or isinstance(axis, tuple):
        axes = reduced_axes(array.ndim, axis)
        kept = tuple(1 if i in axes else n for i, n in enumerate(array.shape))
        line = rows(array, axis)
        mask = where if where is True else rows(np.broadcast_to(where, array.shape), axis)
        total = fold(ufunc, line, -1, initial=initial, where=mask)
        return np.reshape(total, kept if keepdims else tuple(n for i, n in enumerate(array.shape) if i not in axes))
    pieces = parts(array, axis)
    if initial is None and not pieces:
        raise ValueError(NO_IDENTITY.format(name=display_name(ufunc)))
    masks = itertools.repeat(True) if where is True else parts(np.broadcast_to(where, array.shape), axis)
    total = initial
    if initial is not None:
        like = np.sum(array, axis=axis, dtype=array.dtype)
        total = np.full_like(like, initial)
    for piece, mask in zip(pieces, masks, strict=False):
        if total is None:
            total = piece
        elif mask is True:
            total = ufunc(total, piece)
        else:
            total = np.where(mask, with_options(ufunc, (total, piece), {"where": mask}), total)
    return np.expand_dims(total, axis) if keepdims else total


def running_fold(ufunc, array, axis=0, dtype=None):
    """`ufunc.accumulate` of any function of two arguments."""
    array = in_its_dtype(ufunc.accumulate, array, axis=axis, dtype=dtype)
    axis = one_axis(array, axis)
    return np.stack(list(itertools.accumulate(parts(array, axis), ufunc)), axis=axis) if array.shape[axis] else array


def segments(indices, length):
    """For `reduceat`: the entries of each segment, as a slice."""
    starts = np.ravel(indices).tolist()
    if any(not 0 <= start < length for start in starts):
        raise IndexError(f"reduceat got an index outside of 0 ... {length - 1}")
    return [slice(i, max(j, i + 1)) for i, j in zip(starts, [*starts[1:], length], strict=True)]


def folds_at(ufunc, array, indices, axis=0):
    """`ufunc.reduceat` of any function of two arguments."""
    array = in_its_dtype(ufunc.reduceat, array, indices=indices, axis=axis)
    axis = one_axis(array, axis)
    before = [slice(None)] * (axis % array.ndim)
    pieces = [array[(*before, segment)] for segment in segments(indices, array.shape[axis])]
    if (ufunc, "reduce") in methods:
        return np.stack([method(ufunc, "reduce")(piece, axis=axis) for piece in pieces], axis=axis)
    return np.stack([functools.reduce(ufunc, parts(piece, axis)) for piece in pieces], axis=axis)


def sums_at(array, indices, axis=0):
    """`np.add.reduceat`: read the entries of all segments, then add up those of each."""
    before = (slice(None),) * (axis % array.ndim)
    runs = [np.arange(array.shape[axis])[segment] for segment in segments(indices, array.shape[axis])]
    numbers = np.repeat(np.arange(len(runs)), [run.size for run in runs])
    shape = tuple(len(runs) if i == len(before) else n for i, n in enumerate(array.shape))
    return add_at(getitem(array, index=(*before, np.concatenate(runs))), index=(*before, numbers), shape=shape)


def outer(ufunc, a, b, **options):
    """`ufunc.outer`: every pair of entries."""
    return ufunc(np.reshape(a, (*np.shape(a), *[1] * np.ndim(b))), b, **options)


def log_sums(array, axis=0, keepdims=False, **options):
    """`np.logaddexp.reduce`, at once where no option asks for one entry after the other."""
    if options:
        return fold(np.logaddexp, array, axis, keepdims=keepdims, **options)
    return log_sum_exp(array, axis=axis, keepdims=keepdims)


methods = {
    (np.add, "reduce"): along(np.sum),
    (np.multiply, "reduce"): along(np.prod),
    (np.maximum, "reduce"): along(np.max),
    (np.minimum, "reduce"): along(np.min),
    (np.logaddexp, "reduce"): log_sums,
    (np.add, "accumulate"): along(np.cumsum),
    (np.multiply, "accumulate"): along(np.cumprod),
    (np.maximum, "accumulate"): along(running_maximum),
    (np.minimum, "accumulate"): along(running_minimum),
    (np.add, "reduceat"): sums_at,
}
GENERIC: dict[str, Callable[..., Any]] = {
    "reduce": fold,
    "accumulate": running_fold,
    "reduceat": folds_at,
    "outer": outer,
}


def method(ufunc, name):
    """What computes `ufunc.name(...)` of tensors, or None where there is no such thing."""
    if (ufunc, name) in methods:
        return without_defaults(methods[ufunc, name], scalars=name != "accumulate")
    if name not in GENERIC or ufunc.nin != 2 or ufunc.signature is not None or (name != "outer" and ufunc.nout > 1):
        return None
    return without_defaults(functools.partial(GENERIC[name], ufunc))
