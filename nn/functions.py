"""Functions of scores that activations and losses share, each one operation with its rule; no module lives here.

They are written so that no exponential overflows and nothing cancels: right, and with right derivatives, at scores of
any size.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini import Batch, batching_rule, case, devices, primitive, rule, values_of

UNARY = tuple(case(shape) for shape in ((), (3,), (2, 3), (0, 3)))
ROWS = (case((2, 3)), case((3,)), case((2, 4, 3)), case((0, 3)))
PAIRS = (case((2, 3), (2, 3)), case((3, 2), (3, 2), axis=0))
LABELLED = (case((2, 3), labels=np.array([2, 0])), case((3,), labels=np.array(1)))


@primitive
def sigmoid(s: Any) -> Any:
    r"""The lecture's :math:`\theta(s) = 1 / (1 + e^{-s})`."""
    return np.exp(np.minimum(s, 0)) / (1 + np.exp(-np.abs(s)))


@primitive
def sigmoid_slope(s: Any) -> Any:
    r""":math:`\theta'(s) = \theta(s)\,\theta(-s)`, of which neither is rounded to 1."""
    e = np.exp(-np.abs(s))
    return e / np.square(1 + e)


rule(sigmoid, lambda g, _out, s: g * sigmoid_slope(s), cases=UNARY, pole=False)
rule(sigmoid_slope, lambda g, out, s: g * (-out * np.tanh(s / 2)), cases=UNARY, pole=False)


@primitive
def softplus(s: Any) -> Any:
    r""":math:`\log(1 + e^s)`; quicker than `np.logaddexp(s, 0)`."""
    return np.maximum(s, 0) + np.log1p(np.exp(-np.abs(s)))


rule(softplus, lambda g, _out, s: g * sigmoid(s), cases=UNARY, pole=False)


