"""Derivatives of functions that order entries or pick them by rank, and of those that skip NaN."""

import math

import numpy as np

from autograd_mini.domains import case
from autograd_mini.primitive import composite, constant, primitive, rule
from autograd_mini.rules.signatures import binder

# Sorting


@primitive
def add_along(values, indices, axis, length):
    """Zeros of the given length along an axis, with `values` added at `indices`; repeated ones add up."""
    if values.ndim == 1:
        total = np.zeros(length, values.dtype)
        np.add.at(total, indices, values)
        return total
    last = np.moveaxis(values, axis, -1)
    lines = math.prod(last.shape[:-1])
    places = np.broadcast_to(np.moveaxis(indices, axis, -1), last.shape).reshape(lines, last.shape[-1])
    places = np.where(places < 0, places + length, places) + length * np.arange(lines)[:, None]
    total = np.zeros(lines * length, values.dtype)
    np.add.at(total, places.ravel(), last.ravel())
    return np.moveaxis(total.reshape(*last.shape[:-1], length), -1, axis)


plain_take = binder(np.take_along_axis, 1, variadic=False)


def flat(args, kwargs):
    """`axis=None` reads all entries as one line; the indices are copied, as their owner may change them."""
    (arr,), options = plain_take(args, kwargs)
    options = {"axis": -1, **options, "indices": np.array(options["indices"])}  # NumPy before 2.3 needs an axis
    if options["axis"] is None:
        return (np.reshape(arr, (-1,)),), {**options, "axis": 0}
    return (arr,), options


PLACES = np.array([[2, 0, 2], [1, -1, 0]])
rule(
    np.take_along_axis,
    lambda g, _out, _arr, indices, axis=-1: add_along(g, indices, axis, _arr.shape[axis]),
    broadcasts=True,
    bind=flat,
    cases=(
        case((3, 3), indices=PLACES, axis=0),
        case((2, 4), indices=PLACES, axis=-1),
        case((1, 4), indices=PLACES, axis=-1),
        case((2, 4), indices=PLACES[:1], axis=1),
        case((5,), indices=np.array([1, 1, -5]), axis=0),
        case((2, 2), indices=np.array([3, 0, 0]), axis=None),
    ),
)
rule(
    add_along,
    lambda g, _out, _values, indices, axis, length: np.take_along_axis(g, indices, axis),
    cases=(
        case((2, 3), indices=PLACES, axis=0, length=3),
        case((2, 3), indices=PLACES, axis=-1, length=4),
        case((2, 3), indices=PLACES[:1], axis=1, length=3),
    ),
)


@primitive
def permute(a, order, axis):
    """`np.take_along_axis`, for permutations."""
    return a[order] if a.ndim == 1 else np.take_along_axis(a, order, axis)


@primitive
def unpermute(a, order, axis):
    """Put back what `permute` took: its inverse, which is its transpose."""
    out = np.empty_like(a)
    if a.ndim == 1:
        out[order] = a
    else:
        np.put_along_axis(out, order, a, axis)
    return out


def unsort(g, _out, a, *, axis=-1, kind=None, stable=None):
    """`g` at the places from which the entries came."""
    order = np.argsort(a, axis=axis, kind=kind, stable=stable)
    return unpermute(g, order, axis) if axis is not None else np.reshape(unpermute(g, order, 0), a.shape)


ORDERS = np.array([[1, 0, 2], [2, 1, 0]])
PERMUTED = (
    case((2, 3), order=ORDERS, axis=-1),
    case((3, 2), order=ORDERS.T, axis=0),
    case((3,), order=ORDERS[1], axis=0),
)
rule(permute, lambda g, _out, _a, order, axis: unpermute(g, order, axis), cases=PERMUTED)
rule(unpermute, lambda g, _out, _a, order, axis: permute(g, order, axis), cases=PERMUTED)
rule(
    np.sort,
    unsort,
    kinks=lambda a, **_options: np.diff(np.sort(a, axis=None)),
    cases=(
        case((4,)),
        case((3, 4)),
        case((3, 4), axis=0),
        case((2, 3), axis=None),
        case((2, 3), kind="stable"),
        case((2, 0)),
    ),
)


@primitive
def complex_dtype(a):
    """The dtype in which `np.sort_complex` gives the entries of `a`."""
    return np.sort_complex(np.empty(0, a.dtype)).dtype


constant(complex_dtype)


@composite(np.sort_complex)
def _sort_complex(a):
    return np.sort(a).astype(complex_dtype(a))


@composite(np.partition)
def _partition(a, kth, axis=-1, kind="introselect"):
    if axis is None:
        a, axis = np.reshape(a, (-1,)), -1
    return permute(a, np.argpartition(a, kth, axis=axis, kind=kind), axis)


# Quantiles: each lies between two entries of the sorted data, or on one.


