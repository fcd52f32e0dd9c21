"""Operations of ATen that are whole layers: products, windows, normalisation, dropout, attention, losses."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd_mini import devices
from nn.checks import is_batch
from nn.functions import log_softmax, softmax, softplus
from nn.layers.linear import affine
from nn.layers.normalization import ONE_EXAMPLE, ONE_VALUE, remember, standardise
from nn.models import windows
from nn.models.pytorch.dtypes import together
from nn.noise import drawn, kept, values

Sizes = int | Sequence[int]


def each(value: Any, axes: int) -> tuple[int, ...]:
    """A setting for each axis, where one number may stand for all."""
    value = [value] if isinstance(value, int) else list(value)
    return tuple(value * axes if len(value) == 1 else value)


# Products


def linear(x: Any, weights: Any, bias: Any = None) -> Any:
    if weights.ndim == 1:
        return np.matmul(x, weights) if bias is None else np.matmul(x, weights) + bias
    turned = np.transpose(weights)
    return np.matmul(x, turned) if bias is None else affine(x, turned, bias)


def addmm(bias: Any, a: Any, b: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    found = np.matmul(a, b)
    return (bias if beta == 1 else beta * bias) + (found if alpha == 1 else alpha * found)


def einsum(equation: str, operands: Sequence[Any], *, path: Any = None) -> Any:
    return np.einsum(equation, *operands)


def bilinear(a: Any, b: Any, weights: Any, bias: Any = None) -> Any:
    found = np.einsum("...i,oij,...j->...o", a, weights, b)
    return found if bias is None else found + bias


# Convolutions and pooling


def convolution(
    x: Any, weights: Any, bias: Any = None, stride: Sizes = 1, padding: Any = 0, dilation: Sizes = 1, groups: int = 1
) -> Any:
    """A convolution of a batch, or of one example without an axis for them."""
    axes = weights.ndim - 2
    if x.ndim < weights.ndim:
        return convolution(np.expand_dims(x, 0), weights, bias, stride, padding, dilation, groups)[0]
    stride, dilation = each(stride, axes), each(dilation, axes)
    if padding == "same":
        missing = [d * (k - 1) for d, k in zip(dilation, weights.shape[2:], strict=True)]
        sides = [(n // 2, n - n // 2) for n in missing]
    else:
        sides = [(n, n) for n in each(0 if padding == "valid" else padding, axes)]
    return windows.convolution(x, weights, bias, stride, sides, dilation, groups)


def transposed(
    x: Any,
    weights: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Any:
    axes = weights.ndim - 2
    if x.ndim < weights.ndim:
        x = np.expand_dims(x, 0)
        return transposed(x, weights, bias, stride, padding, output_padding, groups, dilation)[0]
    sides = [(n, n) for n in each(padding, axes)]
    return windows.transposed_convolution(
        x, weights, bias, each(stride, axes), sides, each(dilation, axes), groups, each(output_padding, axes)
    )


def any_convolution(
    x: Any,
    weights: Any,
    bias: Any,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
    is_transposed: bool,
    output_padding: Sizes,
    groups: int,
) -> Any:
    if is_transposed:
        return transposed(x, weights, bias, stride, padding, output_padding, groups, dilation)
    return convolution(x, weights, bias, stride, padding, dilation, groups)


def max_pool(axes: int) -> Callable[..., Any]:
    def pool(
        x: Any, kernel: Sizes, stride: Sizes = (), padding: Sizes = 0, dilation: Sizes = 1, ceil_mode: bool = False
    ) -> Any:
        if x.ndim < axes + 2:
            return pool(np.expand_dims(x, 0), kernel, stride, padding, dilation, ceil_mode)[0]
        size, spread = each(kernel, axes), each(dilation, axes)
        step = each(stride, axes) if stride else size
        sides = [(n, n) for n in each(padding, axes)]
        if ceil_mode:
            sides = windows.filled_up(x, size, step, sides, spread)
        return windows.pooled_largest(x, size, step, sides, spread)

    return pool


def mean_pool(axes: int) -> Callable[..., Any]:
    def pool(
        x: Any,
        kernel: Sizes,
        stride: Sizes = (),
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Any:
        if ceil_mode or divisor_override is not None:
            raise NotImplementedError(CEIL)
        if x.ndim < axes + 2:
            return pool(np.expand_dims(x, 0), kernel, stride, padding, ceil_mode, count_include_pad)[0]
        size = each(kernel, axes)
        step = each(stride, axes) if stride else size
        sides = [(n, n) for n in each(padding, axes)]
        return windows.pooled_mean(x, size, step, sides, count_include_pad)

    return pool


CEIL = "an average pooling with ceil_mode or a divisor of its own has no counterpart here"


def adaptive(reduce: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, size: windows.adaptive(reduce, x, [size] if isinstance(size, int) else size)


def with_places(pool: Callable[..., Any]) -> Callable[..., Any]:
    """ATen returns the places of the largest numbers too, which models that do not ask for them leave unread."""
    return lambda *args: (pool(*args), None)


def places_of(length: int, size: int, scale: float | None, corners: bool, centred: bool) -> Any:
    """Where along an axis the entries of a resized one are."""
    at = np.arange(size)
    if corners:
        return at * ((length - 1) / (size - 1) if size > 1 else 0)
    step = 1 / scale if scale else length / size
    return (at + 0.5) * step - 0.5 if centred else at * step


def resize_sizes(x: Any, size: Any, scales: Any) -> list[tuple[int, int, float | None]]:
    lengths = x.shape[2:]
    if size is None:
        return [(length, math.floor(length * s), s) for length, s in zip(lengths, scales, strict=True)]
    return [(length, n, None) for length, n in zip(lengths, size, strict=True)]


def nearest(exact: bool) -> Callable[..., Any]:
    def resize(x: Any, size: Any = None, scales: Any = None) -> Any:
        index = []
        for length, n, scale in resize_sizes(x, size, scales):
            at = (np.arange(n) + (0.5 if exact else 0)) * (1 / scale if scale else length / n)
            index.append(np.minimum(np.floor(at).astype(np.int64), length - 1))
        return windows.nearest(x, index)

    return resize


def smooth(weights: Callable[..., Any], clamp: bool) -> Callable[..., Any]:
    def resize(x: Any, size: Any, corners: bool, scales: Any = None) -> Any:
        matrices = []
        for length, n, scale in resize_sizes(x, size, scales):
            at = places_of(length, n, scale, corners, centred=True)
            matrices.append(weights(length, np.maximum(at, 0) if clamp else at))
        return windows.resized(x, matrices)

    return resize


# Normalisation


def channels(vector: Any, x: Any) -> Any:
    return np.reshape(vector, (-1, *[1] * (x.ndim - 2)))


def scaled(x: Any, weights: Any, bias: Any) -> Any:
    x = x if weights is None else x * weights
    return x if bias is None else x + bias


def batch_norm(
    x: Any,
    weights: Any,
    bias: Any,
    mean: Any,
    variance: Any,
    training: bool,
    momentum: float,
    epsilon: float,
    cudnn: bool = False,
) -> Any:
    """Over the batch in training, whose statistics move the buffers `mean` and `variance`; else over these."""
    weights, bias = (None if part is None else channels(part, x) for part in (weights, bias))
    if not training and mean is not None:
        factor = 1 / np.sqrt(values(variance) + epsilon)
        factor = channels(factor, x) if weights is None else channels(factor, x) * weights
        shift = -channels(values(mean), x) * factor
        return x * factor + (shift if bias is None else bias + shift)
    axes = (0, *range(2, x.ndim))
    count = x.size // x.shape[1]
    if is_batch(x):
        raise ValueError(ONE_EXAMPLE.format(title="BatchNorm"))
    if count < 2:
        raise ValueError(ONE_VALUE.format(title="BatchNorm", got=x.shape))
    if mean is not None and training:
        remember(mean, variance, values(x), axes, count, momentum=momentum)
    return scaled(standardise(x, axis=axes, epsilon=epsilon), weights, bias)


def functional_batch_norm(
    x: Any, weights: Any, bias: Any, mean: Any, variance: Any, training: bool, momentum: float, epsilon: float
) -> Any:
    return batch_norm(x, weights, bias, mean, variance, training, momentum, epsilon), None, None, mean, variance


def evaluated_batch_norm(
    x: Any, weights: Any, bias: Any, mean: Any, variance: Any, momentum: float, epsilon: float
) -> Any:
    return (batch_norm(x, weights, bias, mean, variance, False, momentum, epsilon),)


def layer_norm(
    x: Any, shape: Sequence[int], weights: Any = None, bias: Any = None, epsilon: float = 1e-5, cudnn: bool = True
) -> Any:
    axis: Any = -1 if len(shape) == 1 else tuple(range(x.ndim - len(shape), x.ndim))
    return scaled(standardise(x, axis=axis, epsilon=epsilon), weights, bias)


def group_norm(
    x: Any, groups: int, weights: Any = None, bias: Any = None, epsilon: float = 1e-5, cudnn: bool = True
) -> Any:
    grouped = np.reshape(x, (x.shape[0], groups, x.shape[1] // groups, *x.shape[2:]))
    standard = standardise(grouped, axis=tuple(range(2, grouped.ndim)), epsilon=epsilon)
    weights, bias = (None if part is None else channels(part, x) for part in (weights, bias))
    return scaled(np.reshape(standard, x.shape), weights, bias)


def instance_norm(
    x: Any,
    weights: Any,
    bias: Any,
    mean: Any,
    variance: Any,
    use_input: bool,
    momentum: float,
    epsilon: float,
    cudnn: bool = False,
) -> Any:
    if mean is not None:
        raise NotImplementedError(TRACKED)
    return group_norm(x, x.shape[1], weights, bias, epsilon)


TRACKED = "an instance normalisation with running statistics has no counterpart here"


def rms_norm(x: Any, shape: Sequence[int], weights: Any = None, epsilon: float | None = None) -> Any:
    axes = tuple(range(x.ndim - len(shape), x.ndim))
    epsilon = float(np.finfo(x.dtype).eps) if epsilon is None else epsilon
    found = x / np.sqrt(np.mean(np.square(x), axis=axes, keepdims=True) + epsilon)
    return found if weights is None else found * weights


# Chance


def dropout(x: Any, share: float, training: bool, *, rng: Any) -> Any:
    return dropped(x, x.shape, share, training, rng)


def dropped(x: Any, shape: tuple[int, ...], share: float, training: Any, rng: Any) -> Any:
    if not (training and share):
        return x
    if share == 1:
        return x * 0
    return x * (kept(x, shape, share, rng).astype(x.dtype) / (1 - share))


def channel_dropout(x: Any, share: float, training: bool, *, rng: Any) -> Any:
    return dropped(x, (*x.shape[:2], *[1] * (x.ndim - 2)), share, training, rng)


def native_dropout(x: Any, share: float, training: Any, *, rng: Any) -> Any:
    return (dropout(x, share, training, rng=rng),)


def normal_like(x: Any, dtype: Any = None, *, rng: Any) -> Any:
    return drawn(values(x), rng.standard_normal, x.shape).astype(dtype or x.dtype)


def uniform_like(x: Any, dtype: Any = None, *, rng: Any) -> Any:
    return drawn(values(x), rng.random, x.shape).astype(dtype or x.dtype)


# Attention and embeddings


def attention(
    q: Any,
    k: Any,
    v: Any,
    mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
    rng: Any,
) -> Any:
    if enable_gqa:
        k, v = (np.repeat(part, q.shape[-3] // part.shape[-3], -3) for part in (k, v))
    scores = np.matmul(q, np.swapaxes(k, -1, -2)) * (q.shape[-1] ** -0.5 if scale is None else scale)
    if is_causal:
        scores = np.where(devices.beside(np.tri(*scores.shape[-2:]) > 0, values(q)), scores, -np.inf)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    return np.matmul(dropped(softmax(scores), scores.shape, dropout_p, True, rng), v)


def embedding(weights: Any, index: Any, padding: int = -1, by_frequency: bool = False, sparse: bool = False) -> Any:
    """Rows of a table; no gradient goes to the one that stands for nothing."""
    if by_frequency:
        raise NotImplementedError(FREQUENCY)
    index = values(index)
    rows = np.take(weights, index, axis=0)
    if padding is None or padding < 0:
        return rows
    fixed = values(weights)[padding]
    return np.where(np.expand_dims(index == padding, -1), fixed, rows)


FREQUENCY = "an embedding whose gradients are scaled by how often a row was read has no counterpart here"


# Losses, for models that return one


def averaged(losses: Any, reduction: int) -> Any:
    return losses if reduction == 0 else np.mean(losses) if reduction == 1 else np.sum(losses)


def nll_loss(log_shares: Any, labels: Any, weights: Any = None, reduction: int = 1, ignored: int = -100) -> Any:
    labels = values(labels)
    there = labels != ignored
    known = np.where(there, labels, 0)
    axis = 1 if log_shares.ndim > 1 else 0
    losses = -np.squeeze(np.take_along_axis(log_shares, np.expand_dims(known, axis), axis), axis)
    counts = there.astype(log_shares.dtype) if weights is None else np.where(there, np.take(weights, known), 0)
    losses = losses * counts
    return losses if reduction == 0 else np.sum(losses) / (1 if reduction == 2 else np.sum(counts))


def cross_entropy(
    scores: Any, labels: Any, weights: Any = None, reduction: int = 1, ignored: int = -100, smoothing: float = 0.0
) -> Any:
    if labels.dtype.kind == "f" or smoothing:
        raise NotImplementedError(SHARES)
    return nll_loss(log_softmax(scores, axis=1 if scores.ndim > 1 else 0), labels, weights, reduction, ignored)


SHARES = "a cross entropy of shares, or with label smoothing, has no counterpart here"


def squared_error(a: Any, b: Any, reduction: int = 1) -> Any:
    return averaged(np.square(np.subtract(*together(a, b))), reduction)


def absolute_error(a: Any, b: Any, reduction: int = 1) -> Any:
    return averaged(np.abs(np.subtract(*together(a, b))), reduction)


def logistic(s: Any, y: Any, weights: Any = None, positive: Any = None, reduction: int = 1) -> Any:
    losses = softplus(s) - y * s if positive is None else y * positive * softplus(-s) + (1 - y) * softplus(s)
    return averaged(losses if weights is None else losses * weights, reduction)


TABLE: dict[str, Any] = {
    "linear": linear,
    "matmul": np.matmul,
    "mm": np.matmul,
    "bmm": np.matmul,
    "mv": np.matmul,
    "dot": np.matmul,
    "addmm": addmm,
    "baddbmm": addmm,
    "outer": np.outer,
    "einsum": einsum,
    "bilinear": bilinear,
    "conv1d": convolution,
    "conv2d": convolution,
    "conv3d": convolution,
    "convolution": any_convolution,
    "conv_transpose1d": transposed,
    "conv_transpose2d": transposed,
    "conv_transpose3d": transposed,
    **{f"max_pool{n}d": max_pool(n) for n in (1, 2, 3)},
    **{f"max_pool{n}d_with_indices": with_places(max_pool(n)) for n in (1, 2, 3)},
    **{f"avg_pool{n}d": mean_pool(n) for n in (1, 2, 3)},
    **{f"adaptive_avg_pool{n}d": adaptive(lambda x, axis: np.mean(x, axis=axis)) for n in (1, 2, 3)},
    **{f"adaptive_max_pool{n}d": with_places(adaptive(lambda x, axis: np.max(x, axis=axis))) for n in (1, 2, 3)},
    **{f"upsample_nearest{n}d": nearest(False) for n in (1, 2, 3)},
    **{f"_upsample_nearest_exact{n}d": nearest(True) for n in (1, 2, 3)},
    **{f"upsample_{name}": smooth(windows.linear_weights, True) for name in ("linear1d", "bilinear2d", "trilinear3d")},
    "upsample_bicubic2d": smooth(windows.cubic_weights, False),
    "batch_norm": batch_norm,
    "_native_batch_norm_legit_functional": functional_batch_norm,
    "_native_batch_norm_legit_no_training": evaluated_batch_norm,
    "layer_norm": layer_norm,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
    "rms_norm": rms_norm,
    "embedding": embedding,
    "nll_loss": nll_loss,
    "nll_loss_nd": nll_loss,
    "cross_entropy_loss": cross_entropy,
    "mse_loss": squared_error,
    "l1_loss": absolute_error,
    "binary_cross_entropy_with_logits": logistic,
}
DRAWN: dict[str, Any] = {  # these are given the model's random generator
    "dropout": dropout,
    "feature_dropout": channel_dropout,
    "native_dropout": native_dropout,
    "scaled_dot_product_attention": attention,
    "randn_like": normal_like,
    "rand_like": uniform_like,
}
