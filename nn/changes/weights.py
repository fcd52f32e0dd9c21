"""Other weights for a model: drawn anew, scaled, of unit variance. Its structure stays as it is."""

from __future__ import annotations

import copy
import math
import statistics
from typing import Any

import numpy as np

from nn.changes.calls import calls, hidden_layers, weight_layers
from nn.layers.init import Initialiser, as_initialiser, layer_sequential
from nn.layers.weighted import draw
from nn.module import Module
from nn.norms import rms

NO_OUTLIER = "no hidden layer's weights are 3 times larger or smaller than those of the others"
NO_BIASES = "its biases are 0 already, or it has none"

OUTLYING = 3.0


def drawn(model: Module, x: Any, init: str | Initialiser, rng: int = 0) -> Module:
    """A copy whose weights are drawn anew, and whose biases are 0.

    Parameters
    ----------
    model : Module
        Its layers are those of `nn.init.layer_sequential`, without embeddings.
    x : array_like or tuple of them
        A batch of its inputs, of which a few tell which layers it calls.
    init : str or initialiser
        "he", "glorot", "orthogonal", or what `nn.init` makes.
    rng : int
        Where the weights come from.

    Returns
    -------
    Module
        The changed copy; the model stays as it is.

    Raises
    ------
    ValueError
        If the model calls no layer with weights.
    TypeError
        If the model is no module.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> model = nn.changes.drawn(nn.MLP([64, 64, 1], init="zeros"), np.ones((4, 64)), "orthogonal")
    >>> weights = model[0].weights.data
    >>> bool(np.allclose(weights @ weights.T, np.eye(64), atol=1e-5))
    True
    """
    model, init, generator = copy.deepcopy(model), as_initialiser(init), np.random.default_rng(rng)
    for layer in weight_layers(calls(model, x), model):
        draw(layer, init, generator)
        bias = getattr(layer, "bias", None)
        if bias is not None:
            bias.data = np.zeros_like(bias.data)
    return model


def unit_variance(model: Module, x: Any, rng: int = 0) -> Module:
    """A copy with the weights of `nn.init.layer_sequential`: the scores of each layer have variance 1 on the batch.

    Parameters
    ----------
    model : Module
        As for `nn.init.layer_sequential`.
    x : array_like or tuple of them
        A batch of its inputs.
    rng : int
        Where the orthogonal matrices come from.

    Returns
    -------
    Module
        The changed copy; the model stays as it is.

    Raises
    ------
    ValueError
        As `nn.init.layer_sequential`.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> x = np.random.default_rng(0).standard_normal((100, 8))
    >>> model = nn.changes.unit_variance(nn.MLP([8, 8, 1], rng=0), x)
    >>> round(float(np.var(model(x).data)), 1)
    1.0
    """
    return layer_sequential(copy.deepcopy(model), x, rng=rng)


def scaled(model: Module, x: Any, factor: float) -> Module:
    """A copy whose hidden layers' weights are multiplied by a factor.

    Parameters
    ----------
    model : Module
        Its layers are those of `nn.init.layer_sequential`, without embeddings.
    x : array_like or tuple of them
        A batch of its inputs, of which a few tell which layers it calls.
    factor : float
        What the weights are multiplied by.

    Returns
    -------
    Module
        The changed copy; the model stays as it is.

    Raises
    ------
    ValueError
        If the model calls no hidden layer with weights.
    TypeError
        If the model is no module.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> model = nn.MLP([2, 3, 1], init=nn.init.constant(1.0))
    >>> nn.changes.scaled(model, np.ones((4, 2)), 2.0)[0].weights.data.tolist()
    [[2.0, 2.0, 2.0], [2.0, 2.0, 2.0]]
    """
    model = copy.deepcopy(model)
    for layer in hidden_layers(calls(model, x), model):
        multiply(layer, factor)
    return model


def like_the_others(model: Module, x: Any) -> Module:
    r"""A copy in which each hidden layer that stands out gets weights of the typical size.

    The size is :math:`\mathrm{rms}(W)\sqrt{n_{in}}`; a layer stands out if it is 3 times the median or a third of it.

    Parameters
    ----------
    model : Module
        Its layers are those of `nn.init.layer_sequential`, without embeddings.
    x : array_like or tuple of them
        A batch of its inputs, of which a few tell which layers it calls.

    Returns
    -------
    Module
        The changed copy; the model stays as it is.

    Raises
    ------
    ValueError
        If no layer stands out, or the model calls no hidden layer with weights.
    TypeError
        If the model is no module.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> model = nn.MLP([8, 8, 8, 8, 1], init="orthogonal", rng=0)
    >>> model[2].weights.data *= 10
    >>> changed = nn.changes.like_the_others(model, np.ones((4, 8)))
    >>> weights = changed[2].weights.data
    >>> bool(np.allclose(weights.T @ weights, np.eye(8), atol=1e-5))
    True
    """
    model = copy.deepcopy(model)
    layers = hidden_layers(calls(model, x), model)
    sizes = [size(layer) for layer in layers]
    typical = statistics.median(sizes)
    out = [
        (layer, typical / own)
        for layer, own in zip(layers, sizes, strict=True)
        if own > 0 and typical > 0 and not 1 / OUTLYING < own / typical < OUTLYING
    ]
    if not out:
        raise ValueError(NO_OUTLIER)
    for layer, factor in out:
        multiply(layer, factor)
    return model


def biases_zero(model: Module, x: Any) -> Module:
    """A copy in which the biases of the layers with weights are 0.

    Parameters
    ----------
    model : Module
        Its layers are those of `nn.init.layer_sequential`, without embeddings.
    x : array_like or tuple of them
        A batch of its inputs, of which a few tell which layers it calls.

    Returns
    -------
    Module
        The changed copy; the model stays as it is.

    Raises
    ------
    ValueError
        If they are 0 already, or the model calls no layer with weights.
    TypeError
        If the model is no module.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> model = nn.MLP([2, 1], rng=0)
    >>> model[0].bias.data[:] = 5.0
    >>> nn.changes.biases_zero(model, np.ones((4, 2)))[0].bias.data
    array([0.], dtype=float32)
    """
    model = copy.deepcopy(model)
    biases = [getattr(layer, "bias", None) for layer in weight_layers(calls(model, x), model)]
    changed = [bias for bias in biases if bias is not None and np.any(bias.data)]
    if not changed:
        raise ValueError(NO_BIASES)
    for bias in changed:
        bias.data = np.zeros_like(bias.data)
    return model


def multiply(layer: Any, factor: float) -> None:
    layer.weights.data = (layer.weights.data * factor).astype(layer.weights.dtype)


def size(layer: Any) -> float:
    """rms(W) sqrt(inputs of a unit): what a layer does to the size of independent inputs."""
    weights = layer.weights
    units = weights.shape[getattr(layer, "output_axis", -1)]
    return rms(weights.data) * math.sqrt(weights.size / units)
