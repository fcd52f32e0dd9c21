"""Derivatives of functions that move entries without changing them: each moves the cotangent back.

Joining, splitting, repeating whole arrays and padding are here; reading at indices is in `indexing`.
"""

import itertools

import numpy as np

from autograd_mini.domains import case
from autograd_mini.primitive import composite, constant, primitive, rule
from autograd_mini.rules.refusals import require
from autograd_mini.rules.signatures import binder

NOT_PADDED = (
    "np.pad was called with mode={mode!r} on a tensor, which has no derivative: {reason}. Use one of {modes}, or pass "
    "`t.detach()` if no gradient should flow."
)
PAD_OPTIONS = {
    "constant": {"constant_values"},
    "edge": set(),
    "linear_ramp": {"end_values"},
    "maximum": {"stat_length"},
    "mean": {"stat_length"},
    "median": {"stat_length"},
    "minimum": {"stat_length"},
    "reflect": {"reflect_type"},
    "symmetric": {"reflect_type"},
    "wrap": set(),
}

# Shape


def c_or_f(args, kwargs):
    """A call of `reshape` whose order "A" is replaced by what it means for the array's memory."""
    operands, options = reshape_binder(args, kwargs)
    if options.get("order") == "A":
        values = operands[0] if isinstance(operands[0], np.ndarray) else operands[0].data
        fortran = isinstance(values, np.ndarray) and values.flags.fnc
        options = {**options, "order": "F" if fortran else "C"}
    return operands, options


reshape_binder = binder(np.reshape, 1, False)

rule(
    np.reshape,
    lambda g, _out, _a, shape, order="C", copy=None: (
        np.reshape(g, _a.shape) if order == "C" else np.reshape(g, _a.shape, order=order)
    ),
    bind=c_or_f,
    cases=(
        case((2, 6), shape=(3, 4)),
        case((2, 6), shape=(3, -1), order="F"),
        case((2, 6), shape=12),
        case((), shape=(1, 1)),
        case((0, 3), shape=(3, 0)),
    ),
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
    lambda g, _out, _a, shape, subok=False: g,
    broadcasts=True,
    cases=(
        case((3,), shape=(2, 3)),
        case((2, 1), shape=(4, 2, 3)),
        case((), shape=(2,)),
        case((), shape=3),
        case((1,), shape=(0,)),
    ),
)
rule(np.copy, lambda g, _out, _a, order="K", subok=False: g, cases=(case((2, 3)), case(()), case((2, 3), order="F")))


@primitive
def memory_axes(a):
    """The axes of `a` from the one whose entries are farthest apart in memory to the nearest."""
    if not isinstance(a, np.ndarray):
        return tuple(range(a.ndim))
    steps = [0 if n == 1 else abs(step) for n, step in zip(a.shape, a.strides, strict=True)]
    axes: list[int] = []  # nearest first; an axis of step 0 stays where it was, as in NumPy's iterator
    for axis in reversed(range(a.ndim)):
        place = len(axes)
        for i in reversed(range(len(axes))):
            if steps[axis] and steps[axes[i]]:
                if steps[axes[i]] <= steps[axis]:
                    break
                place = i
        axes.insert(place, axis)
    return tuple(reversed(axes))


constant(memory_axes)


@composite(np.ravel)
def _ravel(a, order="C"):
    if order == "K":
        return np.reshape(np.transpose(a, memory_axes(a)), (-1,))
    return np.reshape(a, (-1,)) if order == "C" else np.reshape(a, (-1,), order=order)


def at_least(a, ndim):
    """`a` with axes of length 1 added as `np.atleast_1d`, `2d` and `3d` do."""
    shape = np.shape(a)
    if len(shape) >= ndim:
        return np.stack(a) if isinstance(a, list | tuple) else a
    if ndim == 3 and len(shape) > 0:
        return np.reshape(a, ((1, *shape) if len(shape) == 1 else shape) + (1,))
    return np.reshape(a, (1,) * (ndim - len(shape)) + shape)


def one_or_all(results):
    """The single result, or the tuple of several."""
    return results[0] if len(results) == 1 else results


@composite(np.atleast_1d)
def _atleast_1d(*arys):
    return one_or_all(tuple([at_least(a, 1) for a in arys]))


@composite(np.atleast_2d)
def _atleast_2d(*arys):
    return one_or_all(tuple([at_least(a, 2) for a in arys]))