@primitive
def softmax(s: Any, axis: int = -1) -> Any:
    r"""The shares :math:`e^{s_k} / \sum_j e^{s_j}` along an axis."""
    e = np.exp(s - np.max(s, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def at_top(x: Any, of: Any, axis: int) -> Any:
    """What x is where `of` is largest, at the first such place along an axis."""
    return np.take_along_axis(x, np.argmax(of, axis=axis, keepdims=True), axis)


def is_top(of: Any, axis: int) -> Any:
    """Where that is."""
    top, places = np.argmax(of, axis=axis, keepdims=True), devices.beside(np.arange(of.shape[axis]), of)
    return np.equal(top, np.expand_dims(places, tuple(range(1, of.ndim - axis % of.ndim))))


@primitive
def log_softmax(s: Any, axis: int = -1) -> Any:
    r""":math:`s_k - \log\sum_j e^{s_j}`, the logarithm of `softmax`; that of a share near 1 keeps its digits."""
    s = s - np.max(s, axis=axis, keepdims=True)
    others = np.where(is_top(s, axis), 0, np.exp(s))
    return s - np.log1p(np.sum(others, axis=axis, keepdims=True))


# Its derivatives on the way forward and back, the adjoints of each other. With p = exp(out), 1 - p_k has no digits left
# where p_k is nearly 1: there the sum over the other entries takes its place.


@primitive
def less_mean(v: Any, out: Any, axis: int = -1) -> Any:
    r""":math:`v_k - \sum_j p_j v_j`."""
    v = v - at_top(v, out, axis)
    return v - np.sum(np.exp(out) * v, axis=axis, keepdims=True)


@primitive
def less_shares(g: Any, out: Any, axis: int = -1) -> Any:
    r""":math:`g_k - p_k \sum_j g_j`."""
    top = is_top(out, axis)
    others = np.where(top, 0, g - np.exp(out) * np.sum(g, axis=axis, keepdims=True))
    return np.where(top, -np.sum(others, axis=axis, keepdims=True), others)


def through_shares(g: Any, v: Any, out: Any, axis: int) -> Any:
    """The cotangent of out in both, whose adjoint or operand v is."""
    return -np.exp(out) * (v - at_top(v, out, axis)) * np.sum(g, axis=axis, keepdims=True)


def to_logarithms(x: Any, out: Any, **options: Any) -> tuple[Any, Any]:
    """Operands of which the second are logarithms of shares."""
    return x, log_softmax(out, **options)


def through_softmax(g: Any, p: Any, axis: int) -> Any:
    """The cotangent of the scores, from that of their softmax p."""
    return p * (g - np.sum(g * p, axis=axis, keepdims=True))


rule(
    softmax, lambda g, out, _s, axis=-1: through_softmax(g, out, axis), cases=(*ROWS, case((3, 2), axis=0)), pole=False
)
rule(
    log_softmax,
    lambda g, out, _s, axis=-1: less_shares(g, out, axis=axis),
    cases=(*ROWS, case((3, 2), axis=0)),
    pole=False,
)
rule(
    less_mean,
    lambda g, _out, _v, out, axis=-1: less_shares(g, out, axis=axis),
    lambda g, _out, v, out, axis=-1: through_shares(g, v, out, axis),
    prepare=to_logarithms,
    cases=PAIRS,
)
rule(
    less_shares,
    lambda g, _out, _g, out, axis=-1: less_mean(g, out, axis=axis),
    lambda g, _out, v, out, axis=-1: through_shares(v, g, out, axis),
    prepare=to_logarithms,
    cases=PAIRS,
)


# Minus the logarithm of the share of the right class. The rows of all examples of a vmap are rows like others.


def as_rows(s: Any) -> Any:
    """All axes but the last as one."""
    return s if s.ndim == 2 else s.reshape(-1, s.shape[-1])


def surprises(s: Any, labels: Any) -> Any:
    """The losses of all rows, as one axis."""
    s = as_rows(s)
    s = s - np.maximum.reduce(s, axis=1, keepdims=True)
    if devices.is_lazy(s):
        right = np.take_along_axis(s, labels.reshape(-1, 1), axis=1)[:, 0]
    else:
        right = s[np.arange(labels.size), labels.ravel()]
    return np.log(np.add.reduce(np.exp(s, out=s), axis=1)) - right


@primitive
def label_losses(s: Any, labels: Any) -> Any:
    r""":math:`-\log\,\mathrm{softmax}(s_n)_{y_n}` of each row of scores; `labels` are constants."""
    return surprises(s, labels).reshape(labels.shape)


@primitive
def mean_label_loss(s: Any, labels: Any) -> Any:
    """The mean of `label_losses`: as one operation, because each step of training takes it."""
    return np.add.reduce(surprises(s, labels)) / s.dtype.type(labels.size)


@primitive
def excess(g: Any, s: Any, labels: Any) -> Any:
    """The cotangent of the scores: g times the softmax of each row minus 1 at its label; g is one for each row."""
    rows = as_rows(s)
    g = np.broadcast_to(g, (*s.shape[:-1], 1)).reshape(-1, 1) if g.ndim else g
    e = rows - np.maximum.reduce(rows, axis=1, keepdims=True)
    np.exp(e, out=e)
    e *= g / np.add.reduce(e, axis=1, keepdims=True)
    if devices.is_lazy(e):
        at = labels.reshape(-1, 1) == np.arange(e.shape[1])
        e = np.where(at, 0, e)
        return np.where(at, -np.sum(e, axis=1, keepdims=True), e).reshape(s.shape)
    right = np.arange(labels.size), labels.ravel()
    e[right] = 0
    e[right] = -np.add.reduce(e, axis=1)  # the share less 1 has no digits left where the right class is nearly sure
    return e.reshape(s.shape)


@batching_rule(label_losses)
def _(level: Any, s: Any, labels: Any) -> Any:
    return Batch(label_losses(values_of(s, level), values_of(labels, level)), level)


@batching_rule(mean_label_loss)
def _(level: Any, s: Any, labels: Any) -> Any:
    losses = np.reshape(label_losses(values_of(s, level), values_of(labels, level)), (level.size, labels.size))
    return Batch(np.sum(losses, axis=1) / s.dtype.type(labels.size), level)


@batching_rule(excess)
def _(level: Any, g: Any, s: Any, labels: Any) -> Any:
    g = np.reshape(g, (1,) * (s.ndim - g.ndim) + g.shape)
    return Batch(excess(values_of(g, level), values_of(s, level), values_of(labels, level)), level)


rule(
    label_losses, lambda g, _out, s, labels: excess(np.expand_dims(g, -1), s, labels=labels), cases=LABELLED, pole=False
)
rule(mean_label_loss, lambda g, _out, s, labels: excess(g / labels.size, s, labels=labels), cases=LABELLED, pole=False)
rule(
    excess,
    lambda g, _out, c, s, labels: g * excess(np.ones_like(c), s, labels=labels),
    lambda g, _out, c, s, **_labels: through_softmax(g * c, softmax(s), -1),
    broadcasts=True,
    cases=(case((2, 1), (2, 3), labels=np.array([2, 0])), case((), (3,), labels=np.array(1))),
    pole=False,
)


@primitive
def share_losses(s: Any, shares: Any) -> Any:
    r""":math:`-\sum_k t_{nk} \log\,\mathrm{softmax}(s_n)_k` of each row; a share of 0 counts nothing."""
    return -np.sum(shares * np.where(shares == 0, 0, log_softmax(s)), axis=-1)


rule(
    share_losses,
    lambda g, _out, s, shares: np.expand_dims(g, -1) * (softmax(s) * np.sum(shares, axis=-1, keepdims=True) - shares),
    lambda g, _out, s, _shares: np.expand_dims(-g, -1) * log_softmax(s),
    cases=(case((2, 3), (2, 3)), case((3,), (3,))),
    pole=False,
)


# The same for two classes, of which one has the score 0


@primitive
def logistic_losses(s: Any, y: Any) -> Any:
    r""":math:`-y \log\theta(s) - (1 - y) \log\theta(-s)`, entry by entry."""
    return np.maximum(s, 0) - y * s + np.log1p(np.exp(-np.abs(s)))


@primitive
def mean_logistic_loss(s: Any, y: Any) -> Any:
    """The mean of `logistic_losses`, as one operation."""
    return np.mean(logistic_losses(s, y))


@primitive
def logistic_excess(s: Any, y: Any) -> Any:
    r""":math:`\theta(s) - y`: the slope of `logistic_losses`. The smaller share is exact, the larger is 1 minus it."""
    e = np.exp(-np.abs(s))
    smaller = e / (1 + e)
    return np.where(s > 0, (1 - y) - smaller, smaller - y)


SAME_SHAPES = (case((2, 3), (2, 3)), case((), ()), case((0,), (0,)))
rule(
    logistic_losses,
    lambda g, _out, s, y: g * logistic_excess(s, y),
    lambda g, _out, s, _y: -g * s,
    cases=SAME_SHAPES,
    pole=False,
)
rule(
    mean_logistic_loss,
    lambda g, _out, s, y: (g / s.size) * logistic_excess(s, y),
    lambda g, _out, s, _y: (-g / s.size) * s,
    cases=SAME_SHAPES[:2],
    pole=False,
)
rule(
    logistic_excess,
    lambda g, _out, s, _y: g * sigmoid_slope(s),
    lambda g, _out, _s, _y: -g,
    cases=SAME_SHAPES,
    pole=False,
)
