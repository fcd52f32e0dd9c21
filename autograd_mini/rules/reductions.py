"""Derivatives of functions that reduce or accumulate along axes: each spreads the cotangent back over what it read."""

import math

import numpy as np

from autograd_mini.domains import case
from autograd_mini.primitive import composite, constant, primitive, rule
from autograd_mini.rules.refusals import axes_of, axis_of, kind_of, require
from autograd_mini.rules.signatures import binder

MASK = np.arange(12).reshape(3, 4) % 3 != 1
COLUMNS = np.array([True, False, True, True])
FORMS = (
    case((3, 4)),
    case(()),
    case((3, 4), axis=0),
    case((3, 4), axis=-1, keepdims=True),
    case((3, 4), keepdims=True),
    case((2, 3, 4), axis=(0, 2)),
    case((2, 3, 4), axis=(-1, 0), keepdims=True),
    case((2, 3, 4), axis=(), keepdims=False),
)
MASKED = (
    case((3, 4), where=MASK),
    case((3, 4), where=MASK, keepdims=True),
    case((3, 4), axis=1, where=MASK),
    case((2, 3, 4), axis=(0, -1), where=COLUMNS),
)
EMPTY = (case((0, 3)), case((0, 3), axis=0), case((3, 0), axis=0))
STARTED = (case((3, 4), initial=1.5), case((3, 4), axis=0, initial=-2, where=MASK), case((0, 3), axis=0, initial=3.0))
NUMBERS = (case(()), case((), axis=-1))
LINES = (
    *NUMBERS,
    case((5,)),
    case((2, 3)),
    case((3, 4), axis=0),
    case((3, 4), axis=-1),
    case((1, 2), axis=1),
    case((0,)),
)


# Axes