@composite(np.atleast_3d)
def _atleast_3d(*arys):
    return one_or_all(tuple([at_least(a, 3) for a in arys]))


def common_length(lengths):
    """The length that axes of the given lengths have after broadcasting; `broadcast_to` refuses what does not fit."""
    others = [length for length in lengths if length != 1]
    return others[0] if others else 1


@composite(np.broadcast_arrays)
def _broadcast_arrays(*args, subok=False):
    shapes = [np.shape(a) for a in args]
    ndim = max([len(shape) for shape in shapes])
    full = [(1,) * (ndim - len(shape)) + shape for shape in shapes]
    shape = tuple([common_length(lengths) for lengths in zip(*full, strict=True)])
    return tuple([np.broadcast_to(a, shape) for a in args])


@composite(np.meshgrid)
def _meshgrid(*xi, copy=True, sparse=False, indexing="xy"):
    check_indexing(indexing)
    places = list(range(len(xi)))
    if indexing == "xy" and len(xi) > 1:
        places[:2] = [1, 0]
    sizes = [np.size(x) for x in xi]
    grids = [
        np.reshape(x, (1,) * place + (size,) + (1,) * (len(xi) - 1 - place))
        for x, size, place in zip(xi, sizes, places, strict=True)
    ]
    if sparse:
        return tuple(grids)
    return tuple(np.broadcast_arrays(*grids)) if len(grids) > 1 else tuple(grids)


@primitive
def check_indexing(indexing):
    """Refuse what `np.meshgrid` refuses."""
    if indexing not in {"xy", "ij"}:
        raise ValueError(f"np.meshgrid takes indexing='xy' or 'ij', not {indexing!r}")


# Order of the axes, and of the entries along them


def inverse(axes):
    """The permutation that undoes `axes`."""
    if axes is None:
        return None
    axes = [axes] if isinstance(axes, int) else axes
    axes = [i % len(axes) for i in axes]
    return tuple([axes.index(i) for i in range(len(axes))])


def unroll_axis(g, _out, _a, axis, start=0):
    """`g` with the axis that was rolled to before `start` put back."""
    axis = axis % g.ndim
    start = start + g.ndim if start < 0 else start
    return np.moveaxis(g, start - 1 if start > axis else start, axis)


def opposite(shift, axis):
    """The opposite of one shift or of several; one for each of several axes, as Dask wants it."""
    if isinstance(shift, list | tuple):
        return tuple([-s for s in shift])
    return (-shift,) * len(axis) if isinstance(axis, list | tuple) else -shift


rule(
    np.transpose,
    lambda g, _out, _a, axes=None: np.transpose(g, inverse(axes)),
    cases=(
        case((2, 3)),
        case((2, 3, 4), axes=(1, 2, 0)),
        case((2, 3, 4), axes=(-1, 0, 1)),
        case((2, 3, 4), axes=[-2, -3, 2]),
        case((3,), axes=0),
        case(()),
    ),
)
MATRICES = (case((2, 3)), case((4, 2, 3)), case((2, 0)))
rule(np.matrix_transpose, lambda g, _out, _x: np.swapaxes(g, -1, -2), cases=MATRICES)
rule(np.linalg.matrix_transpose, lambda g, _out, _x: np.swapaxes(g, -1, -2), cases=MATRICES)
rule(
    np.swapaxes,
    lambda g, _out, _a, axis1, axis2: np.swapaxes(g, axis1, axis2),
    cases=(case((2, 3), axis1=0, axis2=1), case((2, 3, 4), axis1=-1, axis2=0), case((2, 3), axis1=1, axis2=-1)),
)
rule(
    np.moveaxis,
    lambda g, _out, _a, source, destination: np.moveaxis(g, destination, source),
    cases=(
        case((2, 3, 4), source=0, destination=-1),
        case((2, 3, 4), source=-1, destination=0),
        case((2, 3, 4), source=(0, -1), destination=(-1, -2)),
        case((2, 3, 4), source=[0, 1], destination=[2, 0]),
        case((2, 3), source=(), destination=()),
    ),
)
rule(
    np.rollaxis,
    unroll_axis,
    cases=(
        *(case((2, 3, 4), axis=axis, start=start) for axis in (0, 1, -1) for start in (0, 1, 2, 3, -1, -3)),
        case((2, 3), axis=1),
    ),
)
rule(
    np.roll,
    lambda g, _out, _a, shift, axis=None: np.roll(g, opposite(shift, axis), axis),
    cases=(
        case((5,), shift=2),
        case((2, 3), shift=-1),
        case((2, 3), shift=7, axis=-1),
        case((2, 3, 4), shift=(1, -2), axis=(0, 2)),
        case((2, 3), shift=1, axis=(0, 1)),
        case((2, 3), shift=(1, 1), axis=(1, 1)),
        case((0, 3), shift=1),
        case((), shift=1),
    ),
)
rule(
    np.rot90,
    lambda g, _out, _m, k=1, axes=(0, 1): np.rot90(g, -k, axes),
    cases=(
        *(case((2, 3), k=k) for k in (0, 1, 2, 3, -1, 6)),
        case((2, 3)),
        case((2, 3, 4), axes=(-1, 0)),
        case((2, 3, 4), k=3, axes=(1, 2)),
    ),
)
rule(
    np.flip,
    lambda g, _out, _m, axis=None: np.flip(g, axis),
    cases=(case((2, 3)), case((2, 3), axis=-1), case((2, 3, 4), axis=(0, -1)), case(()), case((2, 3), axis=())),
)
rule(np.fliplr, lambda g, _out, _m: np.fliplr(g), cases=(case((2, 3)), case((2, 3, 4))))
rule(np.flipud, lambda g, _out, _m: np.flipud(g), cases=(case((3,)), case((2, 3))))

