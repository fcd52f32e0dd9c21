"""Recurrent layers: cells that carry a state from step to step, and `RNN` and `GRU`, which run one along a sequence."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini import Tensor
from nn.checks import as_input, check_sizes
from nn.docstrings import described_by
from nn.functions import sigmoid
from nn.layers.init import Initialiser, orthogonal
from nn.layers.linear import Linear
from nn.module import Module

SEQUENCE = (
    "{title} was given an input of shape {got}. Give sequences of shape (examples, steps, {d_in}), of one step or more."
)
STATE = "{title} was given a state of shape {got}. It has shape ({examples}, {units})."


class Cell(Module):
    """What cells have in common: scores of the input and of the state, one block of units for each gate.

    Parameters
    ----------
    d_in, units : int
        The widths of the inputs x and of the state h.
    init : str or initialiser
        Of W, the weights of the inputs; those of the state, U, start orthogonal, and the biases at 0.
    rng : int or numpy.random.Generator, optional
        Where the weights come from.
    dtype : dtype
        Of the parameters.
    """

    gates = 1

    def __init__(
        self,
        d_in: int,
        units: int,
        init: str | Initialiser = "glorot",
        rng: int | np.random.Generator | None = None,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__()
        check_sizes(type(self).__name__, d_in=d_in, units=units)
        rng = np.random.default_rng(rng)
        self.d_in, self.units = d_in, units
        self.input = Linear(d_in, self.gates * units, init, rng=rng, dtype=dtype)
        self.state = Linear(units, self.gates * units, orthogonal_blocks, rng=rng, dtype=dtype)

    def forward(self, x: Any, h: Any) -> Any:
        return self.step(self.input(x), h)

    def step(self, scores: Any, h: Any) -> Any:
        """The next state, from the scores of the input and the state before."""
        raise NotImplementedError


def orthogonal_blocks(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """An orthogonal matrix for each gate, so that states neither shrink nor grow as they are passed on."""
    units, width = shape
    return np.hstack([orthogonal()((units, units), rng) for _ in range(width // units)])


@described_by(Cell)
class RNNCell(Cell):
    r"""One step of a simple recurrent layer, :math:`h' = \tanh(x W + b + h U + c)` (Elman 1990).

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> cell = nn.RNNCell(3, 5, rng=0)
    >>> cell(np.ones((2, 3)), np.zeros((2, 5))).shape
    (2, 5)
    """

    def step(self, scores: Any, h: Any) -> Any:
        return np.tanh(scores + self.state(h))


@described_by(Cell)
class GRUCell(Cell):
    r"""One step of a gated recurrent unit, :math:`h' = (1 - z) n + z h`.

    The gates are :math:`r = \theta(x W_r + b_r + h U_r + c_r)` and :math:`z = \theta(x W_z + b_z + h U_z + c_z)`, the
    new content is :math:`n = \tanh(x W_n + b_n + r (h U_n + c_n))`; their columns stand side by side in this order, as
    in PyTorch and cuDNN (Cho et al. 2014, *Learning Phrase Representations using RNN Encoder-Decoder*, with the reset
    after the product).
    """

    gates = 3

    def step(self, scores: Any, h: Any) -> Any:
        units, carried = self.units, self.state(h)
        gates = sigmoid(scores[..., : 2 * units] + carried[..., : 2 * units])
        reset, keep = gates[..., :units], gates[..., units:]
        new = np.tanh(scores[..., 2 * units :] + reset * carried[..., 2 * units :])
        return new + keep * (h - new)


@described_by(Cell)
class Recurrent(Module):
    """What `RNN` and `GRU` have in common: a cell that is run along the second axis.

    Raises
    ------
    ValueError
        If the input is not (examples, steps, d_in), or the initial state, 0 by default, not (examples, units).
    """

    kind: type[Cell]

    def __init__(
        self,
        d_in: int,
        units: int,
        init: str | Initialiser = "glorot",
        rng: int | np.random.Generator | None = None,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__()
        self.cell = self.kind(d_in, units, init, rng, dtype)

    def forward(self, x: Any, h: Any = None) -> tuple[Any, Any]:
        """All states, shape (examples, steps, units), and the last one, shape (examples, units).

        A state `h` that is carried from one training step to the next is detached, `h.detach()`: the graph that made it
        was freed by the step before.
        """
        cell = self.cell
        x = as_input(x)
        if x.ndim != 3 or x.shape[2] != cell.d_in or not x.shape[1]:
            raise ValueError(SEQUENCE.format(title=self._title(cell.d_in, cell.units), d_in=cell.d_in, got=x.shape))
        examples = x.shape[0]
        if h is None:
            h = np.zeros((examples, cell.units), cell.state.weights.dtype)
        elif np.shape(h) != (examples, cell.units):
            title = self._title(cell.d_in, cell.units)
            raise ValueError(STATE.format(title=title, got=np.shape(h), examples=examples, units=cell.units))
        states = []
        for scores in unstacked(cell.input(x)):
            h = cell.step(scores, h)
            states.append(h)
        return np.stack(states, axis=1), h


def unstacked(x: Tensor) -> list[Tensor]:
    """The entries along the second axis.

    They are cut out by halving: the gradient of a slice is an array of its parent's size, so that cutting them out of
    the whole one by one would cost the square of the number of steps.
    """
    steps = x.shape[1]
    if steps == 1:
        return [x[:, 0]]
    return [*unstacked(x[:, : steps // 2]), *unstacked(x[:, steps // 2 :])]


@described_by(Recurrent)
class RNN(Recurrent):
    r"""A simple recurrent layer along sequences: :math:`h_t = \tanh(x_t W + b + h_{t-1} U + c)`.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> states, last = nn.RNN(3, 5, rng=0)(np.ones((2, 7, 3)))
    >>> states.shape, last.shape
    ((2, 7, 5), (2, 5))
    """

    kind = RNNCell


@described_by(Recurrent)
class GRU(Recurrent):
    r"""Gated recurrent units along sequences; see `GRUCell` for the formula.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> model = nn.GRU(3, 5, rng=0)
    >>> states, last = model(np.ones((2, 7, 3)))
    >>> more, last = model(np.ones((2, 1, 3)), last)  # goes on from the state
    >>> more.shape
    (2, 1, 5)
    """

    kind = GRUCell
