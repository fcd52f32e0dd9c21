"""Layers with weights, and ways to put layers together."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from numbers import Integral
from typing import Any, overload

from autograd_mini import Tensor, case, primitive, rule
from autograd_mini import numpy as np
from nn.checks import as_input, check_layers, check_sizes
from nn.layers import activations
from nn.layers.init import Initialiser, as_initialiser
from nn.module import Module
from nn.parameter import Parameter

INPUT_WIDTH = (
    "{title} was given an input of shape {got}, whose last axis is not {d_in}. Give it rows "
    "of {d_in} numbers, or build the layer as `Linear({width}, {d_out})`."
)
FLAT = "{title} was given a single number. Give it a batch: the first axis counts the examples."
SKIP = (
    "{title} adds what it was given, of shape {beside}, to what its layers made of it, of shape {out}. Make "
    "the shapes agree, e.g. by `Residual(..., shortcut=nn.Linear(d_in, d_out))`."
)
NO_LAYERS = (
    "Residual was given no layers, so it would double its input. Write e.g. `Residual(nn.Linear(4, 4), nn.Tanh())`."
)
SIZES = (
    "MLP(sizes={sizes}) needs at least an input and an output size, all of them positive whole numbers: "
    "`MLP([2, 16, 1])` has two inputs, one hidden layer of 16 units, one output."
)


@primitive
def affine(x: Any, weights: Any, bias: Any) -> Any:
    """The scores x w + b of a layer, as one operation: half the nodes of two, and nothing kept in between."""
    return x @ weights + bias


def rows(a: Any) -> Any:
    """All but the last axis as one."""
    return a if a.ndim == 2 else np.reshape(a, (math.prod(a.shape[:-1]), a.shape[-1]))


def back(g: Any, weights: Any) -> Any:
    """The cotangent g w^T of x. Of one score it is a table of single products, which a matrix product is slow at."""
    return g * weights.T if weights.shape[1] == 1 else g @ weights.T


rule(
    affine,
    lambda g, _out, _x, weights, _bias: back(g, weights),
    lambda g, _out, x, _weights, _bias: rows(x).T @ rows(g),
    lambda g, _out, _x, _weights, _bias: g,
    broadcasts=True,
    cases=tuple(case(shape, (3, d), (d,)) for shape in ((4, 3), (3,), (5, 4, 3), (0, 3)) for d in (2, 1)),
    linear=True,
)


class Linear(Module):
    r"""Scores :math:`s_j = \sum_i w_{ij} x_i + b_j`, the lecture's :math:`w_{ij}` with the bias apart.

    Parameters
    ----------
    d_in, d_out : int
        Inputs and outputs: (..., d_in) becomes (..., d_out).
    init : str or initialiser
        "small_random", "glorot", "he", "orthogonal", or what `nn.init` makes.
    bias : bool
        Whether there is one; it starts at 0.
    rng : int or numpy.random.Generator, optional
        Where the weights come from.
    dtype : dtype
        Of the parameters. The result has this dtype or the input's, whichever is wider; of whole numbers this.

    Attributes
    ----------
    weights : Parameter
        Shape (d_in, d_out): PyTorch's `weight`, transposed.
    bias : Parameter or None
        Shape (d_out,).

    Raises
    ------
    ValueError
        If a size is no positive whole number, or the initialiser is unknown; when called, if the input's last axis is
        not `d_in`.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> layer = nn.Linear(3, 2, rng=0)
    >>> layer(np.ones((5, 3))).shape, layer.weights.shape, layer.bias.shape
    ((5, 2), (3, 2), (2,))
    """

    def __init__(  # noqa: PLR0917
        self,
        d_in: int,
        d_out: int,
        init: str | Initialiser = "glorot",
        bias: bool = True,
        rng: int | np.random.Generator | None = None,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__()
        check_sizes("Linear", d_in=d_in, d_out=d_out)
        weights = as_initialiser(init)((d_in, d_out), np.random.default_rng(rng))
        self.weights = Parameter(weights.astype(dtype))
        self.bias = Parameter(np.zeros(d_out, dtype)) if bias else None

    def forward(self, x: Any) -> Tensor:
        x = as_input(x, self.weights)
        try:
            return x @ self.weights if self.bias is None else affine(x, self.weights, self.bias)
        except ValueError as error:
            raise self._explain(x, error) from error

    def _explain(self, x: Any, error: ValueError) -> ValueError:
        """The same error in terms of the layer, if the input's width is the cause."""
        d_in, d_out = self.weights.shape
        if np.shape(x)[-1:] == (d_in,):
            return error
        width = np.shape(x)[-1] if np.ndim(x) else 1
        title = self._title(d_in, d_out)
        return ValueError(INPUT_WIDTH.format(title=title, d_in=d_in, d_out=d_out, got=np.shape(x), width=width))