# Joining


def part(position, g, _out, *_arrays, axis=0, dtype=None, casting="same_kind"):
    """The slice of `g` that came from the array at `position`."""
    if axis is None:
        start = sum([array.size for array in _arrays[:position]])
        return np.reshape(g[start : start + _arrays[position].size], _arrays[position].shape)
    lengths = [array.shape[axis] for array in _arrays]
    start = sum(lengths[:position])
    before = (slice(None),) * (axis % g.ndim)
    return g[(*before, slice(start, start + lengths[position]))]


def of_arrays(args, kwargs):
    """A call of `concatenate` with Python numbers, which have no size, as arrays that promote as they do."""
    arrays, options = concatenate_binder(args, kwargs)
    if any(isinstance(a, bool | int | float | complex) and not hasattr(a, "dtype") for a in arrays):
        arrays = [np.asarray(a) if isinstance(a, list | tuple) else a for a in arrays]
        dtype = np.result_type(*(getattr(a, "dtype", a) for a in arrays))
        arrays = [a if hasattr(a, "dtype") else np.asarray(a, dtype) for a in arrays]
    return arrays, options


concatenate_binder = binder(np.concatenate, 1, True)

rule(
    np.concatenate,
    part,
    variadic=True,
    bind=of_arrays,
    cases=(case((2, 3), (1, 3)), case((2, 1), (2, 0), (2, 2), axis=-1), case((2, 1), (3,), axis=None)),
)


def layer(position, g, _out, *_arrays, axis=0, dtype=None, casting="same_kind"):
    """The slice of `g` along the axis that `stack` has added."""
    return g[(*((slice(None),) * (axis % g.ndim)), position)]


rule(
    np.stack,
    layer,
    variadic=True,
    cases=(
        case((2, 3), (2, 3), (2, 3)),
        case((2, 3), (2, 3), axis=1),
        case((2, 3), (2, 3), axis=-1),
        case((), ()),
        case((3,), axis=-2),
    ),
)


@composite(np.vstack)
def _vstack(tup, *, dtype=None, casting="same_kind"):
    return np.concatenate([at_least(a, 2) for a in tup], 0, dtype=dtype, casting=casting)


@composite(np.hstack)
def _hstack(tup, *, dtype=None, casting="same_kind"):
    arrays = [at_least(a, 1) for a in tup]
    axis = 1 if arrays and np.ndim(arrays[0]) > 1 else 0
    return np.concatenate(arrays, axis, dtype=dtype, casting=casting)


@composite(np.dstack)
def _dstack(tup):
    return np.concatenate([at_least(a, 3) for a in tup], 2)


@composite(np.column_stack)
def _column_stack(tup):
    return np.concatenate([np.reshape(a, (np.size(a), 1)) if np.ndim(a) < 2 else a for a in tup], 1)


