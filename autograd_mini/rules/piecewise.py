"""Derivatives of functions made of pieces: roundings, remainders, signs, and those that choose by value.

At a kink: equal arguments share the slope, |x| has slope 0 at 0, and at a jump the slope is that beside it.
"""

import numpy as np

from autograd_mini.arrays import is_numpys
from autograd_mini.domains import REAL, UNARY, Interval, case
from autograd_mini.primitive import composite, primitive, primitives, rule
from autograd_mini.rules.complex import COMPLEX
from autograd_mini.rules.refusals import kind_of, numpys, require

DOUBLE = np.float64(1)  # times this, a number has at least double precision


def from_whole(a):
    """Zero where `a` is a whole number."""
    return np.sin(np.pi * a)


def from_multiple(a, b):
    """Zero where `a` is a multiple of `b`, and small near there, as a step in `b` is many in `a / b`."""
    return np.sin(np.pi * a / b) / 10


@primitive
def zeros(g):
    """Zeros like `g`, which for an array cost nothing until they are read."""
    return np.zeros(g.shape, g.dtype) if is_numpys(g) else np.zeros_like(g)


rule(zeros, lambda g, _out, _g: zeros(g), cases=UNARY, chooses=True)

# Roundings
rule(np.floor, lambda g, _out, _a: zeros(g), kinks=from_whole, chooses=True)
rule(np.ceil, lambda g, _out, _a: zeros(g), kinks=from_whole, chooses=True)
rule(np.trunc, lambda g, _out, _a: zeros(g), kinks=from_whole, chooses=True)
rule(np.rint, lambda g, _out, _a: zeros(g), kinks=lambda a: np.cos(np.pi * a), chooses=True)
rule(
    np.round,
    lambda g, _out, _a, decimals=0: zeros(g),
    kinks=lambda a, decimals=0: np.cos(np.pi * a * 10**decimals),
    cases=(*UNARY, case((3,), decimals=1)),
    chooses=True,
)


@composite(np.around)
def _around(a, decimals=0):
    return np.round(a, decimals)


@composite(np.fix)
def _fix(x):
    return np.trunc(x)


# Remainders: the quotient is a whole number up to rounding.
rule(
    np.remainder,
    lambda g, _out, _a, _b: g,
    lambda g, out, a, b: -g * np.rint((a - out) / b),
    domain=(REAL, Interval(1.0)),
    kinks=from_multiple,
)
rule(
    np.fmod,
    lambda g, _out, _a, _b: g,
    lambda g, out, a, b: -g * np.rint((a - out) / b),
    domain=(REAL, Interval(1.0)),
    kinks=from_multiple,
)
rule(
    np.floor_divide,
    lambda g, _out, _a, _b: zeros(g),
    lambda g, _out, _a, _b: zeros(g),
    domain=(REAL, Interval(1.0)),
    kinks=from_multiple,
    chooses=True,
)


@composite(np.divmod)
def _divmod(x1, x2):
    return np.floor_divide(x1, x2), np.remainder(x1, x2)


rule(np.modf, lambda g, _out, _a: g[0], kinks=from_whole, cases=UNARY)


# Signs; `np.sign` and `np.absolute` are among the functions of complex numbers
rule(np.fabs, lambda g, _out, a: g * np.sign(a), kinks=lambda a: a)
rule(
    np.copysign,
    lambda g, _out, a, b: g * (np.sign(a) * np.copysign(1, b).astype(g.dtype)),
    lambda g, _out, _a, _b: zeros(g),
    kinks=lambda a, b: a * b,
)
rule(
    np.heaviside,
    lambda g, _out, _a, _b: zeros(g),
    lambda g, _out, a, _b: np.where(a == 0, g, 0),
    kinks=lambda a, b: a,
    chooses=True,
)

# The larger and the smaller
BITS = {"e": np.int16, "f": np.int32, "d": np.int64}  # integers as wide as the floating-point numbers


def kept(values, mask):
    """`np.where(mask, values, 0)`, which branches at each entry, so that a mask without pattern costs ten times more.

    For many entries the bits of the values, read as integers, are multiplied by 0 or 1 instead.
    """
    if (
        is_numpys(values)
        and is_numpys(mask)
        and values.size >= 500
        and values.dtype.char in BITS
        and mask.dtype == bool
    ):
        return np.multiply(mask, values.view(BITS[values.dtype.char])).view(values.dtype)
    return np.where(mask, values, 0)


@primitive
def passed(g, mask, ties):
    """`g` where the mask holds, half of it at ties, else 0: also beside an infinite `g`, unlike a product."""
    if ties is not False:
        g = np.where(ties, g / 2, g) if not is_numpys(g) or np.any(ties) else g
    return kept(g, mask)


