"""Derivatives of functions that order entries or pick them by rank, and of those that skip NaN."""

import math

import numpy as np

from autograd_mini.devices import beside, zeros_beside
from autograd_mini.domains import case
from autograd_mini.primitive import composite, constant, primitive, rule
from autograd_mini.rules.indexing import own_array
from autograd_mini.rules.refusals import kind_of, require
from autograd_mini.rules.signatures import binder

# Sorting


@primitive
def add_along(values, indices, axis, length):
    """Zeros of the given length along an axis, with `values` added at `indices`; repeated ones add up."""
    if values.ndim == 1:
        total = zeros_beside(values, length, values.dtype)
        np.add.at(total, indices, values)
        return total
    last, indices = np.moveaxis(values, axis, -1), beside(indices, values)
    lines = math.prod(last.shape[:-1])
    places = np.broadcast_to(np.moveaxis(indices, axis, -1), last.shape).reshape(lines, last.shape[-1])
    places = np.where(places < 0, places + length, places) + length * beside(np.arange(lines)[:, None], values)
    total = zeros_beside(values, lines * length, values.dtype)
    np.add.at(total, places.ravel(), last.ravel())
    return np.moveaxis(total.reshape(*last.shape[:-1], length), -1, axis)


plain_take = binder(np.take_along_axis, 1, variadic=False)


def flat(args, kwargs):
    """`axis=None` reads all entries as one line; the indices are copied, as their owner may change them."""
    (arr,), options = plain_take(args, kwargs)
    options = {"axis": -1, **options, "indices": own_array(options["indices"])}  # NumPy before 2.3 needs an axis
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
    chooses=True,
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


def unsort(g, _out, a, *, axis=-1, kind=None, order=None, stable=None):
    """`g` at the places from which the entries came."""
    places = np.argsort(a, axis=axis, kind=kind, stable=stable)
    return unpermute(g, places, axis) if axis is not None else np.reshape(unpermute(g, places, 0), a.shape)


ORDERS = np.array([[1, 0, 2], [2, 1, 0]])
PERMUTED = (
    case((2, 3), order=ORDERS, axis=-1),
    case((3, 2), order=ORDERS.T, axis=0),
    case((3,), order=ORDERS[1], axis=0),
)
rule(permute, lambda g, _out, _a, order, axis: unpermute(g, order, axis), cases=PERMUTED, chooses=True)
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
    chooses=True,
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
def _partition(a, kth, axis=-1, kind="introselect", order=None):
    require(order is None, "Cannot specify order when the array has no fields.")
    if axis is None:
        a, axis = np.reshape(a, (-1,)), -1
    return permute(a, np.argpartition(a, kth, axis=axis, kind=kind), axis)


# Quantiles: each lies between two entries of the sorted data, or on one. NumPy computes them, and their rule selects
# those entries alone, without sorting the others.


@primitive
def ranks(count, ndim, q, method, percent):
    """The two ranks among `count` entries between which each quantile lies, how far from the lower one, and `count`.

    It may differ from line to line.
    """
    q = np.ravel(0.5 if q is None else q)
    of = np.percentile if percent else np.quantile  # NumPy's versions divide by 100 in different precisions
    found = {}
    for n in np.unique(count).tolist():
        last = max(n - 1, 0)
        # The same quantiles of 0, 1, 2, ... are ranks themselves, whatever the method.
        exact = method == "linear" and not percent
        found[n] = last * q if exact else of(np.arange(last + 1.0), q, method=method)
    shape = np.shape(count) if np.ndim(count) else (1,) * (ndim - 1)
    places = np.reshape([found[n] for n in np.ravel(count).tolist()], (*shape, q.size))
    lower = np.floor(places)
    return lower.astype(int), np.ceil(places).astype(int), places - lower, count


def at_rank(a, near, rank, known):
    """The entries at a rank along the last axis, given the quantiles, which they are themselves or stand next to."""
    less, more = a < near[..., None], a > near[..., None]
    first, last = np.count_nonzero(less, axis=-1), known - 1 - np.count_nonzero(more, axis=-1)
    if np.any(rank < first - 1) or np.any(rank > last + 1):  # the quantile is rounded, or overflowed
        return np.take_along_axis(np.sort(a, axis=-1), np.broadcast_to(rank, near.shape)[..., None], -1)[..., 0]
    if a.ndim == 1:  # as below, faster
        return np.max(a.compress(less)) if rank < first else np.min(a.compress(more)) if last < rank < known else near
    below, above = np.max(np.where(less, a, -np.inf), axis=-1), np.min(np.where(more, a, np.inf), axis=-1)
    return np.where(rank < first, below, np.where(rank > last, above, near))


