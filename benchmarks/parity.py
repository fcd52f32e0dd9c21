"""Layers and losses beside PyTorch's, with the same weights: `python -m benchmarks.parity`.

float64. A difference is the largest relative to the largest number in PyTorch's: in the result, in the gradients by
the inputs, in all gradients by parameters together (that by the bias of attention's keys is 0 but for rounding). The
cotangent that the backward starts from is random. It ends with an error if one is larger than rounding explains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

import nn
from autograd_mini import Tensor
from benchmarks.common import print_table

RNG = np.random.default_rng(0)
LARGEST = 1e-13
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


def layers() -> dict[str, Layer]:
    """By name."""
    import torch
    from torch import nn as t

    d: dict[str, Any] = {"dtype": np.float64, "rng": 0}
    images, sequence = [normal(4, 6, 9, 8)], [normal(3, 7, 6)]
    known = np.arange(5) < np.array([[5], [2], [3]])
    later, padding = torch.from_numpy(~np.tri(7, dtype=bool)), torch.from_numpy(~known)
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
            nn.MultiHeadAttention(6, heads=3, **d),
            t.MultiheadAttention(6, 3, batch_first=True),
            sequence,
            lambda layer, x: layer(x, causal=True),
            lambda layer, x: layer(x, x, x, attn_mask=later)[0],
        ),
        "MultiHeadAttention, padded context": Layer(
            nn.MultiHeadAttention(6, heads=3, **d),
            t.MultiheadAttention(6, 3, batch_first=True),
            [*sequence, normal(3, 5, 6)],
            lambda layer, x, context: layer(x, context, mask=known[:, None, :]),
            lambda layer, x, context: layer(x, context, context, key_padding_mask=padding)[0],
        ),
        "BatchNorm, training": Layer(nn.BatchNorm(6, dtype=np.float64), t.BatchNorm2d(6), images),
        "BatchNorm, evaluation": Layer(nn.BatchNorm(6, dtype=np.float64).eval(), t.BatchNorm2d(6).eval(), images),
        "LayerNorm": Layer(nn.LayerNorm(6, dtype=np.float64), t.LayerNorm(6), sequence),
        "PReLU, one for each unit": Layer(nn.PReLU(6, dtype=np.float64), t.PReLU(6), [normal(8, 6)]),
    }


def shares(*shape: int) -> Array:
    """Numbers from 0 to 1 that sum to 1 along the last axis."""
    x = RNG.random(shape)
    return x / x.sum(axis=-1, keepdims=True)


def losses() -> dict[str, tuple[Callable[..., Any], Callable[..., Any], Array, Array]]:
    """By name: ours, PyTorch's, outputs and targets."""
    import torch
    from torch.nn import functional as f

    scores, labels, weights = 3 * normal(8, 5), RNG.integers(0, 5, 8), RNG.random(5) + 0.1
    x, y = normal(8, 3), normal(8, 3)
    heavy = torch.from_numpy(weights)

    def crammer_singer(s: Any, t: Any) -> Any:
        """PyTorch's own `multi_margin_loss` sums over the other classes instead."""
        own = s.gather(1, t[:, None])[:, 0]
        return torch.relu(1 + s.scatter(1, t[:, None], -torch.inf).amax(dim=1) - own).mean()

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
            lambda s, t: 1 - f.cosine_similarity(s, t).mean(),  # `cosine_embedding_loss` adds 1e-12 to squares
            x,
            y,
        ),
        "logistic_loss": (nn.logistic_loss, f.binary_cross_entropy_with_logits, normal(8), RNG.random(8)),
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
            lambda s, t: f.hinge_embedding_loss(s * (2 * t - 1), -torch.ones_like(s)),
            normal(8),
            RNG.integers(0, 2, 8),
        ),
        "hinge_loss, 5 classes": (nn.hinge_loss, crammer_singer, scores, labels),
        "kl_divergence": (
            nn.kl_divergence,
            lambda s, t: f.kl_div(f.log_softmax(s, -1), t, reduction="batchmean"),
            scores,
            shares(8, 5),
        ),
    }


