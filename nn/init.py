"""Initial weights: how large random weights must be so that signals neither shrink nor grow.

Each function makes an initialiser, which is called as `initialiser(shape, rng)` with `shape = (d_in, d_out)` and
returns float64 weights. A gain multiplies them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Initialiser = Callable[[tuple[int, int], np.random.Generator], np.ndarray[Any, Any]]

UNKNOWN = "init={got!r} names no initialiser. Write one of {known}, or pass one that is made by {functions}."


def small_random(std: float = 0.01) -> Initialiser:
    r"""Normal weights of standard deviation `std`, whatever the layer's size (the lecture's "small random")."""
    return lambda shape, rng: std * rng.standard_normal(shape)


def glorot(gain: float = 1.0) -> Initialiser:
    r"""Normal weights with :math:`\mathrm{Var}(w) = 2\,\mathrm{gain}^2 / (d_{in} + d_{out})`.

    It keeps the variance of signals and gradients through tanh layers near 1 while s is small (Glorot & Bengio
    2010, *Understanding the difficulty of training deep feedforward neural networks*).
    """
    return lambda shape, rng: gain * np.sqrt(2 / sum(shape)) * rng.standard_normal(shape)


def he(slope: float = 0.0, gain: float = 1.0) -> Initialiser:
    r"""Normal weights with :math:`\tfrac{1 + a^2}{2} d_{in} \mathrm{Var}(w) = \mathrm{gain}^2` for slope `a` below 0.

    It keeps the variance of signals through ReLU (slope 0), leaky ReLU and PReLU layers at 1 (He et al. 2015,
    *Delving deep into rectifiers*).
    """
    return lambda shape, rng: gain * np.sqrt(2 / ((1 + slope**2) * shape[0])) * rng.standard_normal(shape)


def orthogonal(gain: float = 1.0) -> Initialiser:
    r"""A random matrix with orthonormal rows or columns, whichever are fewer, times `gain` (Saxe et al. 2014)."""

    def initialise(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray[Any, Any]:
        tall = rng.standard_normal((max(shape), min(shape)))
        q, r = np.linalg.qr(tall)
        q *= np.sign(np.diagonal(r))  # makes the distribution uniform over orthogonal matrices
        return gain * (q if shape[0] >= shape[1] else q.T)

    return initialise


BY_NAME: dict[str, Callable[[], Initialiser]] = {
    "small_random": small_random,
    "glorot": glorot,
    "he": he,
    "orthogonal": orthogonal,
}


def as_initialiser(init: str | Initialiser) -> Initialiser:
    """The initialiser of a name, or `init` itself.

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    if callable(init):
        return init
    if init not in BY_NAME:
        functions = ", ".join(f"nn.init.{name}(...)" for name in BY_NAME)
        raise ValueError(UNKNOWN.format(got=init, known=", ".join(map(repr, BY_NAME)), functions=functions))
    return BY_NAME[init]()
