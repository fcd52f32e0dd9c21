"""Derivatives of sums of exponentials, which are no universal functions: `logsumexp`, `softmax`, `log_softmax`."""

import numpy as np
from scipy import special

from autograd_mini.arrays import everywhere
from autograd_mini.batching import batching_rule
from autograd_mini.batching.operands import along_axes, of_some
from autograd_mini.domains import case
from autograd_mini.primitive import constant, primitive, rule
from autograd_mini.rules.reductions import keep_axes


@primitive
def share(a, total):
    """e^(a - total), where total is the logarithm of a sum; terms that are all equally infinite share alike."""
    with np.errstate(invalid="ignore"):
        part = np.exp(a - total)
    if not everywhere(np.isfinite(total)):
        ties = np.equal(a, total)
        axes = tuple(i for i, n in enumerate(np.shape(a)) if i >= np.ndim(total) or np.shape(total)[i] != n)
        part = np.where(np.isinf(total), ties / np.maximum(np.sum(ties, axis=axes, keepdims=True), 1), part)
    return part.astype(np.result_type(a, total), copy=False)


@primitive
def log_sum_exp(a, axis=None, keepdims=False):
    """`scipy.special.logsumexp` without weights."""
    return special.logsumexp(a, axis=axis, keepdims=keepdims)


@primitive
def softmax(x, axis=None):
    r"""`scipy.special.softmax`, :math:`p_i = e^{x_i} / \sum_j e^{x_j}` without overflow.

    Parameters
    ----------
    x : array_like or Tensor
        Scores.
    axis : int or tuple of int, optional
        The axes that add up to 1; by default all.

    Returns
    -------
    ndarray or Tensor
        Of the shape and dtype of x.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.scipy import special
    >>> special.softmax(np.array([0.0, np.log(3.0)])).round(2)
    array([0.25, 0.75])
    """
    return special.softmax(x, axis=axis)


@primitive
def log_softmax(x, axis=None):
    r"""`scipy.special.log_softmax`, :math:`x_i - \log\sum_j e^{x_j}` without overflow.

    Parameters
    ----------
    x : array_like or Tensor
        Scores.
    axis : int or tuple of int, optional
        The axes that are summed over; by default all.

    Returns
    -------
    ndarray or Tensor
        Of the shape and dtype of x.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini.scipy import special
    >>> np.exp(special.log_softmax(np.array([0.0, np.log(3.0)]))).round(2)
    array([0.25, 0.75])
    """
    return special.log_softmax(x, axis=axis)


for function in (log_sum_exp, softmax, log_softmax):
    batching_rule(function)(of_some(along_axes(function)))


@primitive
def peak(a, b, axis):
    """The largest finite term of those with a weight, by which a sum of exponentials is scaled; it cancels."""
    top = np.max(np.where(np.equal(b, 0), -np.inf, a), axis=axis, keepdims=True)
    return np.where(np.isfinite(top), top, 0).astype(np.result_type(top, np.float16))


constant(peak)


def logsumexp(a, axis=None, b=None, keepdims=False, return_sign=False):
    r"""`scipy.special.logsumexp`, :math:`\log\sum_i b_i e^{a_i}` without overflow, differentiable in a and b.

    Parameters
    ----------
    a : array_like or Tensor
        Exponents.
    axis : int or tuple of int, optional
        The axes that are summed over; by default all.
    b : array_like or Tensor, optional
        Weights, which broadcast against `a`.
    keepdims : bool
        Keep the axes that are summed over, with length 1.
    return_sign : bool
        Also return the sign of the sum, of which the first result is the logarithm of the absolute value.

    Returns
    -------
    ndarray or Tensor
        Without the axes that are summed over; float32 stays float32. With `return_sign` a pair of them.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import grad
    >>> from autograd_mini.scipy import special
    >>> special.logsumexp(np.array([1000.0, 1000.0])).round(4)
    np.float64(1000.6931)
    >>> grad(special.logsumexp)(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    if b is None and not return_sign:
        return log_sum_exp(a, axis=axis, keepdims=keepdims)
    top = peak(a, 1 if b is None else b, axis=axis)
    terms = np.exp(np.subtract(a, top))
    total = np.sum(terms if b is None else np.multiply(b, terms), axis=axis, keepdims=True)
    result = np.log(np.absolute(total) if return_sign else total) + top
    shape = total.shape if keepdims else np.sum(total, axis=axis).shape if axis is not None else ()
    result = np.reshape(result, shape)
    return (result, np.reshape(np.sign(total), shape)) if return_sign else result


MATRICES = (case((3, 4)), case((3, 4), axis=0), case((2, 3, 4), axis=(0, -1)), case((4,), axis=-1))

rule(
    share,
    lambda g, out, _a, _total: g * out,
    lambda g, out, _a, _total: -g * out,
    broadcasts=True,
)
rule(
    log_sum_exp,
    lambda g, out, a, axis=None, keepdims=False: keep_axes(g, a, axis) * share(a, keep_axes(out, a, axis)),
    cases=(*MATRICES, case((3, 4), axis=1, keepdims=True), case((3, 4), keepdims=True), case(())),
)
rule(
    softmax,
    lambda g, out, _x, axis=None: out * (g - np.sum(g * out, axis=axis, keepdims=True)),
    cases=MATRICES,
    pole=False,
)
rule(
    log_softmax,
    lambda g, out, _x, axis=None: g - np.exp(out) * np.sum(g, axis=axis, keepdims=True),
    cases=MATRICES,
    pole=False,
)
