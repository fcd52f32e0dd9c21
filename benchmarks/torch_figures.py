"""What PyTorch computes with layers, losses and optimizers that are ours too: `python -m benchmarks.torch_figures`.

It writes tests/nn/torch_figures.npz, which the tests read where there is no PyTorch; where there is, they compute it
anew. Inputs, weights and directions are made by a formula, so the file holds results alone: values, first derivatives
by all inputs and parameters, and the derivatives of those along a direction; all in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import nn

FILE = Path(__file__).parent.parent / "tests" / "nn" / "torch_figures.npz"
DTYPE = {"dtype": np.float64}
Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


class Case(NamedTuple):
    """Ours and PyTorch's, each made by a call, that of PyTorch with `torch`; the shapes of inputs; more arguments."""

    ours: Callable[[], Any]
    theirs: Callable[[Any], Any]
    shapes: list[Shape]


def numbers(shape: Shape, seed: int) -> Array:
    """Numbers between -1 and 1 without a pattern, the same everywhere."""
    count = np.arange(int(np.prod(shape)))
    return np.sin(1.3 + 2.4 * seed + (0.7 + 0.1 * seed) * count + 0.3 * count**1.5).reshape(shape)


def flat(result: Any) -> list[Any]:
    """The arrays or tensors of nested tuples, in order."""
    return [part for inner in result for part in flat(inner)] if isinstance(result, tuple) else [result]


def recurrent(kind: str, **options: Any) -> Case:
    """A recurrent layer with an initial state."""
    theirs = {"layers": "num_layers", "projection": "proj_size"}
    layers = options.get("layers", 1) * (2 if options.get("bidirectional") else 1)
    state = [(2, 3)] if layers == 1 else [(2, layers, 3)]
    state = [*state, (*state[0][:-1], options.get("projection", 3))][::-1] if kind == "LSTM" else state

    def of_torch(torch: Any) -> Any:
        own = {theirs.get(name, name): value for name, value in options.items()}
        layer = getattr(torch.nn, kind)(2, 3, batch_first=True, **own)

        def call(layer: Any, x: Any, *state: Any) -> Any:
            state = tuple(part[None] if layers == 1 else part.swapaxes(0, 1).contiguous() for part in state)
            out, last = layer(x, state if kind == "LSTM" else state[0])
            return out, *(part[0] if layers == 1 else part.swapaxes(0, 1) for part in flat(last))

        return Called(layer, call)

    def of_ours() -> Any:
        layer = getattr(nn, kind)(2, 3, **options, **DTYPE)
        return Called(layer, lambda layer, x, *state: layer(x, state if kind == "LSTM" else state[0]))

    return Case(of_ours, of_torch, [(2, 4, 2), *state])


def convolution(kind: str, sizes: tuple[Any, ...], shape: Shape, **options: Any) -> Case:
    """A convolution and its input's shape."""
    return Case(
        lambda: getattr(nn, kind)(*sizes, **options, **DTYPE),
        lambda torch: getattr(torch.nn, kind)(*sizes, **options),
        [shape],
    )


def nll(**options: Any) -> Case:
    """The loss of logarithms of shares, so that it has a second derivative."""
    labels = np.array([2, 0, 1, 1])

    def of_torch(torch: Any) -> Any:
        own = {
            name: torch.tensor(value, dtype=torch.double) if isinstance(value, list) else value
            for name, value in options.items()
        }
        own = {{"class_weights": "weight"}.get(name, name): value for name, value in own.items()}
        f = torch.nn.functional
        return Called(None, lambda _, x: f.nll_loss(f.log_softmax(x, -1), torch.from_numpy(labels), **own))

    return Case(
        lambda: Called(None, lambda _, x: nn.nll_loss(nn.LogSoftmax()(x), labels, **options)), of_torch, [(4, 3)]
    )


class Called(NamedTuple):
    """A layer, or None, and a function of it and the inputs."""

    layer: Any
    call: Callable[..., Any]


def called(made: Any) -> Called:
    """The same of a layer, or a function, that is called with the inputs alone."""
    return made if isinstance(made, Called) else Called(made, lambda layer, *inputs: layer(*inputs))


