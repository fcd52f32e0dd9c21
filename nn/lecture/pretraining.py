"""Layer-wise pre-training: each hidden layer first learns, as half of an autoencoder, to keep what it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from autograd_mini import Tensor, no_grad
from nn.checks import as_values, check_layers
from nn.layers.linear import Linear, Sequential
from nn.losses import squared_error
from nn.module import Module
from nn.optimizers.optimizer import Optimizer
from nn.optimizers.rules import Adam
from nn.training.fit import fit

NO_HIDDEN = (
    "pretrain() found no hidden layers in {name}: a layer to pre-train is an `nn.Linear` with what follows it, below "
    "another `nn.Linear`. Give an `nn.Sequential` such as an `nn.MLP`, or the blocks: `pretrain([first, second], x)`."
)
INPUTS = "pretrain() was given inputs of shape {shape}. Give rows of numbers, one for each example, at least one."


class Autoencoder(Module):
    r"""Reconstructs its input from a code: :math:`\hat x = d(e(c(x)))`, with an encoder e and a decoder d.

    With a corruption c it is a denoising autoencoder: it sees a corrupted input and learns the clean one (Vincent et
    al. 2008, *Extracting and Composing Robust Features with Denoising Autoencoders*).

    Parameters
    ----------
    encoder, decoder : Module
        From input to code, and back.
    corruption : Module, optional
        Such as `nn.Masking(0.3)` or `nn.GaussianNoise(0.5)`; active in training mode alone.

    Raises
    ------
    TypeError
        If a part is no module.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> model = nn.Autoencoder(nn.Linear(64, 8), nn.Linear(8, 64), nn.Masking(0.3, rng=0))
    >>> x = np.ones((5, 64), np.float32)
    >>> nn.squared_error(model(x), x).backward()
    >>> model.encoder(x).shape
    (5, 8)
    """

    def __init__(self, encoder: Module, decoder: Module, corruption: Module | None = None) -> None:
        super().__init__()
        check_layers("Autoencoder", (encoder, decoder) if corruption is None else (encoder, decoder, corruption))
        self.encoder, self.decoder, self.corruption = encoder, decoder, corruption

    def forward(self, x: Any) -> Tensor:
        seen = x if self.corruption is None else self.corruption(x)
        return self.decoder(self.encoder(seen))


def hidden_blocks(model: Sequential) -> list[Sequential]:
    """Each `Linear` of a sequence with the modules up to the next one; the last `Linear`, the output, is left out."""
    blocks: list[list[Module]] = []
    for layer in model:
        if isinstance(layer, Linear):
            blocks.append([])
        if blocks:
            blocks[-1].append(layer)
    return [Sequential(*block) for block in blocks[:-1]]


def pretrain(
    model: Module | Sequence[Module],
    x: Any,
    *,
    epochs: int = 10,
    batch_size: int = 32,
    optimizer: Callable[[Iterable[Tensor]], Optimizer] = lambda parameters: Adam(parameters, 0.003),
    corruption: Module | None = None,
    rng: int | np.random.Generator | None = None,
) -> list[np.ndarray[Any, Any]]:
    """Train the hidden layers one after the other, each as the encoder of an autoencoder of what the ones below give.

    The lecture's cure "layer-wise pre-training": the weights then start where signals pass, and need no labels
    (Hinton & Salakhutdinov 2006; Bengio et al. 2007, *Greedy Layer-Wise Training of Deep Networks*). The decoder of
    each is a linear layer, which is thrown away. Train the whole model afterwards as usual.

    Parameters
    ----------
    model : Sequential, or sequence of Module
        Its hidden layers, or the blocks to pre-train in order; their parameters change in place.
    x : array_like
        Inputs, one row for each example.
    epochs, batch_size : int
        Passes over the examples for each block, and the size of a mini-batch.
    optimizer : callable
        Makes an optimizer from parameters; by default Adam, which does not mind how small the gradients are.
    corruption : Module, optional
        Such as `nn.Masking(0.3)`, for denoising autoencoders.
    rng : int or numpy.random.Generator, optional
        Where the decoders' weights, the order of the batches, and what the corruption draws come from.

    Returns
    -------
    list of ndarray
        For each block the mean squared error of the reconstruction in each pass.

    Raises
    ------
    FloatingPointError
        If the reconstruction error is no longer finite.
    ValueError
        If there are no hidden layers or no examples, or an option is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> x = np.random.default_rng(0).standard_normal((200, 8)).astype(np.float32)
    >>> model = nn.MLP([8, 8, 8, 2], rng=0)
    >>> errors = nn.pretrain(model, x, epochs=20, rng=0)
    >>> [f"{error[0]:.2f} to {error[-1]:.2f}" for error in errors]
    ['1.12 to 0.32', '0.54 to 0.08']
    """
    blocks = list(model) if not isinstance(model, Module) else []
    if isinstance(model, Sequential):
        blocks = list(hidden_blocks(model))
    if not blocks:
        raise ValueError(NO_HIDDEN.format(name=type(model).__name__))
    code = as_values(x)
    if code.ndim < 2 or not code.size:
        raise ValueError(INPUTS.format(shape=code.shape))
    rng = np.random.default_rng(rng)
    errors = []
    for block in blocks:
        with no_grad():
            above = block(code[:1])
        decoder = Linear(above.shape[-1], code.shape[-1], rng=rng, dtype=above.dtype)
        autoencoder = Autoencoder(block, decoder, corruption)
        history = fit(
            autoencoder,
            squared_error,
            (code, code),
            optimizer=optimizer,
            epochs=epochs,
            batch_size=batch_size,
            progress=False,
            rng=rng,
        )
        errors.append(history["loss"])
        with no_grad():
            code = block(code).data
    return errors