def shares(a, near, lower, upper, part, known):  # noqa: PLR0917
    """For each quantile and each of its two entries: which it is, where equal ones are, and the weight of each."""
    lower, upper, part = (beside(each, near) for each in (lower, upper, part))
    for rank, weight in ((lower, 1 - part), (upper, part)):
        for i in range(near.shape[-1] if a.size and np.any(weight) else 0):
            ties = a == at_rank(a, near[..., i], rank[..., i], known)[..., None]
            yield i, ties, weight[..., i] / np.maximum(np.count_nonzero(ties, axis=-1), 1)


@primitive
def to_entries(g, a, near, lower, upper, part, known):  # noqa: PLR0917
    """The cotangents of quantiles `near` of the last axis, brought to the entries they lie on; equal entries share."""
    total = zeros_beside(g, a.shape, g.dtype)
    for i, ties, weight in shares(a, near, lower, upper, part, known):
        places = np.nonzero(ties)
        total[places] += (weight * g[..., i]).astype(g.dtype)[places[:-1]]
    return total


@primitive
def from_entries(h, a, near, lower, upper, part, known):  # noqa: PLR0917
    """The transpose of `to_entries`."""
    total = zeros_beside(h, near.shape, h.dtype)
    for i, ties, weight in shares(a, near, lower, upper, part, known):
        total[..., i] += (weight * np.sum(np.where(ties, h, 0), axis=-1)).astype(h.dtype)
    return total