def counterparts(ours: nn.Module, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Arrays of PyTorch's layer, its weights or their gradients, under our names and in our layout."""
    if isinstance(ours, nn.MultiHeadAttention):  # queries, keys and values are one matrix there
        parts = {"out.weights": arrays["out_proj.weight"].T, "out.bias": arrays["out_proj.bias"]}
        for i, way in enumerate(("query", "key", "value")):
            parts[f"{way}.weights"] = np.split(arrays["in_proj_weight"], 3)[i].T
            parts[f"{way}.bias"] = np.split(arrays["in_proj_bias"], 3)[i]
        return parts
    names = {own: (name.removesuffix(".T"), name.endswith(".T")) for own, name in nn.torch_names(ours).items()}
    there = {own: (arrays[name], turned) for own, (name, turned) in names.items() if name in arrays}
    return {own: array.T if turned else array for own, (array, turned) in there.items()}


def difference(ours: Sequence[Array], theirs: Sequence[Array]) -> float:
    """The largest in some arrays, relative to the largest number in PyTorch's; nan if there are none."""
    for mine, other in zip(ours, theirs, strict=True):
        if mine.shape != other.shape:
            raise SystemExit(f"shapes differ: {mine.shape} and {other.shape}")
    if not ours:
        return np.nan
    errors, sizes = (max(np.max(np.abs(x)) for x in xs) for xs in (map(np.subtract, ours, theirs), theirs))
    return float(errors / sizes)


def compared(layer: Layer) -> list[float]:
    """The differences of results, of gradients by inputs and by parameters; nan where there are none."""
    import torch

    ours, theirs = layer.ours, layer.theirs.double()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.add_(0.3 * torch.from_numpy(normal(*parameter.shape)))
        for name, buffer in theirs.named_buffers():
            if "running" in name:
                buffer.add_(torch.from_numpy(RNG.random(buffer.shape)))
    ours.load_state_dict(counterparts(ours, {name: array.numpy() for name, array in theirs.state_dict().items()}))
    mine = [Tensor(x, requires_grad=True) if x.dtype == float else x for x in layer.inputs]
    other = [torch.tensor(x, requires_grad=x.dtype == float) for x in layer.inputs]
    result, expected = layer.call(ours, *mine), layer.call_theirs(theirs, *other)
    cotangent = normal(*result.shape)
    result.backward(cotangent)
    expected.backward(torch.from_numpy(cotangent))
    given = [(x.grad, u.grad.numpy()) for x, u in zip(mine, other, strict=True) if u.requires_grad]
    gradients = counterparts(ours, {name: p.grad.numpy() for name, p in theirs.named_parameters()})
    learned = [(p.grad, gradients[name]) for name, p in ours.named_parameters()]
    pairs = [(result.data, expected.detach().numpy())], given, learned
    return [difference([x for x, _ in some], [u for _, u in some]) for some in pairs]


def compared_loss(ours: Any, theirs: Any, output: Array, target: Array) -> list[float]:
    """The differences of losses, and of gradients by outputs."""
    import torch

    mine, other = Tensor(output, requires_grad=True), torch.tensor(output, requires_grad=True)
    result, expected = ours(mine, target), theirs(other, torch.from_numpy(target))
    result.backward()
    expected.backward()
    return [difference([result.data], [expected.detach().numpy()]), difference([mine.grad], [other.grad.numpy()])]


def main() -> None:
    """Print both tables."""
    import torch

    torch.manual_seed(0)
    of_layers = {name: compared(layer) for name, layer in layers().items()}
    of_losses = {name: compared_loss(*loss) for name, loss in losses().items()}
    tables = {
        "Layers": (of_layers, ["", "result", "gradient by inputs", "gradients by parameters"]),
        "Losses": (of_losses, ["", "loss", "gradient by outputs"]),
    }
    for title, (found, head) in tables.items():
        rows = [[name, *("" if np.isnan(x) else f"{x:.0e}" for x in row)] for name, row in found.items()]
        print_table(f"{title} beside PyTorch {torch.__version__}, float64: largest relative differences", head, rows)
    wrong = [name for name, row in (of_layers | of_losses).items() if np.nanmax(row) > LARGEST]
    if wrong:
        raise SystemExit(f"More than rounding explains: {', '.join(wrong)}.")


if __name__ == "__main__":
    main()
