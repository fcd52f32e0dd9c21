"""Recurrent layers: cells that carry a state from step to step, and `RNN`, `GRU` and `LSTM`, which run them along
sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from autograd_mini import Tensor, devices, everywhere, scope
from autograd_mini import numpy as np
from nn.checks import all_values, as_input, check_sizes
from nn.docstrings import described_by
from nn.functions import sigmoid
from nn.layers.init import Initialiser, orthogonal
from nn.layers.linear import Linear
from nn.layers.regularization import Dropout
from nn.module import Module
from nn.padding import present

SEQUENCE = (
    "{title} was given an input of shape {got}. Give sequences of shape (examples, steps, {d_in}), of one step or more."
)
STATE = "{title} was given a state of shape {got}. It has shape {want}. (Lengths go by name, `lengths=lengths`.)"
PARTS = (
    "{title} was given a {got} as its state. Give what it returns as the last one: an array h, or of an LSTM a pair "
    "(h, c). (Lengths go by name, `lengths=lengths`.)"
)
BETWEEN = (
    "{name}(dropout={dropout}, layers=1): dropout is between layers. Write `layers=2` or more, or an `nn.Dropout`."
)

Last = TypeVar("Last")  # a state as users see it: h, of an LSTM the pair (h, c)
State = tuple[Any, ...]  # h, and what the cell carries besides


class Cell(Module, Generic[Last]):
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
        Of the parameters. The result has this dtype or the input's, whichever is wider; of whole numbers this.
    bias : bool
        Whether there are the biases b and c.
    """

    gates = 1

    def __init__(
        self,
        d_in: int,
        units: int,
        init: str | Initialiser = "glorot",
        rng: int | np.random.Generator | None = None,
        dtype: Any = np.float32,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        check_sizes(type(self).__name__, d_in=d_in, units=units)
        self._build(d_in, units, units, init, np.random.default_rng(rng), dtype, bias)

    def _build(  # noqa: PLR0917
        self, d_in: int, units: int, carried: int, init: Any, rng: np.random.Generator, dtype: Any, bias: bool
    ) -> None:
        """The parts, for a state h that is `carried` wide."""
        self.d_in, self.units, width = d_in, units, self.gates * units
        self.input = Linear(d_in, width, init, bias, rng, dtype)
        self.state = Linear(carried, width, orthogonal_blocks(self.gates), bias, rng, dtype)

    @property
    def widths(self) -> tuple[int, ...]:
        """Of the arrays that make up a state; h comes first."""
        return (self.units,)

    def forward(self, x: Any, state: Any = None) -> Last:
        """The next state, from an input and the state before, by default 0."""
        x = as_input(x)
        before = self.begin(x.shape[:-1]) if state is None else split(state)
        return told(self.step(self.input(x), *before))

    def begin(self, shape: tuple[int, ...]) -> State:
        """A state of zeros for examples of this shape."""
        zeros = (np.zeros((*shape, width), self.state.weights.dtype) for width in self.widths)
        return tuple(devices.beside(each, self.state.weights) for each in zeros)

    def along(self, x: Any, state: State, way: int, there: Any = None) -> tuple[Any, State]:
        """The states h at all steps of sequences, run through forwards (1) or backwards (-1), and the last state.

        Where `there`, of shape (examples, steps), is False, an example's state is passed on as it is, and h is 0.
        """
        states = []
        known = [None] * x.shape[1] if there is None else [step[:, None] for step in there.T]
        for scores, now in zip(unstacked(self.input(x))[::way], known[::way], strict=True):
            before, state = state, self.step(scores, *state)
            if now is not None:
                state = tuple(np.where(now, new, old) for new, old in zip(state, before, strict=True))
            states.append(state[0])
        along = np.stack(states[::way], axis=1)
        return (along if there is None else np.where(there[:, :, None], along, 0)), state

    def step(self, scores: Any, *state: Any) -> State:
        """The next state, from the scores of the input and the state before."""
        raise NotImplementedError


def split(state: Any) -> State:
    """A state as a tuple of arrays."""
    return tuple(state) if isinstance(state, tuple | list) else (state,)


def told(state: State) -> Any:
    """A state as users see it: h alone where it is all."""
    return state if len(state) > 1 else state[0]


def orthogonal_blocks(count: int) -> Initialiser:
    """An orthogonal matrix for each gate, so that states neither shrink nor grow as they are passed on."""

    def initialise(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray[Any, Any]:
        return np.hstack([orthogonal()((shape[0], shape[1] // count), rng) for _ in range(count)])

    return initialise


@described_by(Cell)
class RNNCell(Cell[Tensor]):
    r"""One step of a simple recurrent layer, :math:`h' = \tanh(x W + b + h U + c)` (Elman 1990).

    Attributes
    ----------
    input : Linear
        Its `weights` W have shape (d_in, units), its `bias` b (units,).
    state : Linear
        Its `weights` U have shape (units, units), its `bias` c (units,).

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> cell = nn.RNNCell(3, 5, rng=0)
    >>> cell(np.ones((2, 3)), np.zeros((2, 5))).shape
    (2, 5)
    """

    def step(self, scores: Any, *state: Any) -> State:
        return (np.tanh(scores + self.state(state[0])),)


@described_by(Cell)
class GRUCell(Cell[Tensor]):
    r"""One step of a gated recurrent unit, :math:`h' = (1 - z) n + z h`.

    The gates are :math:`r = \theta(x W_r + b_r + h U_r + c_r)` and :math:`z = \theta(x W_z + b_z + h U_z + c_z)`, the
    new content is :math:`n = \tanh(x W_n + b_n + r (h U_n + c_n))`; their columns stand side by side in this order, as
    in PyTorch and cuDNN (Cho et al. 2014, *Learning Phrase Representations using RNN Encoder-Decoder*, with the reset
    after the product).

    Attributes
    ----------
    input : Linear
        Its `weights` W have shape (d_in, 3 * units), its `bias` b (3 * units,).
    state : Linear
        Its `weights` U have shape (units, 3 * units), its `bias` c (3 * units,).

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> cell = nn.GRUCell(3, 4, rng=0)
    >>> state = cell(np.ones((2, 3)))  # from 0
    >>> cell(np.ones((2, 3)), state).shape
    (2, 4)
    """

    gates = 3

    def step(self, scores: Any, *state: Any) -> State:
        (h,), units = state, self.units
        carried = self.state(h)
        gates = sigmoid(scores[..., : 2 * units] + carried[..., : 2 * units])
        reset, keep = gates[..., :units], gates[..., units:]
        new = np.tanh(scores[..., 2 * units :] + reset * carried[..., 2 * units :])
        return (new + keep * (h - new),)


@described_by(Cell)
class LSTMCell(Cell[tuple[Tensor, Tensor]]):
    r"""One step of a long short-term memory: :math:`c' = f c + i g,\; h' = o \tanh(c')`.

    The gates for the input, to forget and for the output are :math:`i = \theta(s_i),\; f = \theta(s_f),\;
    o = \theta(s_o)`, the new content is :math:`g = \tanh(s_g)`, each from scores :math:`s = x W + b + h U + c` of its
    own; their columns stand side by side in the order i, f, g, o, as in PyTorch and cuDNN (Hochreiter & Schmidhuber
    1997, *Long Short-Term Memory*, with the forget gate of Gers, Schmidhuber & Cummins 2000). With a projection
    :math:`h' = (o \tanh(c')) P`.

    Parameters
    ----------
    init : str or initialiser
        Of W, the weights of the inputs, and of P; those of the state, U, start orthogonal, and the biases at 0, but
        for that of the forget gate, which starts at 1, so that the cell remembers (Jozefowicz, Zaremba & Sutskever
        2015).
    projection : int, optional
        The width of h, if it is not `units`, which c keeps (Sak, Senior & Beaufays 2014); PyTorch's `proj_size`.

    Attributes
    ----------
    input : Linear
        Its `weights` W have shape (d_in, 4 * units), its `bias` b (4 * units,).
    state : Linear
        Its `weights` U have shape (width of h, 4 * units), its `bias` c (4 * units,).
    projection : Linear or None
        Its `weights` P have shape (units, projection).

    Raises
    ------
    ValueError
        If a size is no positive whole number, or the initialiser is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> h, c = nn.LSTMCell(3, 5, rng=0)(np.ones((2, 3)), (np.zeros((2, 5)), np.zeros((2, 5))))
    >>> h.shape, c.shape
    ((2, 5), (2, 5))
    """

    gates = 4

    def __init__(
        self,
        d_in: int,
        units: int,
        init: str | Initialiser = "glorot",
        rng: int | np.random.Generator | None = None,
        dtype: Any = np.float32,
        *,
        bias: bool = True,
        projection: int | None = None,
    ) -> None:
        Module.__init__(self)
        check_sizes(type(self).__name__, d_in=d_in, units=units, projection=projection)
        rng = np.random.default_rng(rng)
        self._build(d_in, units, projection or units, init, rng, dtype, bias)
        if self.input.bias is not None:
            self.input.bias.data[units : 2 * units] = 1
        self.projection = None if projection is None else Linear(units, projection, init, False, rng, dtype)

    @property
    def widths(self) -> tuple[int, ...]:
        return self.state.weights.shape[0], self.units

    def step(self, scores: Any, *state: Any) -> State:
        (h, c), units = state, self.units
        scores = scores + self.state(h)
        let = sigmoid(scores[..., : 2 * units])
        new, out = np.tanh(scores[..., 2 * units : 3 * units]), sigmoid(scores[..., 3 * units :])
        c = let[..., units:] * c + let[..., :units] * new
        h = out * np.tanh(c)
        return (h if self.projection is None else self.projection(h)), c


class Layer(Module):
    """One layer: a cell that runs from the first step to the last, and perhaps another, `back`, that runs back."""

    def __init__(self, cell: Cell[Any], back: Cell[Any] | None) -> None:
        super().__init__()
        self.cell, self.back = cell, back

    def forward(self, x: Any, begin: Any, there: Any = None) -> tuple[Any, Any]:
        """The states h of its cells side by side, shape (examples, steps, width), and the last state of each."""
        found, ends = [], []
        for name, way, state in zip(("cell", "back"), (1, -1), begin, strict=False):
            with scope(name):
                states, end = getattr(self, name).along(x, state, way, there)
            found.append(states)
            ends.append(end)
        return (found[0] if len(found) == 1 else np.concatenate(found, axis=-1)), ends


def unstacked(x: Tensor) -> list[Tensor]:
    """The entries along the second axis.

    They are cut out by halving: the gradient of a slice is an array of its parent's size, so that cutting them out of
    the whole one by one would cost the square of the number of steps.
    """
    steps = x.shape[1]
    if steps == 1:
        return [x[:, 0]]
    return [*unstacked(x[:, : steps // 2]), *unstacked(x[:, steps // 2 :])]


@described_by(Cell)
class Recurrent(Layer, Generic[Last]):
    """What `RNN`, `GRU` and `LSTM` have in common: layers of cells that are run along the second axis.

    Parameters
    ----------
    layers : int
        How many, each of which reads the states of the one below; those above the first are in the list `above`.
    bidirectional : bool
        Give each layer another cell, `back`, that runs from the last step to the first; its states stand to the right
        of those of the first.
    dropout : float
        The share of what one layer gives to the next that is set to 0, in training.

    Raises
    ------
    ValueError
        If the input is not (examples, steps, d_in), an initial state, 0 by default, has not the shape of the last, or
        the lengths are no whole numbers from 1 to the steps.
    """

    kind: type[Cell[Any]]

    def __init__(
        self,
        d_in: int,
        units: int,
        init: str | Initialiser = "glorot",
        rng: int | np.random.Generator | None = None,
        dtype: Any = np.float32,
        *,
        layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        bias: bool = True,
    ) -> None:
        rng = np.random.default_rng(rng)

        def make(width: int) -> Cell[Any]:
            return self.kind(width, units, init, rng, dtype, bias=bias)

        self._build(make, d_in, layers, bidirectional, dropout, rng)

    def _build(  # noqa: PLR0917
        self, make: Callable[[int], Cell[Any]], d_in: int, layers: int, bidirectional: bool, dropout: float, rng: Any
    ) -> None:
        """The layers, of cells that `make` makes for inputs of some width."""
        name = type(self).__name__
        check_sizes(name, layers=layers)
        if dropout and layers == 1:
            raise ValueError(BETWEEN.format(name=name, dropout=dropout))
        super().__init__(make(d_in), make(d_in) if bidirectional else None)
        width = self.cell.widths[0] * (2 if bidirectional else 1)
        self.above = [Layer(make(width), make(width) if bidirectional else None) for _ in range(layers - 1)]
        self.dropout = Dropout(dropout, rng) if dropout else None

    def forward(self, x: Any, state: Any = None, lengths: Any = None) -> tuple[Tensor, Last]:
        """All states h of the last layer, shape (examples, steps, units), and the last state.

        The last state of one cell has the shape (examples, units). Those of several cells, two for each layer that runs
        both ways, are one array (examples, cells, units), in the order of the layers; PyTorch has the cells first. Of
        both ways the states h are side by side, (examples, steps, 2 * units). The state of an `LSTM` is a pair (h, c).

        A state that is carried from one training step to the next is detached, `h.detach()`: the graph that made it
        was freed by the step before.

        Of sequences of unequal length, padded at their ends, `lengths` says how many steps each has, shape (examples,).
        An example's results are then those that it has alone, whatever it is padded to and with: its last state is that
        at its own end, where the cells that run back begin, and after its end h is 0.
        """
        x, cell = as_input(x), self.cell
        if x.ndim != 3 or x.shape[2] != cell.d_in or not x.shape[1]:
            raise ValueError(SEQUENCE.format(title=self._title(cell.d_in, cell.units), d_in=cell.d_in, got=x.shape))
        ways = 1 if self.back is None else 2
        begin = self._begin(state, x.shape[0], ways * (1 + len(self.above)))
        there = present(self._title(cell.d_in, cell.units), lengths, x.shape)
        steps = longest = x.shape[1]
        if there is not None:  # the steps that no example has are not run, nor drawn for by dropout
            known = all_values(there)
            while not everywhere(np.any(known[..., longest - 1])):
                longest -= 1
            there, x = there[:, :longest], x[:, :longest]
            if everywhere(there):
                there = None
            else:
                there = devices.beside(there, x)
                x = np.where(there[:, :, None], x, 0)
        x, ends = super().forward(x, begin[:ways], there)
        for i, layer in enumerate(self.above, 1):
            x, more = layer(x if self.dropout is None else self.dropout(x), begin[i * ways : (i + 1) * ways], there)
            ends += more
        if steps > longest:
            x = np.pad(x, ((0, 0), (0, steps - longest), (0, 0)))
        return x, told(ends[0] if len(ends) == 1 else tuple(np.stack(part, axis=1) for part in zip(*ends, strict=True)))

    def _begin(self, state: Any, examples: int, cells: int) -> list[State]:
        """The state that each cell begins with."""
        cell = self.cell
        if state is None:
            return [cell.begin((examples,))] * cells
        parts, title = split(state), self._title(cell.d_in, cell.units)
        if len(parts) != len(cell.widths):
            raise ValueError(PARTS.format(title=title, got=type(state).__name__))
        for part, width in zip(parts, cell.widths, strict=True):
            want = (examples, width) if cells == 1 else (examples, cells, width)
            if np.shape(part) != want:
                raise ValueError(STATE.format(title=title, got=np.shape(part), want=want))
        return [parts] if cells == 1 else [tuple(part[:, i] for part in parts) for i in range(cells)]


@described_by(Recurrent)
class RNN(Recurrent[Tensor]):
    r"""A simple recurrent layer along sequences: :math:`h_t = \tanh(x_t W + b + h_{t-1} U + c)`.

    Attributes
    ----------
    cell, back : RNNCell
        Those of the first layer, with its parameters; `back` is None unless `bidirectional`.
    above : list of Module
        The other layers, each with a `cell` and a `back`.
    dropout : Dropout or None
        What is between them.

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
class GRU(Recurrent[Tensor]):
    r"""Gated recurrent units along sequences; see `GRUCell` for the formula.

    Attributes
    ----------
    cell, back : GRUCell
        Those of the first layer, with its parameters; `back` is None unless `bidirectional`.
    above : list of Module
        The other layers, each with a `cell` and a `back`.
    dropout : Dropout or None
        What is between them.

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


@described_by(Recurrent)
@described_by(LSTMCell)
class LSTM(Recurrent[tuple[Tensor, Tensor]]):
    r"""Long short-term memory along sequences; see `LSTMCell` for the formula and for how weights start.

    Attributes
    ----------
    cell, back : LSTMCell
        Those of the first layer, with its parameters; `back` is None unless `bidirectional`.
    above : list of Module
        The other layers, each with a `cell` and a `back`.
    dropout : Dropout or None
        What is between them.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> model = nn.LSTM(3, 5, layers=2, bidirectional=True, dropout=0.1, rng=0)
    >>> states, (h, c) = model(np.ones((2, 7, 3)))
    >>> states.shape, h.shape, c.shape
    ((2, 7, 10), (2, 4, 5), (2, 4, 5))
    >>> more, (h, c) = model(np.ones((2, 1, 3)), (h.detach(), c.detach()))  # goes on from the state
    """

    def __init__(
        self,
        d_in: int,
        units: int,
        init: str | Initialiser = "glorot",
        rng: int | np.random.Generator | None = None,
        dtype: Any = np.float32,
        *,
        layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        bias: bool = True,
        projection: int | None = None,
    ) -> None:
        rng = np.random.default_rng(rng)

        def make(width: int) -> Cell[Any]:
            return LSTMCell(width, units, init, rng, dtype, bias=bias, projection=projection)

        self._build(make, d_in, layers, bidirectional, dropout, rng)