RANKS = {"lower": np.array([[1, 3]]), "upper": np.array([[2, 3]]), "part": np.array([[0.25, 0.0]]), "known": 5}
rule(
    to_entries,
    lambda g, _out, _g, a, near, lower, upper, part, known: from_entries(g, a, near, lower, upper, part, known),
    None,
    None,
    cases=(case((2, 2), (2, 5), (2, 2), **RANKS),),
    chooses=True,
)
rule(
    from_entries,
    lambda g, _out, _h, a, near, lower, upper, part, known: to_entries(g, a, near, lower, upper, part, known),
    None,
    None,
    cases=(case((2, 5), (2, 5), (2, 2), **RANKS),),
    chooses=True,
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


def from_rows(r, a, axis):
    """What `rows` made of an array like `a`, in the shape of `a`."""
    kept, reduced = split_axes(a.ndim, axis)
    order = kept + reduced
    return np.transpose(np.reshape(r, tuple(a.shape[i] for i in order)), tuple(order.index(i) for i in range(a.ndim)))


def of_quantile(g, out, a, *, axis, q=None, method="linear", weights=None, percent=False, skips=False):
    """The cotangent to the entries of the two ranks, by their weights; with weights, to those that equal the result."""
    if a.size == 0:
        return np.zeros_like(a)
    x = rows(a, axis)
    lead = x.shape[:-1]
    several = (math.prod(np.shape(q)), *lead)
    g, near = (np.moveaxis(np.reshape(y, several), 0, -1) for y in (g, out))
    if weights is not None:
        ties = np.equal(np.expand_dims(x, -2), np.expand_dims(near, -1))
        parts = ties * np.expand_dims(g / np.sum(ties, axis=-1), -1)
        return from_rows(np.sum(parts, axis=-2).astype(g.dtype), a, axis)
    count = np.sum(np.logical_not(np.isnan(x)), axis=-1) if skips else x.shape[-1]
    return from_rows(to_entries(g, x, near, *ranks(count, x.ndim, q, method, percent)), a, axis)


def gaps(a, **_options):
    """Zero where two entries are equal."""
    return np.diff(np.sort(a, axis=None))


def not_in_place(function):
    """A call that never sorts its operand in place, whatever it was asked for."""
    bind = binder(function, 1, variadic=False)

    def call(args, kwargs):
        operands, options = bind(args, kwargs)
        return operands, {key: value for key, value in options.items() if key != "overwrite_input"}

    return call


METHODS = ("linear", "lower", "higher", "nearest", "midpoint", "hazen", "weibull", "median_unbiased")
METHODS += ("normal_unbiased", "inverted_cdf", "averaged_inverted_cdf", "closest_observation")
METHODS += ("interpolated_inverted_cdf",)
LEVELS = np.array([0.0, 0.3, 0.63, 1.0], np.float32)  # in float64 they would widen the results
WEIGHTS = np.array([1.0, 0.5, 2.0, 1.5, 0.25])
MIDDLES = (
    case((4,)),
    case((1,)),
    case(()),
    case((2, 5), axis=-1),
    case((2, 3, 4), axis=(0, 2), keepdims=True),
)
rule(
    np.median,
    lambda g, out, a, axis=None, keepdims=False: of_quantile(g, out, a, axis=axis),
    kinks=gaps,
    cases=MIDDLES,
    bind=not_in_place(np.median),
    chooses=True,
)
rule(
    np.nanmedian,
    lambda g, out, a, axis=None, keepdims=False: of_quantile(g, out, a, axis=axis, skips=True),
    kinks=gaps,
    cases=MIDDLES,
    bind=not_in_place(np.nanmedian),
    chooses=True,
)
rule(
    np.quantile,
    lambda g, out, a, q, axis=None, method="linear", keepdims=False, weights=None: of_quantile(
        g, out, a, axis=axis, q=q, method=method, weights=weights
    ),
    kinks=gaps,
    cases=(
        *(case((2, 5), q=LEVELS, axis=-1, method=method) for method in METHODS),
        case((2, 5), q=0.3, axis=0, keepdims=True),
        case((5,), weights=WEIGHTS, q=0.4, method="inverted_cdf"),
    ),
    bind=not_in_place(np.quantile),
    chooses=True,
)
rule(
    np.percentile,
    lambda g, out, a, q, axis=None, method="linear", keepdims=False, weights=None: of_quantile(
        g, out, a, axis=axis, q=q, method=method, weights=weights, percent=True
    ),
    kinks=gaps,
    cases=(
        case((2, 3, 4), q=30),
        case((2, 5), weights=WEIGHTS, q=100 * LEVELS[1:], axis=1, method="inverted_cdf"),
    ),
    bind=not_in_place(np.percentile),
    chooses=True,
)
rule(
    np.nanquantile,
    lambda g, out, a, q, axis=None, method="linear", keepdims=False, weights=None: of_quantile(
        g, out, a, axis=axis, q=q, method=method, weights=weights, skips=True
    ),
    kinks=gaps,
    cases=(case((2, 4), q=0.7), case((5,), weights=WEIGHTS, q=0.4, method="inverted_cdf")),
    bind=not_in_place(np.nanquantile),
    chooses=True,
)
rule(
    np.nanpercentile,
    lambda g, out, a, q, axis=None, method="linear", keepdims=False, weights=None: of_quantile(
        g, out, a, axis=axis, q=q, method=method, weights=weights, percent=True, skips=True
    ),
    kinks=gaps,
    cases=(case((2, 4), q=100 * LEVELS[1:].reshape(1, 3)),),
    bind=not_in_place(np.nanpercentile),
    chooses=True,
)


# Functions that skip NaN; those of extremes are with the reductions.


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


def refuse_whole(dtype):
    """Refuse a dtype that holds no fractions, as the means of NumPy that skip NaN do."""
    require(dtype is None or kind_of(dtype) in "fc", "If a is inexact, then dtype must be inexact", TypeError)


@composite(np.nanmean)
def _nanmean(a, axis=None, dtype=None, *, keepdims=False, where=None):
    refuse_whole(dtype)
    return np.mean(filled(a, 0), axis=axis, dtype=dtype, keepdims=keepdims, where=known(a, where))


def where_free(spread, numbers, axis, keepdims, taken):
    """The spread of what is no NaN, and NaN where no degree of freedom is left."""
    return np.where(np.sum(numbers, axis=axis, keepdims=keepdims) <= taken, np.nan, spread)


@composite(np.nanvar)
def _nanvar(a, axis=None, dtype=None, *, ddof=0, keepdims=False, where=None, mean=None, correction=None):
    refuse_whole(dtype)
    options = {"axis": axis, "dtype": dtype, "ddof": ddof, "mean": mean, "correction": correction}
    numbers = known(a, where)
    spread = np.var(filled(a, 0), where=numbers, keepdims=keepdims, **options)
    return where_free(spread, numbers, axis, keepdims, ddof if correction is None else correction)


@composite(np.nanstd)
def _nanstd(a, axis=None, dtype=None, *, ddof=0, keepdims=False, where=None, mean=None, correction=None):
    refuse_whole(dtype)
    options = {"axis": axis, "dtype": dtype, "ddof": ddof, "mean": mean, "correction": correction}
    numbers = known(a, where)
    spread = np.std(filled(a, 0), where=numbers, keepdims=keepdims, **options)
    return where_free(spread, numbers, axis, keepdims, ddof if correction is None else correction)
