"""Operators that shift, scale or share: normalizations over batches, layers and groups, softmax, and dropout."""

import functools
import math

import numpy as np

from nn.checks import is_batch
from nn.functions import log_softmax, softmax
from nn.layers.normalization import ONE_EXAMPLE, ONE_VALUE, remember, standardise
from nn.models.onnx.operators.table import OPERATORS, along, like, number, operator, room, spatial
from nn.noise import drawn, values
from nn.parameter import Buffer


@operator
def BatchNormalization(
    x, scale, bias, mean, var, epsilon=1e-5, momentum=0.9, training_mode=0, spatial=1, *, outputs, training
):
    """The mode of the model decides, not the file. In training the running statistics move on."""
    if not training:
        factor = like(scale, mean) / np.sqrt(var + np.asarray(epsilon, var.dtype))
        return like(x * along(factor, 1, x.ndim) + along(bias - mean * factor, 1, x.ndim), x)
    if is_batch(x):
        raise ValueError(ONE_EXAMPLE.format(title="BatchNormalization"))
    others = (0, *range(2, x.ndim))
    y = standardise(x, axis=others, epsilon=epsilon) * along(scale, 1, x.ndim) + along(bias, 1, x.ndim)
    if isinstance(mean, Buffer) and isinstance(var, Buffer):
        count = math.prod(x.shape) // x.shape[1]
        if count < 2:
            raise ValueError(ONE_VALUE.format(title="BatchNormalization", got=x.shape))
        remember(mean, var, values(x), others, count, momentum=1 - momentum)
        return y if outputs == 1 else (y, mean.data, var.data)
    now = np.mean(x, axis=others), np.var(x, axis=others)
    moved = (like(old * momentum + new * (1 - momentum), old) for old, new in zip((mean, var), now, strict=True))
    return y if outputs == 1 else (y, *moved)


@operator
def LayerNormalization(x, scale, bias=None, axis=-1, epsilon=1e-5, stash_type=1, *, outputs):
    axes = tuple(range(axis % x.ndim, x.ndim))
    y = standardise(x, axis=axes, epsilon=epsilon) * scale
    y = y if bias is None else y + bias
    if outputs == 1:
        return y
    return y, np.mean(x, axis=axes, keepdims=True), 1 / np.sqrt(np.var(x, axis=axes, keepdims=True) + epsilon)


@operator
def RMSNormalization(x, scale, axis=-1, epsilon=1e-5, stash_type=1):
    axes = tuple(range(axis % x.ndim, x.ndim))
    return x / np.sqrt(np.mean(np.square(x), axis=axes, keepdims=True) + epsilon) * scale


@operator
def InstanceNormalization(x, scale, bias, epsilon=1e-5):
    standard = standardise(x, axis=spatial(x), epsilon=epsilon)
    return standard * along(scale, 1, x.ndim) + along(bias, 1, x.ndim)


@operator
def GroupNormalization(x, scale, bias, num_groups, epsilon=1e-5, stash_type=1):
    groups = np.reshape(x, (x.shape[0], num_groups, -1))
    standard = np.reshape(standardise(groups, axis=-1, epsilon=epsilon), x.shape)
    if scale.size != x.shape[1]:  # before opset 21 there is one number for each group
        scale, bias = (np.repeat(each, x.shape[1] // num_groups) for each in (scale, bias))
    return standard * along(scale, 1, x.ndim) + along(bias, 1, x.ndim)


@operator
def MeanVarianceNormalization(x, axes=(0, 2, 3)):
    axes = tuple(axes)
    return (x - np.mean(x, axis=axes, keepdims=True)) / (np.std(x, axis=axes, keepdims=True) + 1e-9)


@operator
def LpNormalization(x, axis=-1, p=2):
    total = np.sum(np.abs(x) if p == 1 else np.square(x), axis=axis, keepdims=True)
    nothing = total == 0
    size = np.where(nothing, 1, total)
    return np.where(nothing, 0, x / (size if p == 1 else np.sqrt(size)))


@operator
def LRN(x, size, alpha=1e-4, beta=0.75, bias=1.0):
    """Each number by those of the channels beside it."""
    room((x.shape[0], size, *x.shape[2:]), x.dtype, x)
    squares = np.pad(np.square(x), [(0, 0), ((size - 1) // 2, size // 2), *[(0, 0)] * (x.ndim - 2)])
    total = functools.reduce(np.add, (squares[:, i : i + x.shape[1]] for i in range(size)))
    return x / (bias + alpha / size * total) ** beta


def along_axis(function):
    """An operator that goes along one axis; before opset 13, along all from there on."""

    def shared(x, axis=None, *, opset):
        if opset >= 13:
            return function(x, axis=-1 if axis is None else axis)
        before = x.shape[: 1 if axis is None else axis]
        return np.reshape(function(np.reshape(x, (math.prod(before), -1)), axis=-1), x.shape)

    return shared


def hardmax(x, axis):
    """1 at the first of the largest, else 0."""
    top = np.expand_dims(np.argmax(x, axis=axis), axis)
    return (top == along(np.arange(x.shape[axis]), axis, x.ndim)).astype(x.dtype)


OPERATORS.update(Hardmax=along_axis(hardmax), LogSoftmax=along_axis(log_softmax), Softmax=along_axis(softmax))


@operator
def Dropout(x, ratio=0.5, training_mode=None, seed=None, is_test=None, *, outputs, training, rng):
    """The mode of the model decides, not the file."""
    share = number(ratio)
    if not training or not share:
        return x if outputs == 1 else (x, np.ones(x.shape, bool))
    keep = drawn(values(x), rng.random, x.shape) >= share
    y = x * keep.astype(x.dtype) / np.asarray(1 - share, x.dtype)
    return y if outputs == 1 else (y, keep)