class Sequential(Module):
    """Modules one after the other.

    Parameters
    ----------
    *layers : Module
        In order; each gets what the one before returned. Parameters are called by their numbers, "0.weights".

    Raises
    ------
    TypeError
        If a layer is no module.

    Examples
    --------
    >>> import nn
    >>> model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
    >>> print(model)
    Sequential()  # 65 parameters
      0: Linear(weights: (2, 16), bias: (16,))
      1: Tanh()
      2: Linear(weights: (16, 1), bias: (1,))
    """

    def __init__(self, *layers: Module) -> None:
        super().__init__()
        check_layers(type(self).__name__, layers)
        for i, layer in enumerate(layers):
            setattr(self, str(i), layer)

    @property
    def layers(self) -> tuple[Module, ...]:
        """The modules in order; no list, because what is appended to a copy would be lost."""
        return tuple(value for value in vars(self).values() if isinstance(value, Module))

    def forward(self, x: Any) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Module]:
        return iter(self.layers)

    @overload
    def __getitem__(self, index: int) -> Any: ...  # which module it is, nobody can tell a type checker
    @overload
    def __getitem__(self, index: slice) -> Sequential: ...
    def __getitem__(self, index: int | slice) -> Module:
        return Sequential(*self.layers[index]) if isinstance(index, slice) else self.layers[index]


class Flatten(Module):
    """Each example as one row: `(examples, a, b, ...)` becomes `(examples, a * b * ...)`.

    Raises
    ------
    ValueError
        When called, if the input is a single number.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> nn.Flatten()(np.zeros((5, 2, 3))).shape
    (5, 6)
    """

    def forward(self, x: Any) -> Tensor:
        x = as_input(x)
        if not x.ndim:
            raise ValueError(FLAT.format(title=self._title()))
        return np.reshape(x, (x.shape[0], math.prod(x.shape[1:])))


class Residual(Module):
    r"""A skip connection, :math:`x + f(x)`: the gradient passes beside f too, past its factors :math:`w\,\phi'(s)`.

    So it shrinks less (He et al. 2016, *Deep Residual Learning*).

    Parameters
    ----------
    *layers : Module
        f, one after the other; its output has the shape of its input.
    shortcut : Module, optional
        What x passes through on its way round, where f changes its width; by default nothing.

    Attributes
    ----------
    layers : list of Module
        Those of f.
    shortcut : Module or None
        What x passes through.

    Raises
    ------
    ValueError
        If there are no layers; when called, if the two shapes differ.
    TypeError
        If a layer is no module.

    Examples
    --------
    >>> import nn
    >>> print(nn.Residual(nn.Linear(4, 4), nn.Tanh()))
    Residual()  # 20 parameters
      layers.0: Linear(weights: (4, 4), bias: (4,))
      layers.1: Tanh()
    """

    def __init__(self, *layers: Module, shortcut: Module | None = None) -> None:
        super().__init__()
        check_layers("Residual", layers if shortcut is None else (*layers, shortcut))
        if not layers:
            raise ValueError(NO_LAYERS)
        self.layers = list(layers)
        self.shortcut = shortcut

    def forward(self, x: Any) -> Tensor:
        out = x = as_input(x)
        for layer in self.layers:
            out = layer(out)
        beside = x if self.shortcut is None else self.shortcut(x)
        if out.shape != beside.shape:
            raise ValueError(SKIP.format(title=self._title(), out=out.shape, beside=beside.shape))
        return as_input(beside, out) + out


class MLP(Sequential):
    r"""The lecture's :math:`d^{(0)}`-:math:`d^{(1)}`-...-:math:`d^{(L)}` network: linear layers with an activation
    after each but the last. It is a `nn.Sequential`: `model[0]` is the first `nn.Linear`.

    Parameters
    ----------
    sizes : sequence of int
        The widths, input first.
    activation : str, callable or Module
        A name in `nn.activations.BY_NAME`, such as "tanh" or "relu"; or a class or function that makes a module; or a
        module, which is copied for each layer.
    init : str or initialiser
        Of all weights.
    rng : int or numpy.random.Generator, optional
        Where the weights come from.
    dtype : dtype
        Of the parameters. The result has this dtype or the input's, whichever is wider; of whole numbers this.

    Raises
    ------
    ValueError
        If there are not at least two sizes, all positive whole numbers, or the initialiser is unknown.
    TypeError
        If the activation is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> model = nn.MLP([2, 16, 1], activation="tanh", init="glorot", rng=0)
    >>> model(np.ones((5, 2), np.float32)).shape
    (5, 1)
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str | Callable[[], Module] | Module = "tanh",
        init: str | Initialiser = "glorot",
        rng: int | np.random.Generator | None = None,
        dtype: Any = np.float32,
    ) -> None:
        sizes = list(sizes) if isinstance(sizes, Iterable) else sizes
        whole = isinstance(sizes, list) and all(isinstance(size, Integral) and int(size) > 0 for size in sizes)
        if not whole or len(sizes) < 2:
            raise ValueError(SIZES.format(sizes=sizes))
        rng = np.random.default_rng(rng)
        layers: list[Module] = []
        for d_in, d_out in itertools.pairwise(sizes):
            layers += [Linear(d_in, d_out, init, rng=rng, dtype=dtype), as_activation(activation, dtype)]
        super().__init__(*layers[:-1])


def as_activation(activation: str | Callable[[], Module] | Module, dtype: Any) -> Module:
    """A new activation module of the given kind."""
    known = ", ".join(map(repr, activations.BY_NAME))
    if isinstance(activation, Module):
        return copy.deepcopy(activation)
    if isinstance(activation, str) and activation in activations.BY_NAME:
        activation = activations.BY_NAME[activation]
    try:
        made = activation(dtype=dtype) if activation is activations.PReLU else callable(activation) and activation()
    except TypeError as error:  # of a function of scores, such as np.tanh, which makes no module
        raise TypeError(activations.UNKNOWN.format(got=activation, known=known)) from error
    if not isinstance(made, Module):
        raise TypeError(activations.UNKNOWN.format(got=activation, known=known))
    return made
