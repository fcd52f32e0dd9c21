"""Layers and losses beside PyTorch's, with the same weights: `python -m benchmarks.parity`.

float64. A difference is the largest of an array relative to the largest number in PyTorch's: of the result, of the
gradient by the inputs, and of all gradients by parameters. The cotangent that the backward starts from is random. It
ends with an error if one is larger than rounding explains.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import nn
from autograd_mini import Tensor
from benchmarks.common import print_table

RNG = np.random.default_rng(0)
LARGEST = 1e-12
Array = np.ndarray[Any, Any]


class Layer(NamedTuple):
    """Ours and PyTorch's, the inputs, and how each is called, if not with the inputs alone."""

    ours: nn.Module
    theirs: Any
    inputs: Sequence[Array]
    call: Callable[..., Any] = lambda layer, *inputs: layer(*inputs)
    call_theirs: Callable[..., Any] = lambda layer, *inputs: layer(*inputs)


def normal(*shape: int) -> Array:
    return RNG.standard_normal(shape)


def layers(t: Any) -> dict[str, Layer]:
    """By name; `t` is torch.nn."""
    d: dict[str, Any] = {"dtype": np.float64, "rng": 0}
    images, sequence = [normal(4, 6, 9, 8)], [normal(3, 7, 6)]
    both, known = np.tri(7, dtype=bool), np.arange(5) < np.array([[5], [2], [3]])

    def torch_mask(mask: Array) -> Any:
        import torch

        return torch.from_numpy(~mask)

    attention = lambda: (nn.MultiHeadAttention(6, heads=3, **d), t.MultiheadAttention(6, 3, batch_first=True))
    return {
        "Linear": Layer(nn.Linear(6, 5, **d), t.Linear(6, 5), sequence),
        "Conv2d 3x3": Layer(nn.Conv2d(6, 8, 3, padding="same", **d), t.Conv2d(6, 8, 3, padding="same"), images),
        "Conv2d, stride, padding, dilation": Layer(
            nn.Conv2d(6, 8, (3, 2), stride=(2, 3), padding=(2, 1), dilation=(1, 2), **d),
            t.Conv2d(6, 8, (3, 2), stride=(2, 3), padding=(2, 1), dilation=(1, 2)),
            images,
        ),
        "Conv2d, 3 groups": Layer(nn.Conv2d(6, 9, 3, groups=3, **d), t.Conv2d(6, 9, 3, groups=3), images),
        "Conv2d, depthwise": Layer(nn.Conv2d(6, 6, 5, groups=6, **d), t.Conv2d(6, 6, 5, groups=6), images),
        "MaxPool2d 2x2": Layer(nn.MaxPool2d(2), t.MaxPool2d(2), images),
        "MaxPool2d, overlap, padding": Layer(nn.MaxPool2d(3, 2, 1), t.MaxPool2d(3, 2, 1), images),
        "AvgPool2d 2x2": Layer(nn.AvgPool2d(2), t.AvgPool2d(2), images),
        "AvgPool2d, overlap, padding": Layer(nn.AvgPool2d(3, 2, 1), t.AvgPool2d(3, 2, 1), images),
        "Embedding": Layer(nn.Embedding(9, 4, **d), t.Embedding(9, 4), [RNG.integers(0, 9, (5, 6))]),
        "RNN": Layer(
            nn.RNN(6, 5, **d),
            t.RNN(6, 5, batch_first=True),
            [*sequence, normal(3, 5)],
            lambda layer, x, h: layer(x, h)[0],
            lambda layer, x, h: layer(x, h[None])[0],
        ),
        "GRU": Layer(
            nn.GRU(6, 5, **d),
            t.GRU(6, 5, batch_first=True),
            [*sequence, normal(3, 5)],
            lambda layer, x, h: layer(x, h)[0],
            lambda layer, x, h: layer(x, h[None])[0],
        ),
        "MultiHeadAttention, causal": Layer(
            *attention(),
            sequence,
            lambda layer, x: layer(x, causal=True),
            lambda layer, x: layer(x, x, x, attn_mask=torch_mask(both))[0],
        ),
        "MultiHeadAttention, padded context": Layer(
            *attention(),
            [*sequence, normal(3, 5, 6)],
            lambda layer, x, context: layer(x, context, mask=known[:, None, :]),
            lambda layer, x, context: layer(x, context, context, key_padding_mask=torch_mask(known))[0],
        ),
        "BatchNorm, training": Layer(nn.BatchNorm(6, dtype=np.float64), t.BatchNorm2d(6), images),
        "BatchNorm, evaluation": Layer(nn.BatchNorm(6, dtype=np.float64).eval(), t.BatchNorm2d(6).eval(), images),
        "LayerNorm": Layer(nn.LayerNorm(6, dtype=np.float64), t.LayerNorm(6), sequence),
        "PReLU, one for each unit": Layer(nn.PReLU(0.3, units=6, dtype=np.float64), t.PReLU(6), [normal(8, 6)]),
    }