@primitive
def share(h, a, back=True):
    """Entries in the order of the sorted `a` brought back to its places; equal entries of `a` get the same.

    With `back=False` the other way around, which is the adjoint.
    """
    order = np.argsort(a, axis=-1, kind="stable")
    line = np.take_along_axis(a, order, -1)
    first = np.ones(a.shape, bool)
    first[..., 1:] = line[..., 1:] != line[..., :-1]
    run = np.cumsum(first) - 1
    if not back:
        h = np.take_along_axis(h, order, -1)
    shared = (np.bincount(run, h.ravel()) / np.bincount(run))[run].reshape(h.shape).astype(h.dtype)
    if not back:
        return shared
    placed = np.empty_like(shared)
    np.put_along_axis(placed, order, shared, -1)
    return placed


rule(
    share,
    lambda g, _out, _h, a, back=True: share(g, a, back=not back),
    None,
    cases=(case((5,), (5,)), case((2, 4), (2, 4)), case((2, 4), (2, 4), back=False)),
)


SKIPPING = ("nanmedian", "nanquantile", "nanpercentile")


@primitive
def ranked(a, function, q=None, method="linear"):
    """A median, quantile or percentile along the last axis, by the name of NumPy's function."""
    options = {} if q is None else {"q": q, "method": method}
    return getattr(np, function)(a, axis=-1, **options)


@primitive
def ranks(counts, ndim, dtype, *, function, q, method):
    """The two ranks, among `counts` entries, between which each result lies, and how far it is from the lower one."""
    found = {}
    if np.ndim(counts) < ndim - 1:
        counts = np.reshape(counts, (1,) * (ndim - 1))
    for n in np.unique(counts):
        # The same quantiles of 0, 1, 2, ... are ranks themselves, whatever the method.
        line = np.arange(max(n, 1), dtype=np.promote_types(dtype, np.float32))
        found[n] = np.ravel(ranked(line, function, q, method))
    width = math.prod(np.shape(q))
    places = np.reshape([found[n] for n in np.ravel(counts)], (*np.shape(counts), width))
    lower = np.floor(places)
    return lower.astype(int), np.ceil(places).astype(int), (places - lower).astype(dtype)


def of_ranked(g, _out, a, function, q=None, method="linear"):
    """The cotangent to the entries of the two ranks, by their weights."""
    skips = function in SKIPPING
    counts = np.sum(np.logical_not(np.isnan(a)), axis=-1) if skips else a.shape[-1]
    lower, upper, part = ranks(counts, a.ndim, g.dtype, function=function, q=q, method=method)
    kept = a.shape[:-1]
    g = np.moveaxis(np.reshape(g, (math.prod(g.shape[: g.ndim - len(kept)]), *kept)), 0, -1)
    values = np.concatenate([g * (1 - part), g * part], -1)
    return share(add_along(values, np.concatenate([lower, upper], -1), -1, a.shape[-1]), a)


def of_picked(g, out, a, *, function, weights, q, method):
    """As for extremes: each of the k entries that equal the result takes 1/k."""
    ties = np.equal(a, np.expand_dims(out, -1))
    parts = ties * np.expand_dims(g / np.sum(ties, axis=-1, dtype=g.dtype), -1)
    return np.sum(parts, axis=tuple(range(parts.ndim - a.ndim)))


@primitive
def picked(a, *, function, weights, q, method):
    """A quantile or percentile along the last axis of entries that have weights."""
    return getattr(np, function)(a, q, axis=-1, method=method, weights=weights)


def gaps(a, **_options):
    """Zero where two entries are equal."""
    return np.diff(np.sort(a, axis=None))


METHODS = ("linear", "lower", "higher", "nearest", "midpoint", "hazen", "weibull", "median_unbiased")
METHODS += ("normal_unbiased", "inverted_cdf", "averaged_inverted_cdf", "closest_observation")
METHODS += ("interpolated_inverted_cdf",)
LEVELS = np.array([0.0, 0.3, 0.63, 1.0], np.float32)  # in float64 they would widen the results
WEIGHTS = np.array([1.0, 0.5, 2.0, 1.5, 0.25])
rule(
    ranked,
    of_ranked,
    kinks=gaps,
    cases=(
        *(case((2, 5), function="quantile", q=LEVELS, method=method) for method in METHODS),
        case((4,), function="median"),
        case((2, 5), function="median"),
        case((2, 5), function="nanmedian"),
        case((1,), function="median"),
        case((2, 3, 4), function="percentile", q=30),
        case((2, 4), function="nanpercentile", q=100 * LEVELS[1:].reshape(1, 3)),
        case((2, 4), function="nanquantile", q=0.7),
    ),
)
rule(
    picked,
    of_picked,
    kinks=gaps,
    cases=(
        case((5,), function="quantile", weights=WEIGHTS, q=0.4, method="inverted_cdf"),
        case((2, 5), function="percentile", weights=np.stack([WEIGHTS] * 2), q=LEVELS[1:], method="inverted_cdf"),
    ),
)


