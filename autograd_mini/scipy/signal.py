"""`scipy.signal` for tensors: convolution, whose derivative is a convolution."""

import numpy as np
import scipy.signal

from autograd_mini.batching import Batch, batching_rule, is_batched
from autograd_mini.batching.operands import of_some, one_or_all
from autograd_mini.domains import case
from autograd_mini.primitive import primitive, rule

__all__ = ["convolve"]


@primitive
def full_convolve(in1, in2, method="auto"):
    """`scipy.signal.convolve(in1, in2)`."""
    return scipy.signal.convolve(in1, in2, method=method)


@batching_rule(full_convolve)
@of_some
def _(level, in1, in2, method="auto"):
    if is_batched(in1, level) and is_batched(in2, level):
        return NotImplemented
    return Batch(full_convolve(one_or_all(in1, level), one_or_all(in2, level), method=method), level)


def mirrored(a):
    """`a` read backwards along every axis."""
    return a[(slice(None, None, -1),) * a.ndim]


def pulled(g, _a, b, method):
    """The cotangent of `_a`: g convolved with b mirrored, where they overlap in full."""
    inside = tuple(slice(m - 1, m - 1 + n) for n, m in zip(_a.shape, b.shape, strict=True))
    return full_convolve(g, mirrored(b), method=method)[inside]


rule(
    full_convolve,
    lambda g, _out, _in1, in2, method="auto": pulled(g, _in1, in2, method),
    lambda g, _out, in1, _in2, method="auto": pulled(g, _in2, in1, method),
    cases=(
        case((5,), (3,)),
        case((2,), (4,), method="direct"),
        case((4, 3), (2, 2), method="fft"),
        case((2, 3, 1), (1, 2, 2)),
        case((), ()),
    ),
    linear=True,
)


def convolve(in1, in2, mode="full", method="auto"):
    r"""`scipy.signal.convolve`: a sum over all shifts, for arrays of any number of axes, differentiable in both.

    .. math::
        (a * b)_n = \sum_k a_k b_{n-k}

    Parameters
    ----------
    in1, in2 : array_like or Tensor
        Of equally many axes.
    mode : {"full", "same", "valid"}
        All shifts, as many as `in1` is long, or those where one holds the other.
    method : {"auto", "direct", "fft"}
        How it is computed.

    Returns
    -------
    ndarray or Tensor
        Of as many axes; with "full" each is as long as both together less 1. float32 stays float32.

    Raises
    ------
    ValueError
        If the mode is unknown, the numbers of axes differ, or no array holds the other with "valid".

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.scipy import signal
    >>> signal.convolve(np.array([1.0, 2.0, 3.0]), np.array([1.0, -1.0]), method="direct")
    array([ 1.,  1.,  1., -3.])
    """
    if mode not in {"full", "same", "valid"}:
        raise ValueError(f"convolve was given mode={mode!r}. Write 'full', 'same' or 'valid'.")
    a, b = np.shape(in1), np.shape(in2)
    if len(a) != len(b):
        raise ValueError(f"convolve was given arrays of {len(a)} and {len(b)} axes. Give them equally many.")
    out = full_convolve(in1, in2, method=method)
    if mode == "full":
        return out
    if mode == "same":
        return out[tuple(slice((m - 1) // 2, (m - 1) // 2 + n) for n, m in zip(a, b, strict=True))]
    pairs = list(zip(a, b, strict=True))
    if not (all(n >= m for n, m in pairs) or all(n <= m for n, m in pairs)):
        raise ValueError(f"convolve was given shapes {a} and {b} with mode='valid', where neither holds the other.")
    return out[tuple(slice(min(pair) - 1, max(pair)) for pair in pairs)]