CASES: dict[str, Case] = {
    "RNN": recurrent("RNN"),
    "RNN, 2 layers": recurrent("RNN", layers=2, bias=False),
    "GRU": recurrent("GRU"),
    "GRU, both ways": recurrent("GRU", bidirectional=True),
    "LSTM": recurrent("LSTM"),
    "LSTM, no bias": recurrent("LSTM", bias=False),
    "LSTM, 2 layers, both ways": recurrent("LSTM", layers=2, bidirectional=True),
    "LSTM, 2 layers, projection": recurrent("LSTM", layers=2, projection=2),
    "Conv1d": convolution("Conv1d", (2, 4, 3), (2, 2, 7)),
    "Conv1d, all options": convolution(
        "Conv1d", (4, 6, 2), (2, 4, 7), stride=3, padding=2, dilation=2, groups=2, bias=False
    ),
    "Conv1d, same": convolution("Conv1d", (2, 2, 4), (1, 2, 6), padding="same"),
    "Conv2d, same": convolution("Conv2d", (2, 2, (2, 3)), (1, 2, 4, 3), padding="same"),
    "ConvTranspose1d": convolution("ConvTranspose1d", (4, 2, 3), (2, 4, 4)),
    "ConvTranspose1d, all options": convolution(
        "ConvTranspose1d", (4, 6, 3), (1, 4, 4), stride=3, padding=2, output_padding=2, dilation=2, groups=2
    ),
    "ConvTranspose2d": convolution("ConvTranspose2d", (4, 4, 2), (1, 4, 3, 2)),
    "ConvTranspose2d, stride": convolution("ConvTranspose2d", (2, 4, 2), (2, 2, 2, 3), stride=2, bias=False),
    "ConvTranspose2d, all options": convolution(
        "ConvTranspose2d",
        (4, 2, (3, 2)),
        (1, 4, 2, 3),
        stride=(2, 3),
        padding=(1, 2),
        output_padding=(1, 0),
        dilation=(1, 3),
        groups=2,
    ),
    "GroupNorm": Case(lambda: nn.GroupNorm(2, 4, **DTYPE), lambda torch: torch.nn.GroupNorm(2, 4), [(2, 4, 3)]),
    "GroupNorm of images": Case(
        lambda: nn.GroupNorm(3, 3, epsilon=0.1, **DTYPE),
        lambda torch: torch.nn.GroupNorm(3, 3, eps=0.1),
        [(2, 3, 2, 2)],
    ),
    "GroupNorm of rows": Case(lambda: nn.GroupNorm(1, 4, **DTYPE), lambda torch: torch.nn.GroupNorm(1, 4), [(3, 4)]),
    "SELU": Case(nn.SELU, lambda torch: torch.nn.SELU(), [(2, 3)]),
    "log-sigmoid": Case(nn.LogSigmoid, lambda torch: torch.nn.LogSigmoid(), [(2, 3)]),
    "log-softmax": Case(nn.LogSoftmax, lambda torch: torch.nn.LogSoftmax(-1), [(2, 3)]),
    "log-softmax along axis 1": Case(lambda: nn.LogSoftmax(axis=1), lambda torch: torch.nn.LogSoftmax(1), [(2, 3, 2)]),
    "NLL": nll(),
    "NLL, weights": nll(class_weights=[1.0, 0.5, 3.0]),
    "NLL, weights, ignored": nll(class_weights=[1.0, 0.5, 3.0], ignore_index=2),
    "NLL, ignored, sum": nll(ignore_index=2, reduction="sum"),
    "NLL, weights, each": nll(class_weights=[1.0, 0.5, 3.0], reduction="none"),
}


def figures(torch: Any, case: Case) -> dict[str, Array]:
    """What PyTorch computes: "value i", "first name" and "second name"."""
    layer, call = called(case.theirs(torch))
    inputs = [torch.tensor(numbers(shape, i), requires_grad=True) for i, shape in enumerate(case.shapes)]
    parameters = {}
    if isinstance(layer, torch.nn.Module):
        layer.double()
        parameters = dict(sorted(layer.named_parameters()))
        with torch.no_grad():
            for i, parameter in enumerate(parameters.values(), len(inputs)):
                parameter.copy_(torch.from_numpy(numbers(tuple(parameter.shape), i)))
    names = [*(f"input {i}" for i in range(len(inputs))), *parameters]
    leaves = [*inputs, *parameters.values()]
    values = flat(call(layer, *inputs))
    along = torch.stack([(v * torch.from_numpy(numbers(tuple(v.shape), 50 + i))).sum() for i, v in enumerate(values)])
    first = torch.autograd.grad(along.sum(), leaves, create_graph=True)
    slope = torch.stack([(g * torch.from_numpy(numbers(tuple(g.shape), 70 + i))).sum() for i, g in enumerate(first)])
    second = torch.autograd.grad(slope.sum(), leaves, allow_unused=True, materialize_grads=True)
    found = {f"value {i}": value for i, value in enumerate(values)}
    found |= {f"first {name}": g for name, g in zip(names, first, strict=True)}
    found |= {f"second {name}": g for name, g in zip(names, second, strict=True)}
    return {name: value.detach().numpy() for name, value in found.items()}


def packed(found: dict[str, Array]) -> Array:
    """All figures as one vector."""
    return np.concatenate([value.ravel() for value in found.values()])


def main() -> None:
    """Write the file."""
    import torch

    arrays = {name: packed(figures(torch, case)) for name, case in CASES.items()}
    np.savez_compressed(FILE, **arrays)
    count = sum(array.size for array in arrays.values())
    print(
        f"{count} numbers of PyTorch {torch.__version__} in {len(arrays)} cases, {FILE.stat().st_size / 1024:.0f} KiB"
    )


if __name__ == "__main__":
    main()