@composite(np.append)
def _append(arr, values, axis=None):
    if axis is None:
        arr, values, axis = np.ravel(arr), np.ravel(values), 0
    return np.concatenate([arr, values], axis)


@primitive
def nesting(arrays):
    """How deep the lists are nested that `np.block` is given; all of them must be equally deep."""
    if isinstance(arrays, tuple):
        raise TypeError("np.block takes lists of arrays, not tuples")
    if not isinstance(arrays, list):
        return 0
    depths = {nesting(part) for part in arrays}
    if len(depths) != 1:
        raise ValueError("np.block was given an empty list or lists of different depths")
    return 1 + depths.pop()


constant(nesting)


def most_axes(arrays):
    """The largest number of axes of an array in nested lists."""
    return max([most_axes(part) for part in arrays]) if isinstance(arrays, list) else np.ndim(arrays)


def assembled(arrays, axis, ndim):
    """Nested lists of blocks joined along `axis` and, inside, the axes that follow."""
    if isinstance(arrays, list):
        return np.concatenate([assembled(part, axis + 1, ndim) for part in arrays], axis)
    return np.reshape(arrays, (1,) * (ndim - np.ndim(arrays)) + np.shape(arrays))


@composite(np.block)
def _block(arrays):
    depth = nesting(arrays)
    ndim = max(depth, most_axes(arrays))
    return assembled(arrays, ndim - depth, ndim)


# Splitting


@primitive
def pieces(a, bounds, axis):
    """`a` cut along `axis` at `bounds`, which rise from 0 to its length."""
    before = (slice(None),) * axis
    return tuple(a[(*before, slice(low, high))] for low, high in itertools.pairwise(bounds))


rule(
    pieces,
    lambda g, _out, _a, bounds, axis: np.concatenate(g, axis),
    cases=(case((5, 2), bounds=(0, 2, 2, 5), axis=0), case((2, 3), bounds=(0, 3), axis=1)),
)


@primitive
def unstacked(a, axis):
    """The arrays of which `a` is the stack along `axis`."""
    before = (slice(None),) * (axis % a.ndim)
    return tuple(a[(*before, i)] for i in range(a.shape[axis]))


rule(
    unstacked,
    lambda g, _out, _a, axis: np.stack(g, axis),
    cases=(case((3, 2), axis=0), case((2, 3, 4), axis=-1), case((2,), axis=0)),
)


@composite(np.unstack)
def _unstack(x, /, *, axis=0):
    return unstacked(x, axis) if x.shape[axis] else ()


@primitive
def cuts(length, sections, equal):
    """Where `np.split` cuts an axis: the places given, or those that make so many parts (as equal as may be)."""
    if np.ndim(sections):
        return [0, *(int(i) for i in sections), length]
    if equal and length % sections:
        raise ValueError(f"np.split cannot cut {length} entries into {sections} equal parts; np.array_split can")
    if int(sections) <= 0:
        raise ValueError("the number of sections must be larger than 0")
    size, extra = divmod(length, int(sections))
    return [i * size + min(i, extra) for i in range(int(sections) + 1)]


def cut(a, sections, axis, equal):
    """The list of parts of `a` along `axis`."""
    length = a.shape[axis]
    bounds = cuts(length, sections, equal)
    axis = axis % a.ndim
    if bounds == sorted(bounds) and bounds[-2] <= length and bounds[0] == 0:
        return list(pieces(a, tuple(bounds), axis))
    before = (slice(None),) * axis  # they count from the end, or overlap
    return [a[(*before, slice(low, high))] for low, high in zip(bounds[:-1], [*bounds[1:-1], None], strict=True)]


@composite(np.split)
def _split(ary, indices_or_sections, axis=0):
    return cut(ary, indices_or_sections, axis, True)


@composite(np.array_split)
def _array_split(ary, indices_or_sections, axis=0):
    return cut(ary, indices_or_sections, axis, False)


@primitive
def check_ndim(name, ndim, least):
    """Refuse what has too few axes."""
    if ndim < least:
        raise ValueError(f"np.{name} only works on arrays of {least} or more dimensions")


@composite(np.vsplit)
def _vsplit(ary, indices_or_sections):
    check_ndim("vsplit", ary.ndim, 2)
    return cut(ary, indices_or_sections, 0, True)


@composite(np.hsplit)
def _hsplit(ary, indices_or_sections):
    check_ndim("hsplit", ary.ndim, 1)
    return cut(ary, indices_or_sections, 1 if ary.ndim > 1 else 0, True)


