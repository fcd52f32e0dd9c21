"""Convolution and pooling beside PyTorch's on a CPU, forward and backward: `python -m benchmarks.convolution`.

float32, one thread each (set OPENBLAS_NUM_THREADS=1), 64 images, in turns in one process; the ratio is the median over
the rounds of the ratio within a round, ours over PyTorch's: above 1 we are slower. A layer's step is its forward and
its backward to weights, bias and images. With --layouts the three ways to make one convolution of matrix products are
timed too: a product for each image, one for the whole batch, and one for as many images as stay in the cache, which
`nn.Conv2d` does.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import nn
from autograd_mini import Tensor
from benchmarks.common import print_table
from benchmarks.training_step import measure, ratio
from nn.layers import convolution

IMAGES = 64


class Layer(NamedTuple):
    """A convolution that keeps the size of the images, which are square."""

    channels: int
    outputs: int
    size: int
    kernel: int

    def __str__(self) -> str:
        return (
            f"{self.channels} to {self.outputs} channels, {self.size}x{self.size}, window {self.kernel}x{self.kernel}"
        )


LAYERS = (
    Layer(1, 8, 8, 3),
    Layer(8, 16, 8, 3),
    Layer(16, 32, 8, 3),
    Layer(1, 16, 28, 3),
    Layer(1, 6, 28, 5),
    Layer(6, 16, 14, 5),
    Layer(16, 32, 14, 3),
    Layer(32, 64, 14, 3),
    Layer(16, 32, 28, 3),
)
POOLS = ((16, 8), (16, 28), (32, 14))
Step = Callable[[], Any]


def inputs(channels: int, size: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).standard_normal((IMAGES, channels, size, size), np.float32)


def steps(ours: Any, theirs: Any, x: np.ndarray[Any, Any]) -> dict[str, Step]:
    """The forward, and the forward with the backward, of two layers of the same numbers, which are compared first."""
    import torch

    mine, other = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    g = np.random.default_rng(1).standard_normal(ours(mine).shape, np.float32)
    cotangent = torch.tensor(g)

    def both() -> Any:
        mine.grad = None
        for parameter in ours.parameters():
            parameter.grad = None
        ours(mine).backward(g)
        return mine.grad

    def both_torch() -> Any:
        other.grad = None
        theirs.zero_grad()
        theirs(other).backward(cotangent)
        return other.grad

    def forward_torch() -> Any:
        with torch.no_grad():
            return theirs(other)

    plain = nn.Sequential(ours)
    constant = Tensor(x)
    for mine_now, other_now in ((ours(mine).data, forward_torch()), (both(), both_torch())):
        np.testing.assert_allclose(mine_now, other_now.numpy(), rtol=1e-3, atol=1e-3)
    return {
        "forward": lambda: plain(constant),
        "forward, PyTorch": forward_torch,
        "step": both,
        "step, PyTorch": both_torch,
    }


def conv_steps(layer: Layer) -> dict[str, Step]:
    import torch

    ours = nn.Conv2d(layer.channels, layer.outputs, layer.kernel, padding="same", rng=0)
    theirs = torch.nn.Conv2d(layer.channels, layer.outputs, layer.kernel, padding=layer.kernel // 2)
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(ours.weights.data))
        theirs.bias.zero_()
    return steps(ours, theirs, inputs(layer.channels, layer.size))


def pool_steps(kind: str, channels: int, size: int) -> dict[str, Step]:
    """On images with channels last in memory, as a convolution before makes them; PyTorch's are as it makes them."""
    import torch

    x = np.moveaxis(np.ascontiguousarray(np.moveaxis(inputs(channels, size), 1, -1)), -1, 1)
    return steps(getattr(nn, kind)(2), getattr(torch.nn, kind)(2), x)


def layouts(layer: Layer) -> dict[str, Step]:
    """The forward and the gradient by the weights, unrolled in three ways."""
    half = layer.kernel // 2
    window = convolution.Window((layer.kernel, layer.kernel), padding=((half, half), (half, half)))
    x = inputs(layer.channels, layer.size)
    weights = np.random.default_rng(1).standard_normal(
        (layer.outputs, layer.channels, layer.kernel, layer.kernel), np.float32
    )
    g = inputs(layer.outputs, layer.size)

    def blocks(count: int) -> Step:
        def run() -> None:
            kept, convolution.BLOCK = convolution.BLOCK, count
            convolution.convolve(x, weights, window=window, groups=1)
            convolution.correlate(g, x, window=window, groups=1)
            convolution.BLOCK = kept

        return run

    def each_image() -> None:
        padded = np.pad(x, ((0, 0), (0, 0), *window.padding))
        read = np.lib.stride_tricks.sliding_window_view(padded, window.kernel, (2, 3))
        unrolled = read.transpose(0, 1, 4, 5, 2, 3).reshape(IMAGES, weights[0].size, -1)
        _ = weights.reshape(layer.outputs, -1) @ unrolled
        unrolled = read.transpose(0, 1, 4, 5, 2, 3).reshape(IMAGES, weights[0].size, -1)
        _ = np.sum(g.reshape(IMAGES, layer.outputs, -1) @ unrolled.swapaxes(1, 2), axis=0)

    return {"cache": blocks(convolution.BLOCK), "each image": each_image, "whole batch": blocks(2**40)}


def table(title: str, contestants: dict[str, dict[str, Step]], seconds: float) -> None:
    rows = []
    for name, contest in contestants.items():
        samples = measure(contest, seconds)
        row = [name]
        for part in ("forward", "step"):
            low, middle, high = ratio(samples, part, f"{part}, PyTorch") or (0.0, 0.0, 0.0)
            row += [f"{1e6 * min(samples[part].seconds):,.0f}", f"{middle:.2f}", f"{low:.2f} - {high:.2f}"]
        rows.append(row)
    print_table(title, ["", "forward, us", "ratio", "quartiles", "step, us", "ratio", "quartiles"], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print; `arguments` as on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="for each layer (default: %(default)s)")
    parser.add_argument("--layouts", action="store_true", help="compare ways to unroll instead")
    options = parser.parse_args(arguments)
    if options.layouts:
        rows = []
        for layer in LAYERS:
            samples = measure(layouts(layer), options.seconds)
            times = [f"{1e6 * min(samples[key].seconds):,.0f}" for key in samples]
            ratios = [f"{(ratio(samples, key, 'cache') or (0.0, 0.0, 0.0))[1]:.2f}" for key in list(samples)[1:]]
            rows.append([str(layer), *times, *ratios])
        head = ["", "cache, us", "each image, us", "whole batch, us", "each image / cache", "whole batch / cache"]
        print_table("Scores and gradient by the weights", head, rows)
        return
    import torch

    torch.set_num_threads(1)
    table("Conv2d", {str(layer): conv_steps(layer) for layer in LAYERS}, options.seconds)
    for kind in ("MaxPool2d", "AvgPool2d"):
        pools = {f"{channels} channels, {size}x{size}": pool_steps(kind, channels, size) for channels, size in POOLS}
        table(f"{kind}, window 2x2", pools, options.seconds)


if __name__ == "__main__":
    main()
