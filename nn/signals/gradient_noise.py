"""`gradient_noise`: how many examples it takes until their gradients agree, for a model and for each of its parameters.

The estimates are the engine's; here the gradients of single examples are made and summed, some examples at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nn.checks import whole
from nn.module import Module
from nn.norms import norms_of_examples
from nn.training.evaluation import check_loss
from nn.training.per_example import gradients_by_chunks

if TYPE_CHECKING:
    from autograd_mini import GradientNoise

AT_ONCE = 2**23  # numbers: examples x parameters
GROUPS = 16  # of examples, each left out in turn to tell how uncertain the estimates are


class ModelNoise(NamedTuple):
    """The gradient noise of a model.

    Attributes
    ----------
    model : GradientNoise
        Of all trainable parameters together.
    parameters : dict of str to GradientNoise
        Of each of them.
    """

    model: GradientNoise
    parameters: dict[str, GradientNoise]


def gradient_noise(model: Module, loss: Callable[..., Any], *data: Any, chunk: int | None = None) -> ModelNoise:
    r"""How much of the gradient of a mini-batch is noise, and how many examples would average it out.

    The model stays as it is; in training mode its generators go on.

    Parameters
    ----------
    model : Module
        The model.
    loss : callable
        `loss(output, target)`, which sees each example as a batch of one.
    *data : array_like
        A batch, as of `nn.per_example_grad`: some dozens of examples at least, drawn at random.
    chunk : int, optional
        How many examples to go through at once; by default so many that their gradients have 8 million numbers.

    Returns
    -------
    ModelNoise
        `.model.scale` is the simple noise scale, tr(Sigma) / \|G\|^2: half of the mean over so many examples is
        noise, in squares. `.parameters["0.weights"].agreement` is that of a parameter. Each knows its error.

    Raises
    ------
    ValueError, TypeError
        As `nn.per_example_grad`: there are no gradients of single examples behind `nn.BatchNorm` in training mode.

    Notes
    -----
    It keeps the examples' norms and the sums of 16 groups, so the memory is that of 16 gradients and of one chunk.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((256, 4))
    >>> model = nn.MLP([4, 8, 2], rng=0)
    >>> learnable, shuffled = (x[:, 0] > 0).astype(int), rng.integers(0, 2, 256)
    >>> [round(nn.gradient_noise(model, nn.cross_entropy, x, y).model.agreement, 1) for y in (learnable, shuffled)]
    [0.1, 0.0]
    """
    check_loss(loss, "gradient_noise")
    if chunk is None:
        size = sum(part.size for part in model.parameters()) if isinstance(model, Module) else 1
        chunk = max(1, AT_ONCE // max(size, 1))
    whole("gradient_noise", "chunk", chunk)
    norms: dict[str, list[Any]] = {}
    sums: dict[str, Any] = {}
    start = 0
    for gradients in gradients_by_chunks("gradient_noise", model, loss, data, chunk):
        count = len(next(iter(gradients.values())))
        member = (start + np.arange(count)) % GROUPS == np.arange(GROUPS)[:, None]
        for name, gradient in gradients.items():
            rows = np.reshape(gradient, (count, -1))
            wide = np.result_type(rows.dtype, np.float64)
            sums[name] = sums.get(name, 0) + (member.astype(rows.dtype) @ rows).astype(wide)
            norms.setdefault(name, []).append(norms_of_examples([gradient]))
        start += count
    return estimated({name: np.concatenate(parts) for name, parts in norms.items()}, sums)


def estimated(norms: dict[str, Any], sums: dict[str, Any]) -> ModelNoise:
    """The estimates, of gradients in units of their largest norm, so that no square is lost."""
    from autograd_mini import GradientNoise

    largest = {name: float(np.max(values)) or 1.0 for name, values in norms.items()}
    squares = {name: (norms[name] / largest[name]) ** 2 for name in norms}
    products = {name: product(sums[name] / largest[name]) for name in sums}
    unit = max(largest.values())
    shares = {name: (size / unit) ** 2 for name, size in largest.items()}
    together = (sum(shares[name] * part[name] for name in norms) for part in (squares, products))
    each = {name: GradientNoise.of_sums(squares[name], products[name]) for name in norms}
    return ModelNoise(GradientNoise.of_sums(*together), each)


def product(sums: Any) -> Any:
    return (sums @ np.conj(sums).T).real