@composite(np.dsplit)
def _dsplit(ary, indices_or_sections):
    check_ndim("dsplit", ary.ndim, 3)
    return cut(ary, indices_or_sections, 2, True)


# Repeating


def untile(g, _out, _a, reps):
    """The sum of the copies that `g` consists of."""
    reps = tuple(max(n, 0) for n in ((reps,) if np.ndim(reps) == 0 else reps))
    ndim = max(len(reps), _a.ndim)
    reps = (1,) * (ndim - len(reps)) + reps
    shape = (1,) * (ndim - _a.ndim) + _a.shape
    copies = np.reshape(g, [length for pair in zip(reps, shape, strict=True) for length in pair])
    return np.reshape(np.sum(copies, axis=tuple(range(0, 2 * ndim, 2))), _a.shape)


rule(
    np.tile,
    untile,
    cases=(
        case((3,), reps=2),
        case((2, 3), reps=2),
        case((2, 3), reps=(2, 1)),
        case((3,), reps=(4, 2)),
        case((2, 3), reps=(2, 1, 3)),
        case((), reps=3),
        case((2, 3), reps=()),
        case((2, 3), reps=(0, 2)),
        case((0, 3), reps=2),
    ),
)


@composite(np.resize)
def _resize(a, new_shape):
    shape = resized(new_shape)
    size = 1
    for length in shape:
        size = size * length
    flat = np.ravel(a)
    if flat.size == 0 and size > 0:
        return np.zeros_like(a, shape=shape)
    if size > flat.size:
        flat = np.tile(flat, -(-size // flat.size))
    return np.reshape(flat[:size], shape)


@primitive
def resized(new_shape):
    """A shape as a tuple of numbers that are not negative."""
    shape = tuple(int(length) for length in (new_shape if np.ndim(new_shape) else (new_shape,)))
    if any(length < 0 for length in shape):
        raise ValueError("all elements of `new_shape` must be non-negative")
    return shape


# Padding


@primitive
def pad_plan(pad_width, ndim, mode, options):
    """For each axis: how much is put before and after it, and its options; after checks of all of them."""
    if mode not in PAD_OPTIONS:
        reason = "its entries have no value" if mode == "empty" else "nothing is known of what it writes"
        raise TypeError(NOT_PADDED.format(mode=mode, reason=reason, modes=", ".join(PAD_OPTIONS)))
    unknown = set(options) - PAD_OPTIONS[mode]
    if unknown:
        raise ValueError(f"np.pad knows no {', '.join(sorted(unknown))} for mode={mode!r}")
    if isinstance(pad_width, dict):
        given = dict(pad_width.items())
        pad_width = [(0, 0)] * ndim
        for axis, width in given.items():
            pad_width[axis] = (width, width) if np.ndim(width) == 0 else tuple(width)
    if np.asarray(pad_width).dtype.kind not in "iu":
        raise TypeError("`pad_width` must be of integral type.")
    if np.any(np.less(pad_width, 0)):
        raise ValueError("`pad_width` can't contain negative values")
    widths = pairs(pad_width, ndim)
    if any(not isinstance(width, int) for pair in widths for width in pair):
        raise TypeError("`pad_width` must be of integral type.")
    if any(width < 0 for pair in widths for width in pair):
        raise ValueError("`pad_width` can't contain negative values")
    lengths, ends = pairs(options.get("stat_length"), ndim), pairs(options.get("end_values", 0), ndim)
    odd = options.get("reflect_type", "even") == "odd"
    return widths, [(*both, odd) for both in zip(widths, lengths, ends, strict=True)]


@primitive
def pairs(values, ndim):
    """An option of `np.pad` for the two ends of each axis."""
    return [(None, None)] * ndim if values is None else [tuple(p) for p in np.broadcast_to(values, (ndim, 2)).tolist()]


@primitive
def pad_constant(a, widths, constant_values):
    """`np.pad` with numbers that do not depend on `a`."""
    return np.pad(a, widths, constant_values=constant_values)


def interior(shape, widths):
    """Where an array of that shape lies in its padded form."""
    return tuple([slice(before, before + n) for (before, _), n in zip(widths, shape, strict=True)])


rule(
    pad_constant,
    lambda g, _out, _a, widths, constant_values: g[interior(_a.shape, widths)],
    cases=(
        case((2, 3), widths=((1, 2), (0, 3)), constant_values=0.0),
        case((3,), widths=((2, 1),), constant_values=(1.0, -2.0)),
        case((0, 3), widths=((1, 1), (0, 0)), constant_values=2.0),
    ),
)


@primitive
def positions(length, width, mode):
    """Which entry of an axis stands at each place of the padded axis."""
    return np.pad(np.arange(length), width, mode)


@primitive
def odd_extension(length, width, mode, shape, dtype):
    """An axis padded by reflection in its end points: out = sign * a[places] + first * a[0] + last * a[-1].

    Each turn of the graph by 180 degrees about an end adds twice the value at that end.
    """
    places = positions(length, width, mode)
    if length == 1:  # as NumPy has it: nothing to reflect
        turns = np.zeros_like(places)
    else:
        turns = np.arange(-width[0], length + width[1]) // (length - 1 if mode == "reflect" else length)
    sign = 1 - 2 * (turns % 2)
    if mode == "reflect":  # the last entry is an end, not the first of the next turn
        inside = slice(width[0], width[0] + length)
        sign[inside], turns[inside] = 1, 0
    last = turns + turns % 2
    first = 1 - sign - last
    return places, *(np.reshape(c, shape).astype(dtype) for c in (sign, first, last))


@primitive
def ramp(width, shape, dtype):
    """0, 1/width, ..., 1 - 1/width: what part of the way from the outer end to the axis."""
    return np.reshape(np.arange(width) / max(width, 1), shape).astype(dtype)


def statistic(a, axis, mode):
    """What the entries along an axis are summed up to."""
    if mode == "maximum":
        return np.max(a, axis=axis, keepdims=True)
    if mode == "minimum":
        return np.min(a, axis=axis, keepdims=True)
    if mode == "median":
        return np.median(a, axis=axis, keepdims=True)
    return np.mean(a, axis=axis, keepdims=True)


def along(a, axis, index):
    """The part of `a` at `index` of one axis."""
    return a[(*((slice(None),) * axis), index)]


def with_length(shape, axis, length):
    """A shape with another length of one axis."""
    return (*shape[:axis], length, *shape[axis + 1 :])


def padded(a, axis, mode, plan):
    """`a` padded along one axis."""
    width, lengths, ends, odd = plan
    before, after = width
    n = a.shape[axis]
    require(n > 0, f"can't extend empty axis {axis} using modes other than 'constant' or 'empty'")
    column = (-1,) + (1,) * (a.ndim - 1 - axis)
    if mode in ("edge", "wrap") or (mode in ("reflect", "symmetric") and not odd):
        return np.take(a, positions(n, width, mode), axis)
    if mode in ("reflect", "symmetric"):
        places, sign, first, last = odd_extension(n, width, mode, column, a.dtype)
        moved = sign * np.take(a, places, axis)
        return moved + first * along(a, axis, slice(0, 1)) + last * along(a, axis, slice(n - 1, n))
    if mode == "linear_ramp":
        up, down = ramp(before, column, a.dtype), np.flip(ramp(after, column, a.dtype), 0)
        left = up * along(a, axis, slice(0, 1)) + (1 - up) * ends[0]
        right = down * along(a, axis, slice(n - 1, n)) + (1 - down) * ends[1]
    else:
        lengths = [n if length is None else min(length, n) for length in lengths]
        left = statistic(along(a, axis, slice(0, lengths[0])), axis, mode)
        right = left if lengths == [n, n] else statistic(along(a, axis, slice(n - lengths[1], n)), axis, mode)
        left = np.broadcast_to(left, with_length(a.shape, axis, before))
        right = np.broadcast_to(right, with_length(a.shape, axis, after))
    return np.concatenate([left, a, right], axis)


@composite(np.pad)
def _pad(array, pad_width, mode="constant", **options):
    widths, plans = pad_plan(pad_width, array.ndim, mode, options)
    if not array.ndim:
        return array
    if mode == "constant":
        return pad_constant(array, widths, options["constant_values"] if options else 0)
    for axis, width in enumerate(widths):
        if width != (0, 0):
            array = padded(array, axis, mode, plans[axis])
    return array


# Type


@composite(np.astype)
def _astype(x, dtype, /, *, copy=True, device=None):
    return x.astype(dtype)
