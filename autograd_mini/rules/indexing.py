"""Derivatives of reading and writing by index, each the adjoint of the other: entries, diagonals, triangles."""

import copy
import math
from typing import Any

import numpy as np

from autograd_mini.arrays import adopted, is_foreign
from autograd_mini.devices import beside, on_host
from autograd_mini.domains import case
from autograd_mini.primitive import composite, constant, primitive, rule
from autograd_mini.rules.refusals import axes_of, axis_of, kind_of, require
from autograd_mini.rules.signatures import binder


def plain_index(index: Any) -> Any:
    """An index with all that names several entries, but for slices, turned into arrays of its own."""
    return tuple(map(plain_part, index)) if isinstance(index, tuple) else plain_part(index)


def own_array(values):
    """An array that nobody else writes into, on a device one there; of what differs in a vmap, a batch of them."""
    values = values.data if hasattr(values, "requires_grad") else values
    keeps_its_kind = hasattr(type(values), "__autograd_primitive__") or not on_host(values)
    return values.copy() if keeps_its_kind else np.array(values)


def plain_part(part):
    """One part of an index; a copy, because the rule reads it later."""
    if part is None or part is Ellipsis or isinstance(part, int | slice | np.integer):
        return part
    array = own_array(adopted(part))
    return array.astype(int) if array.size == 0 and isinstance(part, list | tuple) else array


@primitive
def getitem(a, index):
    """`a[index]`, for all of NumPy's forms of index."""
    return a[index]


def is_several(part):
    """Whether a part of an index is an array, of any kind, or a list."""
    return isinstance(part, list | np.ndarray) or is_foreign(part)


@primitive
def add_at(values, index, shape):
    """Zeros of the given shape, with `values` added at `index`; repeated indices add up."""
    total = np.zeros_like(values, shape=shape)
    parts = index if isinstance(index, tuple) else (index,)
    arrays = [np.asarray(part) if isinstance(part, list) else part for part in parts if is_several(part)]
    if any(array.dtype != bool for array in arrays):  # only integers can name an entry twice
        np.add.at(total, index, values)
    elif arrays or None not in parts:
        total[index] = values
    else:  # Dask cannot assign to a new axis
        plain = tuple(part for part in parts if part is not None)
        total[plain] = np.reshape(values, total[plain].shape)
    return total


INDICES = (
    case((4, 3), index=1),
    case((4, 3), index=(slice(None, None, -2), None, 0)),
    case((4, 3), index=(Ellipsis, slice(1, 3))),
    case((4, 3), index=np.array([0, 2, 2, -1])),
    case((4, 3), index=([[0, 1], [1, 1]], [2, 0])),
    case((4, 3), index=(slice(1, 3), np.array([2, 2]))),
    case((4, 3), index=np.arange(12).reshape(4, 3) % 3 == 0),
    case((4, 3), index=(np.array([True, False, True, True]), 1)),
    case((4, 3), index=slice(2, 2)),
    case((), index=()),
)

rule(getitem, lambda g, _out, _a, index: add_at(g, index, _a.shape), cases=INDICES, chooses=True)
rule(
    add_at,
    lambda g, _out, _values, index, shape: getitem(g, index),
    cases=tuple(
        case(np.empty(c.shapes[0])[c.options["index"]].shape, index=c.options["index"], shape=c.shapes[0])
        for c in INDICES
    ),
)


# Writing: a new array, with other values at an index


def editable(a):
    """A copy of `a` to write into; a number of NumPy's is none."""
    return np.array(a) if isinstance(a, np.generic) else a.copy()


@primitive
def set_at(a, values, index):
    """A copy of `a` with `values`, of the shape of `a[index]`, at `index`; of repeated indices the last one counts."""
    out = editable(a)
    out[index] = values
    return out


@primitive
def winners(index, shape):
    """Which of the values written at `index` into an array of that shape are there afterwards."""
    place = np.full(shape, -1)
    order = np.arange(place[index].size).reshape(place[index].shape)
    place[index] = order
    return place[index] == order


@primitive
def names_each_once(index):
    """Whether an index cannot name an entry twice: it has no arrays of integers."""
    parts = index if isinstance(index, tuple) else (index,)
    arrays = [np.asarray(part) if isinstance(part, list) else part for part in parts if is_several(part)]
    return not any(array.dtype != bool for array in arrays)


