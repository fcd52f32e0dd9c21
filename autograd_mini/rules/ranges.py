"""Derivatives of ranges between two values: each entry is made of the two ends, by shares that do not change."""

import numpy as np

from autograd_mini.devices import beside
from autograd_mini.domains import POSITIVE, case
from autograd_mini.primitive import composite, constant, primitive, rule


@primitive
def share(g, num, endpoint, *ends):
    """The share of `start` in each entry of a range, for the ends 1 and 0, or that of `stop`, for 0 and 1."""
    return beside(np.linspace(*ends, num, endpoint=endpoint, dtype=g.dtype), g)


constant(share)


def gathered(parts, g, axis):
    """The sum along the range of the cotangents, each by its share."""
    return np.matmul(parts, g) if g.ndim == 1 else np.tensordot(parts, g, ((0,), (axis,)))


# Even steps


@primitive
def even(start, stop, *, num=50, endpoint=True, dtype=None, axis=0):
    """`np.linspace` without its step."""
    return np.linspace(start, stop, num, endpoint=endpoint, dtype=dtype, axis=axis)


rule(
    even,
    lambda g, _out, _start, _stop, *, num=50, endpoint=True, dtype=None, axis=0: gathered(
        share(g, num, endpoint, 1, 0), g, axis
    ),
    lambda g, _out, _start, _stop, *, num=50, endpoint=True, dtype=None, axis=0: gathered(
        share(g, num, endpoint, 0, 1), g, axis
    ),
    broadcasts=True,
    cases=(
        case((), (), num=5),
        case((), (), num=5, endpoint=False),
        case((), (), num=1),
        case((), (), num=1, endpoint=False),
        case((), (), num=0),
        case((2, 3), (3,), num=4),
        case((2, 1), (3,), num=4, axis=-1),
        case((), (2, 3), num=3, axis=1, endpoint=False),
        case((2,), (2,), num=1, axis=1),
        case((2,), (), num=0, axis=1),
    ),
)


@primitive
def step(start, stop, *, last):
    """The step that `np.linspace` tells, of a range whose last entry is that number."""
    return np.linspace(start, stop, last + 1, retstep=True)[1]


rule(
    step,
    lambda g, _out, _start, _stop, *, last: -g / last,
    lambda g, _out, _start, _stop, *, last: g / last,
    broadcasts=True,
    cases=(case((), (), last=4), case((2, 3), (3,), last=3), case((2,), (2,), last=1)),
)


@composite(np.linspace)
def _linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0, *, device=None):  # noqa: PLR0917
    on_cpu(device)
    values = even(start, stop, num=num, endpoint=endpoint, dtype=dtype, axis=axis)
    last = num - 1 if endpoint else num
    return (values, step(start, stop, last=last) if last > 0 else np.nan) if retstep else values


@primitive
def on_cpu(device):
    """Refuse every device that NumPy refuses."""
    np.empty(0, device=device)


constant(on_cpu)

# Even steps of the exponent, even factors


@composite(np.logspace)
def _logspace(start, stop, num=50, endpoint=True, base=10.0, dtype=None, axis=0):  # noqa: PLR0917
    if np.ndim(base):
        ndim = max(np.ndim(start), np.ndim(stop), np.ndim(base))
        start, stop, base = (with_axes(end, ndim) for end in (start, stop, base))
        base = np.expand_dims(base, axis)
    values = np.power(base, np.linspace(start, stop, num, endpoint, axis=axis))
    return values if dtype is None else values.astype(dtype)


def with_axes(a, ndim):
    """An array with axes put in front until it has `ndim` of them."""
    return np.reshape(a, (1,) * (ndim - np.ndim(a)) + np.shape(a))


@primitive
def geometric(start, stop, *, num=50, endpoint=True, dtype=None, axis=0):
    """`np.geomspace` in a dtype, by default that of the ends."""
    dtype = np.result_type(start, stop) if dtype is None else dtype
    return np.geomspace(start, stop, num, endpoint=endpoint, dtype=dtype, axis=axis)


rule(
    geometric,
    lambda g, out, start, _stop, *, num=50, endpoint=True, dtype=None, axis=0: (
        gathered(share(g, num, endpoint, 1, 0), g * out, axis) / start
    ),
    lambda g, out, _start, stop, *, num=50, endpoint=True, dtype=None, axis=0: (
        gathered(share(g, num, endpoint, 0, 1), g * out, axis) / stop
    ),
    broadcasts=True,
    domain=POSITIVE,
    cases=(
        case((), (), num=5),
        case((), (), num=5, endpoint=False),
        case((), (), num=1),
        case((2,), (), num=0),
        case((2, 3), (3,), num=4),
        case((2, 1), (3,), num=4, axis=-1, endpoint=False),
    ),
)


@primitive
def geometric_dtype(start, stop, dtype):
    """The dtype in which `np.geomspace` computes."""
    return np.result_type(np.asarray(start), np.asarray(stop), 1.0, np.zeros((), dtype))


constant(geometric_dtype)


@composite(np.geomspace)
def _geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):  # noqa: PLR0917
    inner = geometric_dtype(start, stop, dtype)
    values = geometric(start, stop, num=num, endpoint=endpoint, dtype=inner, axis=axis)
    return values if dtype is None else values.astype(dtype)