def split_axes(ndim, axis):
    """The axes that stay and those that are reduced."""
    reduced = range(ndim) if axis is None else axis if isinstance(axis, tuple | list) else (axis,)
    reduced = tuple(i % ndim for i in reduced) if ndim else ()
    return tuple(i for i in range(ndim) if i not in reduced), reduced


def rows(a, axis):
    """`a` with its reduced axes as one, the last."""
    kept, reduced = split_axes(a.ndim, axis)
    lengths = tuple(a.shape[i] for i in kept)
    return np.reshape(np.transpose(a, kept + reduced), (*lengths, math.prod(a.shape[i] for i in reduced)))


def weight_rows(a, weights, axis):
    """As `rows`, for weights of the same shape, or one for each place along the axes."""
    if weights.shape == a.shape:
        return rows(weights, axis)
    kept, reduced = split_axes(a.ndim, axis)
    line = np.reshape(weights, (math.prod(weights.shape),))
    return np.broadcast_to(line, (*(a.shape[i] for i in kept), math.prod(a.shape[i] for i in reduced)))


def quantiles(function, a, axis, keepdims, weights=None, **options):
    """Along any axes, what `ranked` does along the last one."""
    if weights is None:
        out = ranked(rows(a, axis), function, **options)
    else:
        out = picked(rows(a, axis), function=function, weights=weight_rows(a, weights, axis), **options)
    if not keepdims:
        return out
    kept, _ = split_axes(a.ndim, axis)
    lead = out.shape[: out.ndim - len(kept)]
    return np.reshape(out, (*lead, *(n if i in kept else 1 for i, n in enumerate(a.shape))))


@composite(np.median)
def _median(a, axis=None, *, overwrite_input=False, keepdims=False):
    return quantiles("median", a, axis, keepdims)


@composite(np.quantile)
def _quantile(a, q, axis=None, *, overwrite_input=False, method="linear", keepdims=False, weights=None):
    return quantiles("quantile", a, axis, keepdims, weights, q=q, method=method)


@composite(np.percentile)
def _percentile(a, q, axis=None, *, overwrite_input=False, method="linear", keepdims=False, weights=None):
    return quantiles("percentile", a, axis, keepdims, weights, q=q, method=method)


# Functions that skip NaN; those of extremes are with the reductions.


@composite(np.nanmedian)
def _nanmedian(a, axis=None, *, overwrite_input=False, keepdims=False):
    return quantiles("nanmedian", a, axis, keepdims)


@composite(np.nanquantile)
def _nanquantile(a, q, axis=None, *, overwrite_input=False, method="linear", keepdims=False, weights=None):
    return quantiles("nanquantile", a, axis, keepdims, weights, q=q, method=method)


@composite(np.nanpercentile)
def _nanpercentile(a, q, axis=None, *, overwrite_input=False, method="linear", keepdims=False, weights=None):
    return quantiles("nanpercentile", a, axis, keepdims, weights, q=q, method=method)


def known(a, where=None):
    """Where `a` is read and no NaN."""
    numbers = np.logical_not(np.isnan(a))
    return numbers if where is None else np.logical_and(numbers, where)


def filled(a, value):
    """`a` with a number for each NaN, through which no gradient flows."""
    return np.where(np.isnan(a), value, a)


@composite(np.nansum)
def _nansum(a, axis=None, dtype=None, **options):
    return np.sum(filled(a, 0), axis=axis, dtype=dtype, **options)


@composite(np.nanprod)
def _nanprod(a, axis=None, dtype=None, **options):
    return np.prod(filled(a, 1), axis=axis, dtype=dtype, **options)


@composite(np.nancumsum)
def _nancumsum(a, axis=None, dtype=None):
    return np.cumsum(filled(a, 0), axis=axis, dtype=dtype)


@composite(np.nancumprod)
def _nancumprod(a, axis=None, dtype=None):
    return np.cumprod(filled(a, 1), axis=axis, dtype=dtype)


@composite(np.nanmean)
def _nanmean(a, axis=None, dtype=None, *, keepdims=False, where=None):
    return np.mean(filled(a, 0), axis=axis, dtype=dtype, keepdims=keepdims, where=known(a, where))


@composite(np.nanvar)
def _nanvar(a, axis=None, dtype=None, *, where=None, **options):
    return np.var(filled(a, 0), axis=axis, dtype=dtype, where=known(a, where), **options)


@composite(np.nanstd)
def _nanstd(a, axis=None, dtype=None, *, where=None, **options):
    return np.std(filled(a, 0), axis=axis, dtype=dtype, where=known(a, where), **options)