def written(g, _out, _a, _values, index):
    """The cotangent of the values that were written and not overwritten."""
    if names_each_once(index):
        return getitem(g, index)
    return np.where(winners(index, _a.shape), getitem(g, index), 0)


WRITES = tuple(case(c.shapes[0], np.empty(c.shapes[0])[c.options["index"]].shape, **c.options) for c in INDICES)

rule(
    set_at,
    lambda g, _out, _a, _values, index: set_at(g, np.zeros_like(getitem(g, index)), index),
    written,
    cases=WRITES,
    chooses=True,
)


def shares(g, out, a, values, index):
    """The cotangent of each result divided by how many of the values it was chosen from are equal to it."""
    chosen = np.equal(values, getitem(out, index)) * np.ones_like(getitem(g, index))
    return g / (np.equal(a, out) + add_at(chosen, index, a.shape))


def share_of_old(g, out, a, values, index):
    """The cotangent of what was there before."""
    return np.where(np.equal(a, out), shares(g, out, a, values, index), 0)


def share_of_new(g, out, a, values, index):
    """The cotangent of what was offered."""
    return np.where(np.equal(values, getitem(out, index)), getitem(shares(g, out, a, values, index), index), 0)


def offers(a, values, index):
    """Zero where an entry and a value offered for it are equal."""
    return np.subtract(values, a[index])


@primitive
def maximum_at(a, values, index):
    """`a` with the entries at `index` replaced by the `values` that are larger."""
    out = editable(a)
    np.maximum.at(out, index, values)
    return out


@primitive
def minimum_at(a, values, index):
    """`a` with the entries at `index` replaced by the `values` that are smaller."""
    out = editable(a)
    np.minimum.at(out, index, values)
    return out


rule(maximum_at, share_of_old, share_of_new, kinks=offers, cases=WRITES, chooses=True)
rule(minimum_at, share_of_old, share_of_new, kinks=offers, cases=WRITES, chooses=True)

# Reading along an axis


def copied(function, *names):
    """A call of `function` with copies of the named options, which the rule reads later than they are given."""
    bind = binder(function, 1, False)

    def with_copies(args, kwargs):
        operands, options = bind(args, kwargs)
        return operands, {key: copy.deepcopy(value) if key in names else value for key, value in options.items()}

    return with_copies


@primitive
def add_each(values, indices, axis, length, mode):
    """The same, one by one, as a device does it in parallel."""
    indices = indices if is_foreign(indices) else beside(np.asarray(indices), values)
    indices = indices % length if mode != "clip" else np.clip(indices, 0, length - 1)
    total = np.zeros_like(values, shape=(*values.shape[:axis], length, *values.shape[axis + indices.ndim :]))
    np.add.at(total, (*(slice(None),) * axis, indices), values)
    return total


@primitive
def add_taken(values, indices, axis, length, mode):
    """The adjoint of `np.take`: `values` added up at `indices` of an axis of the given length."""
    if is_foreign(values):
        return add_each(values, indices, axis, length, mode)
    indices = np.asarray(indices)
    shape = (*values.shape[:axis], length, *values.shape[axis + indices.ndim :])
    total = np.zeros_like(values, shape=shape)
    if not values.size:
        return total
    order = np.ravel(indices % length if mode != "clip" else np.clip(indices, 0, length - 1))
    flat = np.reshape(values, (*shape[:axis], order.size, *shape[axis + 1 :]))
    before = (slice(None),) * axis
    if np.any(order[1:] < order[:-1]):
        ranks = np.argsort(order, kind="stable")
        order, flat = order[ranks], np.take(flat, ranks, axis)
    starts = np.flatnonzero(np.concatenate([[True], order[1:] != order[:-1]]))
    if starts.size < order.size:  # sums of runs: faster than adding up one by one
        flat, order = np.add.reduceat(flat, starts, axis), order[starts]
    total[(*before, order)] = flat
    return total


def untake(g, _out, _a, indices, axis=None, mode="raise"):
    """`g` added up where it was taken from."""
    if axis is None or not _a.ndim:
        return np.reshape(add_taken(g, indices, 0, _a.size, mode), _a.shape)
    return add_taken(g, indices, axis % _a.ndim, _a.shape[axis], mode)