rule(
    passed,
    lambda g, _out, _a, mask, ties: passed(g, mask, ties),
    None,
    None,
    broadcasts=True,
    cases=(case((2, 3), (2, 3), (2, 3)), case((600,), (600,), (600,)), case((), (), ()), case((0,), (), (0,))),
    chooses=True,
)
rule(
    np.maximum,
    lambda g, _out, a, b: passed(g, a >= b, a == b),
    lambda g, _out, a, b: passed(g, b >= a, a == b),
    kinks=lambda a, b: a - b,
    chooses=True,
)
rule(
    np.minimum,
    lambda g, _out, a, b: passed(g, a <= b, a == b),
    lambda g, _out, a, b: passed(g, b <= a, a == b),
    kinks=lambda a, b: a - b,
    chooses=True,
)
rule(  # beside NaN, the other argument is the result
    np.fmax,
    lambda g, out, a, b: passed(g, a == out, a == b),
    lambda g, out, a, b: passed(g, b == out, a == b),
    kinks=lambda a, b: a - b,
    chooses=True,
)
rule(
    np.fmin,
    lambda g, out, a, b: passed(g, a == out, a == b),
    lambda g, out, a, b: passed(g, b == out, a == b),
    kinks=lambda a, b: a - b,
    chooses=True,
)


@primitive
def clamp(a, low, high):
    """`np.clip` with both ends: min(max(a, low), high), which its derivative follows."""
    return np.clip(a, low, high)


@primitive
def clamp_left(g, a, low, high):
    """The cotangent of `a` in `clamp`: `g` inside, half of it at an end, 0 outside; in few arrays if none is there."""
    if is_numpys(a) and a.ndim and np.ndim(low) == np.ndim(high) == 0:
        mask = a > low
        mask &= a < high
        in_order = g.flags.c_contiguous and mask.flags.c_contiguous and g.shape == mask.shape
        if in_order and mask.all():
            return g.copy()
        if not np.any(a == low) and not np.any(a == high):
            return passed(g, mask, False)
    return passed(g, (a >= low) & (a <= high), (a == low) | (a == high))


def clamp_low(g, _out, a, low, high):
    return passed(passed(g, low <= high, low == high), a <= low, a == low)


def clamp_high(g, _out, a, low, high):
    larger = np.maximum(a, low)
    return passed(g, larger >= high, larger == high)


rule(
    clamp_left,
    lambda g, _out, _a, b, c, d: clamp_left(g, b, c, d),
    None,
    None,
    None,
    broadcasts=True,
    cases=(case((2, 3), (2, 3), (), ()), case((600,), (600,), (), ()), case((), (), (), ()), case((0,), (), (), (0,))),
    chooses=True,
)
rule(
    clamp,
    lambda g, _out, a, low, high: clamp_left(g, a, low, high),
    clamp_low,
    clamp_high,
    broadcasts=True,
    domain=(REAL, Interval(-1.0, 0.0), Interval(0.0, 1.0)),
    kinks=lambda a, low, high: (a - low) * (a - high),
    chooses=True,
)


@composite(np.clip)
def _clip(a, a_min=None, a_max=None, *, min=None, max=None):
    low = a_min if min is None else min
    high = a_max if max is None else max
    if low is None:
        return a if high is None else np.minimum(a, high)
    return np.maximum(a, low) if high is None else clamp(a, low, high)


# Choices
rule(
    np.where,
    None,
    lambda g, _out, condition, _a, _b: passed(g, np.logical_not(np.logical_not(condition)), False),
    lambda g, _out, condition, _a, _b: passed(g, np.logical_not(condition), False),
    broadcasts=True,
    kinks=lambda condition, a, b: condition,
    chooses=True,
)


def where(condition, *choices):
    """What computes `np.where`: the same values, faster beside a plain 0."""
    if len(choices) != 2:
        return np.where(condition, *choices)
    a, b = choices
    if type(b) is int and b == 0:
        return kept(a, condition)
    if type(a) is int and a == 0 and is_numpys(condition) and condition.dtype == bool:
        return kept(b, ~condition)
    return np.where(condition, a, b)


primitives[np.where].function = where


@composite(np.select)
def _select(condlist, choicelist, default=0):
    require(len(condlist) == len(choicelist) > 0, "np.select takes a choice for each condition, one at least")
    require(
        {kind_of(np.result_type(c)) for c in condlist} == {"b"},
        "np.select takes conditions of booleans",
        TypeError,
    )
    result = default
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        result = np.where(condition, choice, result)
    dtype = np.result_type(*choicelist, default)  # a choice of booleans and a number make none of double precision
    return result if result.dtype == dtype else result.astype(dtype)


@primitive
def choose(choices, index):
    """`np.choose(index, choices)`."""
    return np.choose(index, choices)


rule(
    choose,
    lambda position, g, _out, *_choices, index: passed(g, np.equal(index, position), False),
    variadic=True,
    broadcasts=True,
    cases=(
        case((3,), (3,), index=np.array([1, 0, 1])),
        case((3,), (), (2, 1), index=np.array([[2, 0, 1], [1, 1, 0]])),
        case((), (), index=1),
    ),
    chooses=True,
)