def reduced_axes(ndim, axis):
    """The reduced axes as a tuple of numbers in 0 .. ndim - 1."""
    axes = range(ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return tuple(i % ndim for i in axes) if ndim else ()


def keep_axes(g, a, axis):
    """`g` with the axes that were reduced from `a` put back, of length 1; a single number spreads as it is."""
    if axis is None:
        return g
    axes = reduced_axes(a.ndim, axis)
    return np.reshape(g, tuple(1 if i in axes else n for i, n in enumerate(a.shape)))


def select(g, where):
    """`g` where the operation read its operand, else 0."""
    return g if where is None else np.where(where, g, 0)


def spread(g, a, axis, where=None):
    """`g` repeated along the axes of `a` that were reduced, and 0 where `a` was not read."""
    return np.broadcast_to(select(keep_axes(g, a, axis), where), a.shape)


HALF = np.dtype(np.float16)


def counting(g):
    """The dtype in which entries are counted for `g`: float16 ends at 65504."""
    return "float32" if g.dtype == HALF else g.dtype


def count(g, a, axis, where):
    """How many entries of `a` each reduced value came from, in a dtype that `over` takes or as a Python number."""
    if where is not None:
        return np.sum(np.broadcast_to(where, a.shape), axis=axis, keepdims=True, dtype=counting(g))
    return a.size if axis is None else math.prod(a.shape[i] for i in reduced_axes(a.ndim, axis))


def over(g, number):
    """`g / number`, for numbers of entries beyond the range of float16 too."""
    return (g.astype("float32") / number).astype(HALF) if g.dtype == HALF else g / number


def rows(a, axis):
    """`a` with its reduced axes as one, the last."""
    if axis is None:
        return np.reshape(a, (a.size,))
    axes = reduced_axes(a.ndim, axis)
    kept = tuple(i for i in range(a.ndim) if i not in axes)
    lengths = tuple(a.shape[i] for i in kept)
    return np.reshape(np.transpose(a, kept + axes), (*lengths, math.prod(a.shape[i] for i in axes)))


def from_rows(r, a, axis):
    """What `rows` made of an array like `a`, in the shape of `a`."""
    if axis is None:
        return r if r.shape == a.shape else np.reshape(r, a.shape)
    axes = reduced_axes(a.ndim, axis)
    order = (*(i for i in range(a.ndim) if i not in axes), *axes)
    return np.transpose(np.reshape(r, tuple(a.shape[i] for i in order)), tuple(order.index(i) for i in range(a.ndim)))


def lines(a, axis):
    """`a` with the axis along which it is accumulated last; all entries in one line if there is none."""
    if a.ndim == 1 or (a.ndim and axis in (-1, a.ndim - 1)):
        return a
    return np.reshape(a, (a.size,)) if axis is None or a.ndim < 2 else np.swapaxes(a, axis, -1)


def from_lines(r, a, axis):
    """What `lines` made of an array like `a`, in the shape of `a`."""
    if a.ndim == 1 or (a.ndim and axis in (-1, a.ndim - 1)):
        return r
    return np.reshape(r, a.shape) if axis is None or a.ndim < 2 else np.swapaxes(r, axis, -1)


def cut(a, axis, start, stop):
    """The entries from `start` to `stop` along one axis."""
    return a[(*(slice(None) for _ in range(axis % a.ndim)), slice(start, stop))]


def flip(a):
    """The last axis backwards."""
    return a[..., ::-1]


def shift(a):
    """Each entry one place later along the last axis; a zero comes first."""
    return np.concatenate([np.zeros_like(a[..., :1]), a[..., :-1]], -1)


# Sums and means

rule(
    np.sum,
    lambda g, _out, _a, axis=None, dtype=None, keepdims=False, initial=None, where=None: spread(g, _a, axis, where),
    cases=(*FORMS, case((), axis=0), *MASKED, *EMPTY, *STARTED),
)
rule(
    np.mean,
    lambda g, _out, _a, axis=None, dtype=None, keepdims=False, where=None: (
        spread(over(g, count(g, _a, axis, where)), _a, axis)
        if where is None
        else spread(over(keep_axes(g, _a, axis), count(g, _a, axis, where)), _a, None, where)
    ),
    cases=FORMS + MASKED,
)


@primitive
def check_total(total):
    """Refuse weights that add up to zero."""
    if np.any(np.equal(total, 0)):
        raise ZeroDivisionError("Weights sum to zero, can't be normalized")


constant(check_total)


def weights_of(a, weights, axis):
    """The weight of each entry: as given, or one for each place along the axes in the order in which they are named."""
    weights = np.reshape(weights, np.shape(weights))
    if weights.shape == a.shape:
        return weights
    require(axis is not None, "Axis must be specified when shapes of a and weights differ.", TypeError)
    axes = axes_of(axis, a.ndim)
    fits = weights.shape == tuple(a.shape[i] for i in axes)
    require(fits, "Shape of weights must be consistent with shape of a along specified axis.")
    weights = np.transpose(weights, tuple(axes.index(i) for i in sorted(axes)))
    return np.reshape(weights, tuple(n if i in axes else 1 for i, n in enumerate(a.shape)))


@composite(np.average)
def _average(a, axis=None, weights=None, returned=False, *, keepdims=False):
    a = np.reshape(a, np.shape(a))
    axis = None if axis is None else axes_of(axis, a.ndim)
    if weights is None:
        mean = np.mean(a, axis=axis, keepdims=keepdims)
        require(mean.size > 0, "there is nothing to average", ZeroDivisionError)
        return (mean, np.ones_like(mean) * (a.size // mean.size)) if returned else mean
    weights = weights_of(a, weights, axis)
    dtype = np.result_type(a.dtype, weights.dtype, *(() if kind_of(a.dtype) in "fc" else ("f8",)))
    total = np.sum(np.broadcast_to(weights, a.shape), axis=axis, dtype=dtype, keepdims=keepdims)
    check_total(total)
    mean = np.sum(np.multiply(a, weights, dtype=dtype), axis=axis, keepdims=keepdims) / total
    return (mean, np.broadcast_to(total, mean.shape)) if returned else mean


# Products, exact where factors are zero: nothing is divided by a factor.


def before(a):
    """The product of all earlier entries along the last axis."""
    return np.concatenate([np.ones_like(a[..., :1]), np.cumprod(a[..., :-1], axis=-1)], -1)


def after(a):
    """The product of all later entries along the last axis."""
    return flip(before(flip(a)))


@primitive
def later(a):
    """Each entry plus all later ones along the last axis."""
    if not isinstance(a, np.ndarray):
        return flip(np.cumsum(flip(a), axis=-1))
    out = np.empty_like(a)
    np.cumsum(flip(a), axis=-1, out=flip(out))
    return out


@primitive
def frozen(a):
    """The values of `a`, through which no derivative flows."""
    return a


constant(frozen)


@primitive
def others(a, weight, total=None):
    """The product of all other entries along the last axis, for each entry, times the weight of the row.

    That of all entries may be given where it is known.
    """
    if isinstance(a, np.ndarray):
        with np.errstate(all="ignore"):
            total = np.prod(a, axis=-1, keepdims=True) if total is None else total
        size = np.abs(total)
        if np.all(size >= np.finfo(a.dtype).tiny) and np.all(np.isfinite(size)):
            return (weight * total) / a  # no zero among them, and nothing lost: the quick way
    return before(a) * after(a) * weight


@primitive
def scan(x, v):
    """`s[j] = v[j] + x[j] * s[j - 1]` along the last axis, in a number of steps that grows with log2 of its length."""
    step = 1
    while step < v.shape[-1]:
        v = np.concatenate([v[..., :step], v[..., step:] + x[..., step:] * v[..., :-step]], -1)
        x = np.concatenate([x[..., :step], x[..., step:] * x[..., :-step]], -1)
        step *= 2
    return v


def scan_back(g, x):
    """`s[j] = g[j] + x[j + 1] * s[j + 1]`: the adjoint of `scan` in its second argument."""
    return flip(scan(shift(flip(x)), flip(g)))


def product(g, out, a, *, axis=None, dtype=None, keepdims=False, initial=None, where=None):
    """The product of the others, and of the initial value."""
    if a.dtype != g.dtype:
        a = a.astype(g.dtype)
    if where is not None:
        a = np.where(where, a, 1)
    if initial is not None:
        g = (g * initial).astype(g.dtype)
    x = rows(a, axis)
    weight = np.reshape(g, (*x.shape[:-1], 1))
    total = frozen(np.reshape(out, weight.shape)) if initial is None else None
    return select(from_rows(others(x, weight, total=total), a, axis), where)


def products_of_pairs(g, _out, a, weight, total=None):
    """For each entry the products of all but it and one other, with the other's cotangent."""
    g = g * weight
    left, right = before(a), after(a)
    return right * shift(scan(a, g * left)) + left * flip(shift(scan(flip(a), flip(g * right))))


def cumulative_product(g, _out, a, axis=None, dtype=None):
    """The product of the earlier entries times what the later ones make of it."""
    x, h = lines(a.astype(g.dtype), axis), lines(g, axis)
    return from_lines(before(x) * scan_back(h, x), a, axis)


rule(np.prod, product, cases=FORMS + MASKED + EMPTY + STARTED)
rule(
    others,
    products_of_pairs,
    lambda g, _out, a, _weight, total=None: np.sum(
        g * others(a, np.ones_like(g[..., :1]), total=total), axis=-1, keepdims=True
    ),
    cases=(case((4,), (1,)), case((2, 3), (2, 1)), case((2, 1), (2, 1))),
)
rule(
    scan,
    lambda g, out, x, _v: scan_back(g, x) * shift(out),
    lambda g, _out, x, _v: scan_back(g, x),
    cases=(case((5,), (5,)), case((2, 3), (2, 3)), case((1,), (1,)), case((0,), (0,))),
)
rule(np.cumprod, cumulative_product, cases=LINES)
rule(
    np.cumsum,
    lambda g, _out, _a, axis=None, dtype=None: from_lines(later(lines(g, axis)), _a, axis),
    cases=LINES,
)
rule(later, lambda g, _out, _a: np.cumsum(g, axis=-1), cases=(case((4,)), case((2, 3)), case((0,))))


def line_of(x, axis, include_initial):
    """The array, a number as one of one entry, and the axis, which may be left out where there is one alone."""
    x = np.atleast_1d(x)
    require(axis is not None or x.ndim == 1, "an array of more than one dimension needs `axis=`")
    require(not (include_initial and isinstance(axis, tuple)), "`axis` is a number, not a tuple", TypeError)
    axes = axes_of(0 if axis is None else axis, x.ndim)
    require(len(axes) == 1, "accumulate goes along one axis")
    return x, axes[0]


@composite(np.cumulative_sum)
def _cumulative_sum(x, /, *, axis=None, dtype=None, include_initial=False):
    x, axis = line_of(x, axis, include_initial)
    total = np.cumsum(x, axis=axis, dtype=dtype)
    first = np.zeros_like(line(total, axis), dtype=total.dtype)
    return np.concatenate([first, total], axis=axis) if include_initial else total


@composite(np.cumulative_prod)
def _cumulative_prod(x, /, *, axis=None, dtype=None, include_initial=False):
    x, axis = line_of(x, axis, include_initial)
    total = np.cumprod(x, axis=axis, dtype=dtype)
    first = np.ones_like(line(total, axis), dtype=total.dtype)
    return np.concatenate([first, total], axis=axis) if include_initial else total


def line(a, axis):
    """One entry along the axis, whose values do not matter."""
    return np.sum(a, axis=axis, keepdims=True)


# Extremes


def extremum(g, out, a, *, axis=None, keepdims=False, initial=None, where=None):
    """Each of the k entries that equal the extremum takes 1/k of the cotangent; the initial value counts as one."""
    top = keep_axes(out, a, axis)
    ties = np.equal(a, top) if where is None else np.logical_and(np.equal(a, top), where)
    equal = np.sum(ties, axis=axis, keepdims=True, dtype=counting(g))
    if initial is not None:
        equal = equal + np.equal(top, initial)
    return ties * over(keep_axes(g, a, axis), equal)


def gaps(a, axis=None, keepdims=False, initial=None, where=None):
    """Zero where two entries are equal."""
    return np.diff(np.sort(np.append(a, () if initial is None else initial)))


BOUNDED = (case((3, 4), initial=0.5), case((3, 4), axis=0, initial=-2, where=MASK), case((3, 4), initial=9.0))
BOUNDED += (case((2, 3, 4), axis=(0, -1), where=COLUMNS, initial=0.5),)
rule(np.max, extremum, kinks=gaps, cases=FORMS + BOUNDED, chooses=True)
rule(np.min, extremum, kinks=gaps, cases=FORMS + BOUNDED, chooses=True)
rule(np.nanmax, extremum, kinks=gaps, cases=FORMS + BOUNDED, chooses=True)
rule(np.nanmin, extremum, kinks=gaps, cases=FORMS + BOUNDED, chooses=True)


@composite(np.amax)
def _amax(a, axis=None, **options):
    return np.max(a, axis=axis, **options)


@composite(np.amin)
def _amin(a, axis=None, **options):
    return np.min(a, axis=axis, **options)


@composite(np.ptp)
def _ptp(a, axis=None, *, keepdims=False):
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


@primitive
def running_maximum(a, axis=0):
    """`np.maximum.accumulate`."""
    return np.maximum.accumulate(a, axis=axis)


@primitive
def running_minimum(a, axis=0):
    """`np.minimum.accumulate`."""
    return np.minimum.accumulate(a, axis=axis)


def running(g, out, a, axis=0):
    """As `extremum`, for each place and the entries up to it."""
    h, y = lines(g, axis), lines(out, axis)
    record = np.equal(lines(a, axis), y).astype(g.dtype)
    lasting = np.equal(y, np.concatenate([y[..., :1], y[..., :-1]], -1)).astype(g.dtype)
    return from_lines(record * scan_back(h / scan(lasting, record), lasting), a, axis)


RUNS = (case((6,)), case((3, 4)), case((3, 4), axis=-1))
rule(running_maximum, running, kinks=gaps, cases=RUNS, chooses=True)
rule(running_minimum, running, kinks=gaps, cases=RUNS, chooses=True)


@primitive
def log_sum_exp(a, axis=0, keepdims=False):
    """`np.logaddexp.reduce`."""
    return np.logaddexp.reduce(a, axis=axis, keepdims=keepdims)


def of_log_sum_exp(g, _out, a, axis=0, keepdims=False):
    """exp(a) / sum exp(a), relative to the largest entry; entries that equal an infinite one share the slope."""
    top = np.max(a, axis=axis, keepdims=True, initial=-np.inf)
    finite = np.isfinite(top)
    powers = np.exp(np.where(finite, a, 0) - np.where(finite, top, 0))
    powers = np.where(finite, powers, np.equal(a, top).astype(g.dtype))
    return powers * over(keep_axes(g, a, axis), np.sum(powers, axis=axis, keepdims=True, dtype=counting(g)))


rule(
    log_sum_exp,
    of_log_sum_exp,
    cases=(
        case((3, 4)),
        case((5,)),
        case((3, 4), axis=None),
        case((3, 4), axis=-1, keepdims=True),
        case((2, 3, 4), axis=(0, 2)),
    ),
)


# The spread of values


def conjugate(d):
    """The conjugate, which is no work for real numbers."""
    return np.conjugate(d) if np.iscomplexobj(d) else d


def centred(a, mean, where):
    """`a - mean`, 0 where `a` is not read."""
    return select(a - mean, where)


def mean_of(a, axis, where):
    """The mean of what is read, its axes kept."""
    if where is None:
        return np.mean(a, axis=axis, keepdims=True)
    return over(np.sum(np.where(where, a, 0), axis=axis, keepdims=True), count(a, a, axis, where))


def parts_read(a, dtype):
    """A mean as it is held in a dtype; one of real numbers keeps the real part."""
    return np.real(a) if dtype is not None and np.iscomplexobj(a) and kind_of(dtype) != "c" else a


@primitive
def variance(a, *, axis=None, dtype=None, ddof=0, keepdims=False, where=None):
    """`np.var` about the mean of `a` itself."""
    options = {} if where is None else {"where": where}
    return np.var(a, axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims, **options)


@primitive
def deviation(a, *, axis=None, dtype=None, ddof=0, keepdims=False, where=None):
    """`np.std` about the mean of `a` itself."""
    options = {} if where is None else {"where": where}
    return np.std(a, axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims, **options)


def of_variance(g, _out, a, *, axis=None, dtype=None, ddof=0, keepdims=False, where=None):
    """2 (a - mean) / (n - ddof), whatever dtype holds the variance, which is a real number."""
    d = centred(a, parts_read(mean_of(a, axis, where), dtype), where)
    g = np.real(g) if np.iscomplexobj(g) else g
    return conjugate(d) * over(keep_axes(g, a, axis) * 2, count(g, a, axis, where) - ddof)


def of_deviation(g, out, a, *, axis=None, dtype=None, ddof=0, keepdims=False, where=None):
    """(a - mean) / ((n - ddof) std), 0 where std is 0."""
    d = centred(a, parts_read(mean_of(a, axis, where), dtype), where)
    # Centred again, as the first mean is rounded: of a constant array, d is that rounding and no larger than std.
    d = centred(d, parts_read(mean_of(d, axis, where), dtype), where)
    g, out = (np.real(y) if np.iscomplexobj(y) else y for y in (g, out))
    top = keep_axes(out, a, axis)
    slope = np.where(np.equal(top, 0), 0, 1 / np.where(np.equal(top, 0), 1, top))
    return conjugate(d) * over(keep_axes(g, a, axis) * slope, count(g, a, axis, where) - ddof)


SPREADS = (
    case((3, 4)),
    case((3, 4), axis=0, ddof=1),
    case((3, 4), axis=-1, keepdims=True, ddof=0.5),
    case((2, 3, 4), axis=(0, -1)),
    case((3, 4), where=MASK),
    case((3, 4), axis=1, where=MASK, ddof=1, keepdims=True),
)
rule(variance, of_variance, cases=(*SPREADS, case(()), case((2, 3, 4), axis=())), pole=True)
rule(deviation, of_deviation, cases=SPREADS, pole=True)


def about(a, mean, *, axis, dtype, ddof, keepdims, where):
    """The mean square of `a - mean`, for a mean that is an argument of its own."""
    d = centred(a if dtype is None else a.astype(dtype), mean, where)
    squares = np.square(np.real(d)) + np.square(np.imag(d)) if np.iscomplexobj(d) else np.square(d)
    total = np.sum(over(squares, count(squares, a, axis, where) - ddof), axis=axis, keepdims=keepdims)
    return total if dtype is None else total.astype(dtype)


def degrees(ddof, correction):
    """The degrees of freedom that are taken off, by either of their names."""
    require(correction is None or ddof == 0, "ddof and correction can't be provided simultaneously.")
    return ddof if correction is None else correction


@composite(np.var)
def _var(a, axis=None, dtype=None, *, ddof=0, keepdims=False, where=None, mean=None, correction=None):
    ddof = degrees(ddof, correction)
    if mean is None:
        return variance(a, axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims, where=where)
    return about(a, mean, axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims, where=where)


@composite(np.std)
def _std(a, axis=None, dtype=None, *, ddof=0, keepdims=False, where=None, mean=None, correction=None):
    ddof = degrees(ddof, correction)
    if mean is None:
        return deviation(a, axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims, where=where)
    square = about(a, mean, axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims, where=where)
    zero = np.equal(square, 0)
    return np.where(zero, 0, np.sqrt(np.where(zero, 1, square)))


# Differences


@primitive
def undiff(g, axis=-1):
    """The transpose of `np.diff`: each entry is subtracted from its place and added to the next."""
    if not isinstance(g, np.ndarray):
        return np.concatenate(
            [-cut(g, axis, None, 1), cut(g, axis, None, -1) - cut(g, axis, 1, None), cut(g, axis, -1, None)], axis=axis
        )
    out = np.empty_like(g, shape=tuple(n + (i == axis % g.ndim) for i, n in enumerate(g.shape)))
    np.subtract(cut(g, axis, None, -1), cut(g, axis, 1, None), out=cut(out, axis, 1, -1))
    # 0 - x, as np.negative writes wrong float32 values into some strided arrays (NumPy 2.4.6, AVX-512)
    np.subtract(0, cut(g, axis, None, 1), out=cut(out, axis, None, 1))
    cut(out, axis, -1, None)[...] = cut(g, axis, -1, None)
    return out


def differences(g, _out, _a, n=1, axis=-1):
    """The transpose of `diff`, as often as it was applied."""
    if not n:
        return g
    if _a.shape[axis] <= n:
        return np.broadcast_to(np.sum(g), _a.shape)
    for _ in range(n):
        g = undiff(g, axis)
    return g


plain_diff = binder(np.diff, 1, variadic=False)


def join(args, kwargs):
    """Put what comes in front and behind into the one operand of `diff`."""
    (a,), options = plain_diff(args, kwargs)
    axis = options.get("axis", -1)
    ends = [options.pop(name, None) for name in ("prepend", "append")]
    if any(end is not None for end in ends) and options.get("n", 1):
        line = tuple(1 if i == axis % a.ndim else n for i, n in enumerate(a.shape))
        front, behind = (
            [] if end is None else [np.broadcast_to(end, line) if np.ndim(end) == 0 else end] for end in ends
        )
        a = np.concatenate([*front, a, *behind], axis=axis)
    return (a,), options


rule(
    np.diff,
    differences,
    bind=join,
    cases=(case((5,)), case((4, 3), axis=0), case((2, 5), n=3), case((3, 2), n=0), case((2, 3), n=3), case((2, 1))),
)


rule(
    undiff,
    lambda g, _out, _g, axis=-1: np.diff(g, axis=axis),
    cases=(case((4,)), case((1,)), case((3, 4)), case((3, 2), axis=0)),
)


@composite(np.ediff1d)
def _ediff1d(ary, to_end=None, to_begin=None):
    steps = np.diff(np.reshape(ary, (-1,)))
    ends = [() if end is None else (np.ravel(end),) for end in (to_begin, to_end)]
    dtype = np.result_type(ary)
    for end in (*ends[0], *ends[1]):
        require(np.can_cast(end.dtype, dtype, "same_kind"), "np.ediff1d casts its ends to the dtype of ary", TypeError)
    return np.concatenate([*ends[0], steps, *ends[1]], dtype=dtype)


@composite(np.trapezoid)
def _trapezoid(y, x=None, dx=1.0, axis=-1):
    axis_of(axis, np.ndim(y))
    width = dx
    if x is not None:
        width = np.diff(x, axis=axis) if np.ndim(x) > 1 else on_axis(np.diff(x), np.ndim(y), axis)
    return np.sum(width * (cut(y, axis, 1, None) + cut(y, axis, None, -1)) / 2.0, axis=axis)


def on_axis(x, ndim, axis):
    """A vector along one of `ndim` axes."""
    return np.reshape(x, tuple(-1 if i == axis % ndim else 1 for i in range(ndim)))


@primitive
def slopes(f, axis=-1, edge_order=1):
    """`np.gradient` along one axis, for entries at distance 1."""
    return np.gradient(f, axis=axis, edge_order=edge_order)


def of_slopes(g, _out, _f, axis=-1, edge_order=1):
    """Each difference of neighbours is half of two slopes, and all of one at an end."""
    first, last = cut(g, axis, None, 1), cut(g, axis, -1, None)
    ends = 2 if edge_order == 1 else 3
    g = np.concatenate([ends * first, cut(g, axis, 1, -1), ends * last], axis=axis)
    steps = (cut(g, axis, 1, None) + cut(g, axis, None, -1)) / 2
    if edge_order == 2:
        none, rest = np.zeros_like(first), np.zeros_like(cut(g, axis, 3, None))
        steps = steps - np.concatenate([none, first, rest], axis=axis) / 2
        steps = steps - np.concatenate([rest, last, none], axis=axis) / 2
    return differences(steps, None, _f, 1, axis)


rule(
    slopes,
    of_slopes,
    cases=(
        case((2,)),
        case((3,)),
        case((5,)),
        case((4, 3), axis=0),
        case((3,), edge_order=2),
        case((4,), edge_order=2),
        case((2, 6), edge_order=2),
    ),
)


def uneven_slopes(f, x, axis, edge_order):
    """`np.gradient` along one axis, for entries at the places `x`."""
    require(x.ndim == 1 and x.shape[0] == f.shape[axis], "np.gradient needs as many coordinates as entries")
    require(x.shape[0] > 1, "np.gradient needs at least two coordinates", IndexError)
    require(x.shape[0] > edge_order, "np.gradient needs at least (edge_order + 1) entries along each axis")
    h = on_axis(np.diff(x), f.ndim, axis)
    s = np.diff(f, axis=axis) / h
    left, right = cut(h, axis, None, -1), cut(h, axis, 1, None)
    before_, after_ = cut(s, axis, None, -1), cut(s, axis, 1, None)
    total = left + right
    middle = (right * before_ + left * after_) / total
    if edge_order == 1:
        return np.concatenate([cut(s, axis, None, 1), middle, cut(s, axis, -1, None)], axis=axis)
    first = before_ + left / total * (before_ - after_)
    last = after_ + right / total * (after_ - before_)
    return np.concatenate([cut(first, axis, None, 1), middle, cut(last, axis, -1, None)], axis=axis)


def slopes_at(f, h, axis, edge_order):
    """The slopes at distance `h`, or 1, or at the coordinates `h`."""
    if h is not None and np.ndim(h):
        return uneven_slopes(f, h, axis, edge_order)
    even = slopes(f, axis=axis, edge_order=edge_order)
    return even if h is None else even / h


@composite(np.gradient)
def _gradient(f, *varargs, axis=None, edge_order=1):
    f = np.reshape(f, np.shape(f))
    require(kind_of(f.dtype) != "b", "np.gradient subtracts, which booleans are not made for", TypeError)
    axes = axes_of(axis, f.ndim)
    several = len(varargs) == len(axes) or (len(varargs) == 1 and np.ndim(varargs[0]) > 0)
    spacings = varargs if several else (varargs or (None,)) * len(axes)
    require(len(spacings) == len(axes), "np.gradient needs one spacing for all axes, or one for each", TypeError)
    require(edge_order in (1, 2), "np.gradient knows edge_order 1 and 2")
    found = tuple(slopes_at(f, h, i, edge_order) for h, i in zip(spacings, axes, strict=True))
    found = tuple(slope.astype(f.dtype) if kind_of(f.dtype) in "fc" else slope for slope in found)
    return found[0] if len(found) == 1 else found


@primitive
def on_diagonal(g, shape, offset, axis1, axis2):
    """Zeros of a shape, with one number for each matrix on all of a diagonal."""
    axes = axis1 % len(shape), axis2 % len(shape)
    others = [length for axis, length in enumerate(shape) if axis not in axes]
    total = np.zeros_like(g, shape=(*others, *(shape[axis] for axis in axes)))
    place = np.arange(np.diagonal(total, offset, -2, -1).shape[-1])
    total[..., place + max(-offset, 0), place + max(offset, 0)] = np.expand_dims(g, -1)
    return np.moveaxis(total, (-2, -1), axes)


rule(
    np.trace,
    lambda g, _out, _a, *, offset=0, axis1=0, axis2=1, dtype=None: on_diagonal(g, _a.shape, offset, axis1, axis2),
    cases=(case((3, 3)), case((2, 4), offset=1), case((2, 3, 4), offset=-1, axis1=-1, axis2=0), case((2, 2), offset=5)),
)
rule(
    on_diagonal,
    lambda g, _out, _g, shape, offset, axis1, axis2: np.trace(g, offset, axis1, axis2),
    cases=(
        case((), shape=(2, 3), offset=0, axis1=0, axis2=1),
        case((3,), shape=(2, 3, 4), offset=-1, axis1=-1, axis2=0),
    ),
)