TAKES = (
    case((4,), indices=2),
    case((4,), indices=[3, 0, 3]),
    case((4, 3), indices=[[0, -1], [7, 7]]),
    case((4, 3), indices=-1, axis=0),
    case((4, 3), indices=[2, 2, 0, -1], axis=0),
    case((2, 4, 3), indices=[[0, 1], [3, -4]], axis=-2),
    case((4, 3), indices=[5, -7, 2], axis=1, mode="wrap"),
    case((4, 3), indices=[5, -7, 2], axis=1, mode="clip"),
    case((4, 3), indices=np.zeros(0, int), axis=1),
    case((), indices=[0, 0]),
    case((), indices=-1, axis=0),
)
rule(np.take, untake, bind=copied(np.take, "indices"), cases=TAKES, chooses=True)
rule(
    add_taken,
    lambda g, _out, _values, indices, axis, length, mode: np.take(g, indices, axis, mode=mode),
    cases=(
        case((3,), indices=[2, 0, 2], axis=0, length=4, mode="raise"),
        case((2, 3), indices=[1, 1, -2], axis=1, length=3, mode="raise"),
        case((2, 1, 2, 3), indices=[[0, 5]], axis=1, length=3, mode="wrap"),
        case((2, 3), indices=[9, -9, 1], axis=1, length=3, mode="clip"),
        case((), indices=1, axis=0, length=3, mode="raise"),
    ),
)


@primitive
def runs(length, repeats):
    """Which entry of an axis each entry comes from after each has been repeated its number of times."""
    return np.repeat(np.arange(length), repeats)


def unrepeat(g, _out, _a, repeats, axis=None):
    """The sum of each entry's copies."""
    flat = axis is None or not _a.ndim
    shape, axis = ((_a.size,), 0) if flat else (_a.shape, axis % _a.ndim)
    if np.size(repeats) == 1:
        copies = np.reshape(g, (*shape[: axis + 1], max(int(np.max(repeats)), 0), *shape[axis + 1 :]))
        return np.reshape(np.sum(copies, axis=axis + 1), _a.shape)
    return np.reshape(add_taken(g, runs(shape[axis], repeats), axis, shape[axis], "raise"), _a.shape)


rule(
    np.repeat,
    unrepeat,
    bind=copied(np.repeat, "repeats"),
    cases=(
        case((3,), repeats=2),
        case((2, 3), repeats=3),
        case((2, 3), repeats=2, axis=-1),
        case((2, 3), repeats=[2], axis=0),
        case((2, 3), repeats=0, axis=0),
        case((), repeats=2),
        case((0, 3), repeats=2, axis=1),
        case((2, 3), repeats=[1, 0, 2], axis=1),
        case((2, 3), repeats=[0, 3], axis=-2),
        case((2, 2), repeats=[1, 0, 2, 1]),
    ),
)


@composite(np.compress)
def _compress(condition, a, axis=None):
    require(np.ndim(condition) == 1, "condition must be a 1-d array")
    return np.take(a, np.flatnonzero(condition), axis)


@composite(np.extract)
def _extract(condition, arr):
    return np.take(np.ravel(arr), np.flatnonzero(condition))


# Leaving out and putting in


@primitive
def kept(length, obj):
    """The positions of an axis that are left without those that `obj` names."""
    return np.delete(np.arange(length), obj)


@composite(np.delete)
def _delete(arr, obj, axis=None):
    a = np.ravel(arr) if axis is None else arr
    return np.take(a, kept(a.shape[0 if axis is None else axis], obj), 0 if axis is None else axis)


@primitive
def insertion(length, obj, count):
    """How many are put into an axis of that length, and the order of old and, after them, new entries that results.

    `count` new entries are at hand; they all go to one place, or one to each place.
    """
    at = np.arange(*obj.indices(length)) if isinstance(obj, slice) else np.array(obj)
    several = at.dtype == bool or at.size != 1
    number = np.insert(np.zeros(length), obj, 0.0).size - length if several else count
    return number, np.insert(np.arange(length), obj, np.arange(length, length + number))