@composite(np.choose)
def _choose(a, choices, mode="raise"):
    choices = list(choices)
    numpys(np.choose, 0, [0], mode=mode)  # refuses an unknown mode
    if mode == "wrap":
        a = np.remainder(a, len(choices))
    elif mode == "clip":
        a = np.clip(a, 0, len(choices) - 1)
    return choose(choices, index=a)


@composite(np.piecewise)
def _piecewise(x, condlist, funclist, *args, **kw):
    flat = np.reshape(x, (-1,))
    single = not isinstance(condlist, list | tuple) and np.ndim(condlist) == 0
    single = single or (np.ndim(condlist[0]) == 0 and np.ndim(x) > 0)
    conditions = [condlist] if single else list(condlist)
    functions = list(funclist)
    require(len(functions) - len(conditions) in (0, 1), "np.piecewise takes a function for each condition, or one more")
    shape = np.shape(x)
    fits = False not in [np.shape(mask) == shape[: np.ndim(mask)] for mask in conditions]
    require(fits, "np.piecewise takes conditions of the shape of x", IndexError)
    masks = [
        np.reshape(
            np.broadcast_to(np.reshape(mask, np.shape(mask) + (1,) * (len(shape) - np.ndim(mask))), shape), (-1,)
        )
        for mask in conditions
    ]
    if len(functions) == len(masks):
        functions = [*functions, 0]  # where no condition holds
    # The last condition that holds counts; the function without one is for what is left in the end.
    rest = np.equal(np.zeros_like(flat), 0)
    places, pieces = [np.flatnonzero([])], [flat[:0]]
    for mask, function in [*reversed(list(zip(masks, functions[:-1], strict=True))), (rest, functions[-1])]:
        place = np.flatnonzero(np.logical_and(mask, rest))
        rest = np.logical_and(rest, np.logical_not(mask))
        if place.size:
            part = flat[place]
            value = function(part, *args, **kw) if callable(function) else function
            places, pieces = [*places, place], [*pieces, np.full_like(part, value)]
    return np.reshape(np.concatenate(pieces)[np.argsort(np.concatenate(places))], np.shape(x))


# Numbers that are no numbers
def ignoring_copy(args, kwargs):
    """The operand and options of a call of `np.nan_to_num`, which never changes a tensor."""
    options = {**dict(zip(("x", "copy", "nan", "posinf", "neginf"), args, strict=False)), **kwargs}
    options.pop("copy", None)
    return (options.pop("x"),), options


def where_finite(g, a):
    return np.where(np.isfinite(a), g, 0)


def finite(g, _out, a, nan=0.0, posinf=None, neginf=None):
    """The cotangent where the number is passed on, for real and imaginary parts by themselves."""
    if a.dtype not in COMPLEX:
        return where_finite(g, a)
    return where_finite(np.real(g), np.real(a)) + 1j * where_finite(np.imag(g), np.imag(a))


rule(np.nan_to_num, finite, bind=ignoring_copy, cases=(*UNARY, case((3,), nan=1.0)), chooses=True)


# Interpolation: at a knot the slope is that on its right, at the last one that on its left, outside it is 0.
@composite(np.interp)
def _interp(x, xp, fp, left=None, right=None, period=None):  # noqa: PLR0917 (as NumPy has it)
    x, xp, fp = np.multiply(x, DOUBLE), np.multiply(xp, DOUBLE), np.multiply(fp, DOUBLE)
    if period is not None:
        x, xp = np.real(x), np.real(xp)
        left = right = None
    real = fp.dtype in COMPLEX or not (np.iscomplexobj(left) or np.iscomplexobj(right))
    require(real, "np.interp continues real values by real ones", TypeError)
    require(x.dtype not in COMPLEX and xp.dtype not in COMPLEX, "np.interp interpolates at real places", TypeError)
    require(xp.ndim == 1 and fp.ndim == 1, "np.interp takes its points as two vectors")
    require(xp.shape == fp.shape and xp.size > 0, "np.interp takes as many values as places, one at least")
    require(period is None or period != 0, "period must be a non-zero value")
    if period is not None:
        period, left, right = np.absolute(period), None, None
        x, xp = np.remainder(x, period), np.remainder(xp, period)
        order = np.argsort(xp)
        xp, fp = xp[order], fp[order]
        xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = np.concatenate([fp[-1:], fp, fp[:1]])
    last = xp.shape[0] - 1
    before, after = np.less(x, xp[0]), np.greater(x, xp[-1])
    i = np.clip(np.searchsorted(xp, x, side="right") - 1, 0, max(last - 1, 0))
    inside = fp[i]
    if last:
        step = np.where(np.logical_or(before, after), 0, x - xp[i])  # an infinite one would do harm
        inside = inside + (fp[i + 1] - fp[i]) / (xp[i + 1] - xp[i]) * step
    result = np.where(before, fp[0] if left is None else left, inside)
    return np.where(after, fp[-1] if right is None else right, result)