def shares(*shape: int) -> Array:
    """Numbers from 0 to 1 that sum to 1 along the last axis."""
    x = RNG.random(shape)
    return x / x.sum(axis=-1, keepdims=True)


def losses(f: Any) -> dict[str, tuple[Callable[..., Any], Callable[..., Any], Array, Array]]:
    """Ours, PyTorch's, outputs and targets; `f` is torch.nn.functional."""
    import torch

    scores, labels, weights = 3 * normal(8, 5), RNG.integers(0, 5, 8), RNG.random(5) + 0.1
    x, y, signs = normal(8, 3), normal(8, 3), np.sign(normal(8))
    heavy = torch.from_numpy(weights)
    return {
        "squared_error": (nn.squared_error, f.mse_loss, x, y),
        "absolute_error": (nn.absolute_error, f.l1_loss, x, y),
        "huber_loss, delta 0.5": (
            lambda s, t: nn.huber_loss(s, t, delta=0.5),
            lambda s, t: f.huber_loss(s, t, delta=0.5),
            x,
            y,
        ),
        "cosine_distance": (
            nn.cosine_distance,
            lambda s, t: f.cosine_embedding_loss(s, t, torch.ones(len(s), dtype=s.dtype)),
            x,
            y,
        ),
        "logistic_loss": (nn.logistic_loss, lambda s, t: f.soft_margin_loss(s, t), normal(8), signs),
        "cross_entropy": (nn.cross_entropy, f.cross_entropy, scores, labels),
        "cross_entropy of shares": (nn.cross_entropy, f.cross_entropy, scores, shares(8, 5)),
        "cross_entropy, weights, smoothing, ignored": (
            lambda s, t: nn.cross_entropy(s, t, class_weights=weights, label_smoothing=0.2, ignore_index=2),
            lambda s, t: f.cross_entropy(s, t, weight=heavy, label_smoothing=0.2, ignore_index=2),
            scores,
            labels,
        ),
        "hinge_loss, 2 classes": (
            nn.hinge_loss,
            lambda s, t: f.hinge_embedding_loss(1 - 2 * s * t + s * t - 1 + 1, -torch.ones_like(s), margin=1.0),
            normal(8),
            signs,
        ),
        "kl_divergence": (
            nn.kl_divergence,
            lambda s, t: f.kl_div(f.log_softmax(s, -1), t, reduction="batchmean"),
            scores,
            shares(8, 5),
        ),
    }


def copy_weights(ours: nn.Module, theirs: Any) -> dict[str, str]:
    """Give PyTorch's layer random weights of ours; PyTorch's name of each parameter of ours, with .T if transposed."""
    import torch

    for part in ours.parameters():
        part.data = part.data + 0.3 * normal(*part.shape)
    state = ours.state_dict()
    if isinstance(ours, nn.MultiHeadAttention):  # queries, keys and values are one matrix there
        packed = [np.concatenate([state[f"{way}.{kind}"].T for way in ("query", "key", "value")]) for kind in KINDS]
        names = {"in_proj_weight": packed[0], "in_proj_bias": packed[1]}
        arrays = names | {"out_proj.weight": state["out.weights"].T, "out_proj.bias": state["out.bias"]}
        theirs.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()})
        return {}
    names = nn.torch_names(ours)
    arrays = {name.removesuffix(".T"): state[own].T if name.endswith(".T") else state[own] for own, name in names.items()}
    theirs.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()}, strict=False)
    return names