@composite(np.insert)
def _insert(arr, obj, values, axis=None):
    a = np.ravel(arr) if axis is None else arr
    axis = 0 if axis is None else axis_of(axis, a.ndim)
    whole = isinstance(values, complex) and kind_of(a.dtype) != "c"
    require(not whole, "np.insert was given a complex number for an array of real ones", TypeError)
    shape = np.shape(values)
    extra = len(shape) - a.ndim
    several = isinstance(obj, slice) or np.size(obj) != 1
    shape = shape[extra:] if several and extra > 0 and shape[:extra] == (1,) * extra else (1,) * -extra + shape
    values = np.reshape(values, shape).astype(a.dtype)
    if not isinstance(obj, slice) and np.ndim(obj) == 0:
        values = np.moveaxis(values, 0, axis)
    number, order = insertion(a.shape[axis], obj, values.shape[axis])
    values = np.broadcast_to(values, (*a.shape[:axis], number, *a.shape[axis + 1 :]))
    return np.take(np.concatenate([a, values], axis), order, axis)


@primitive
def trimmed(filt, trim="fb", axis=None):
    """The index of what `np.trim_zeros` keeps."""
    axes = axes_of(axis, filt.ndim)
    places = np.nonzero(filt) if filt.ndim else ()
    trim = trim.lower()
    if not set(trim) <= {"f", "b"} or not trim:
        raise ValueError(f"np.trim_zeros takes trim='f', 'b' or 'fb', not {trim!r}")
    index = [slice(None)] * filt.ndim
    for i in axes:
        if not places[i].size:
            index[i] = slice(0, 0)
        else:
            low = int(places[i].min()) if "f" in trim else 0
            index[i] = slice(low, int(places[i].max()) + 1 if "b" in trim else filt.shape[i])
    return tuple(index)


constant(trimmed)


@composite(np.trim_zeros)
def _trim_zeros(filt, trim="fb", axis=None):
    return getitem(filt, trimmed(filt, trim, axis))


# Sets of entries: each value is that of its first place, to which alone its cotangent goes


@primitive
def unique_places(ar, axis=None, equal_nan=True):
    """The first place of each value of `ar`, the value of each place, and how often each occurs."""
    return np.unique(ar, return_index=True, return_inverse=True, return_counts=True, axis=axis, equal_nan=equal_nan)[1:]


@primitive
def common_places(ar1, ar2, assume_unique=False):
    """Where the values that are in both arrays are in each."""
    return np.intersect1d(ar1, ar2, assume_unique, return_indices=True)[1:]


constant(unique_places, common_places)


@composite(np.unique)
def _unique(
    ar, return_index=False, return_inverse=False, return_counts=False, axis=None, *, equal_nan=True, sorted=True
):
    places = unique_places(ar, axis, equal_nan)
    values = np.take(np.ravel(ar) if axis is None else ar, places[0], 0 if axis is None else axis)
    wanted = (return_index, return_inverse, return_counts)
    more = [place for place, chosen in zip(places, wanted, strict=True) if chosen]
    return (values, *more) if more else values


@composite(np.unique_values)
def _unique_values(x):
    return np.unique(x, equal_nan=False)


@composite(np.union1d)
def _union1d(ar1, ar2):
    return np.unique(np.concatenate([ar1, ar2], axis=None))


@composite(np.intersect1d)
def _intersect1d(ar1, ar2, assume_unique=False, return_indices=False):
    places = common_places(ar1, ar2, assume_unique)
    values = np.take(np.ravel(ar1), places[0]).astype(np.result_type(ar1, ar2))
    return (values, *places) if return_indices else values


@composite(np.setdiff1d)
def _setdiff1d(ar1, ar2, assume_unique=False):
    values = np.ravel(ar1) if assume_unique else np.unique(ar1)
    return np.compress(np.isin(values, ar2, invert=True), values)


@composite(np.setxor1d)
def _setxor1d(ar1, ar2, assume_unique=False):
    both = np.concatenate([a if assume_unique else np.unique(a) for a in (ar1, ar2)], axis=None)
    index, _, counts = unique_places(both)
    return np.take(both, np.compress(np.equal(counts, 1), index))


# Diagonals and triangles


