"""Which modules have the weights of a layer, and setting them. How large they should be is not decided here."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nn.module import Module
from nn.parameter import Parameter


def layers_of(model: Any) -> dict[Any, str]:
    """The modules with weights that can be scaled, and their paths."""
    if not isinstance(model, Module):
        return {}
    modules = [(type(model).__name__, model), *model.named_modules()]
    return {module: path for path, module in modules if has_weights(module)}


def has_weights(module: Module) -> bool:
    weights = getattr(module, "weights", None)
    return isinstance(weights, Parameter) and weights.ndim >= 2 and weights.requires_grad


def draw(layer: Any, init: Callable[..., Any], rng: np.random.Generator) -> None:
    """New weights for a layer of `layers_of`, for each group of a convolution its own."""
    axis, parts = getattr(layer, "output_axis", -1), []
    for part in np.split(layer.weights.data, getattr(layer, "groups", 1)):
        others = [n for i, n in enumerate(part.shape) if i != axis % part.ndim]
        matrix = init((math.prod(others), part.shape[axis]), rng)
        parts.append(np.moveaxis(matrix.reshape(*others, -1), -1, axis))
    layer.weights.data = np.concatenate(parts).astype(layer.weights.dtype)