@primitive
def put_diagonal(values, shape, offset, axis1, axis2):
    """Zeros of the given shape with `values` on a diagonal: the adjoint of `np.diagonal`."""
    axes = axis1 % len(shape), axis2 % len(shape)
    others = [length for axis, length in enumerate(shape) if axis not in axes]
    total = np.zeros_like(values, shape=(*others, *(shape[axis] for axis in axes)))
    i = np.arange(values.shape[-1])
    total[..., i + max(-offset, 0), i + max(offset, 0)] = values
    return np.moveaxis(total, (-2, -1), axes)


DIAGONALS = (
    case((3, 3)),
    case((2, 4), offset=1),
    case((4, 2), offset=-2),
    case((2, 3), offset=5),
    case((2, 3, 4), offset=1, axis1=1, axis2=2),
    case((2, 3, 4), axis1=-1, axis2=0),
    case((2, 3, 4), offset=-1),
)
rule(
    np.diagonal,
    lambda g, _out, _a, offset=0, axis1=0, axis2=1: put_diagonal(g, _a.shape, offset, axis1, axis2),
    cases=DIAGONALS,
    chooses=True,
)
rule(
    put_diagonal,
    lambda g, _out, _values, shape, offset, axis1, axis2: np.diagonal(g, offset, axis1, axis2),
    cases=(
        case((2,), shape=(2, 3), offset=0, axis1=0, axis2=1),
        case((2, 3), shape=(3, 2, 4), offset=1, axis1=0, axis2=-1),
    ),
)
rule(
    np.diag,
    lambda g, _out, _v, k=0: np.diagonal(g, k) if _v.ndim == 1 else put_diagonal(g, _v.shape, k, 0, 1),
    cases=(case((3,)), case((2,), k=-1), case((3, 3)), case((2, 4), k=2), case((3, 2), k=-1), case((0,))),
    chooses=True,
)
rule(
    np.diagflat,
    lambda g, _out, _v, k=0: np.reshape(np.diagonal(g, k), _v.shape),
    cases=(case((3,)), case((2, 2), k=1), case((), k=-2)),
)
TRIANGLES = (case((3, 3)), case((2, 4), k=1), case((2, 3, 3), k=-1), case((3,)), case((0, 3)))
rule(np.tril, lambda g, _out, _m, k=0: np.tril(g, k), broadcasts=True, cases=TRIANGLES, chooses=True)
rule(np.triu, lambda g, _out, _m, k=0: np.triu(g, k), broadcasts=True, cases=TRIANGLES, chooses=True)


@primitive
def exponents(length, count, increasing):
    """The powers in the columns of a Vandermonde matrix."""
    powers = np.arange(length if count is None else count)
    return powers if increasing else powers[::-1]


@composite(np.vander)
def _vander(x, N=None, increasing=False):  # noqa: N803 (NumPy's name)
    require(np.ndim(x) == 1, "x must be a one-dimensional array or sequence.")
    require(N is None or N >= 0, "negative dimensions are not allowed")
    return np.power(np.expand_dims(x, 1), exponents(x.shape[0], N, increasing))


# Functions of one's own, slice by slice


@composite(np.apply_along_axis)
def _apply_along_axis(func1d, axis, arr, *args, **kwargs):
    axis = axis_of(axis, arr.ndim)
    last = np.moveaxis(arr, axis, -1)
    lead = last.shape[:-1]
    require(0 not in lead, "Cannot apply_along_axis when any iteration dimensions are 0")
    rows = np.reshape(last, (math.prod(lead), last.shape[-1]))
    results = np.stack([func1d(row, *args, **kwargs) for row in rows])
    inner = results.ndim - 1
    results = np.reshape(results, lead + results.shape[1:])
    return np.moveaxis(results, range(len(lead), len(lead) + inner), range(axis, axis + inner))


@composite(np.apply_over_axes)
def _apply_over_axes(func, a, axes):
    for axis in [axes] if np.ndim(axes) == 0 else axes:
        axis = axis + a.ndim if axis < 0 else axis  # noqa: PLW2901
        result = func(a, axis)
        result = result if result.ndim == a.ndim else np.expand_dims(result, axis)
        require(result.ndim == a.ndim, "the function given is not returning an array of the correct shape")
        a = result
    return a
