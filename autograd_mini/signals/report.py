"""What `signals` returns: everything that was measured, and the ways to look at it.

How it is shown lives in the files beside this one and in `drawing`.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_mini import showing
from autograd_mini.graph import Record, Watch
from autograd_mini.measuring.data import data_of
from autograd_mini.measuring.factors import Layer, Measurement, measurement
from autograd_mini.measuring.sizes import root_and_seed
from autograd_mini.measuring.spectrum import JacobianSpectrum
from autograd_mini.signals.faults import cut_off, is_zero
from autograd_mini.signals.findings import findings
from autograd_mini.signals.page import has_matplotlib, save_page
from autograd_mini.signals.plots import figures, plot
from autograd_mini.signals.tables import html_table, table, text_table, write_csv
from autograd_mini.tensor import Tensor

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from autograd_mini.drawing.rendering import Drawing

NOT_TENSORS = (
    "signals(..., {argument}=...) was given {what}. Write a list of tensors: those that the computation itself used, "
    "such as `x = Tensor(x)` and then `model(x)`."
)
NO_MODEL = (
    "seen.cures() trains changed copies of a model, and `autograd_mini.signals` was given a computation alone. Measure "
    "the model itself, an nn.Module, by `seen = nn.signals(model, loss_fn, x, y)`; its result has `cures()`."
)


class Recorder(Watch):
    """Keeps the values of a forward, so that `signals` can tell how scores and activations are spread.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import Recorder, Tensor, signals
    >>> x, w = Tensor(np.ones((4, 3))), Tensor(np.eye(3), requires_grad=True)
    >>> with Recorder() as forward:
    ...     loss = np.sum(np.tanh(x @ w))
    >>> signals(loss, forward=forward).layers[0].spreads["s"].quantiles[3]
    np.float64(1.0)
    """

    def __init__(self) -> None:
        self.values: dict[Record, Any] = {}
        self.read: set[Record] = set()

    def forward(self, primitive: Any, args: tuple[Any, ...], result: Any) -> None:  # noqa: ARG002
        self.read.update(arg._record for arg in args if isinstance(arg, Tensor) and arg._record is not None)
        if isinstance(result, Tensor) and result._record is not None:
            self.values[result._record] = result.data

    def has_read(self, tensor: Tensor) -> bool:
        """Whether an operation that was recorded got this tensor."""
        return tensor._record in self.read

    def remember(self, tensors: Iterable[Tensor]) -> None:
        """Keep the values of these too: parameters, which a graph does not always hold."""
        self.values.update((tensor._record, tensor.data) for tensor in tensors if tensor._record is not None)


class Signals(Measurement):
    """What `autograd_mini.signals` measured; `s[tensor]` is the signal of one tensor's cotangent, its size and gain.

    `print` it for the findings and the table of layers; notebooks show both. Of a model there is more to be known:
    `nn.ModelSignals`.

    Attributes
    ----------
    layers : tuple of Layer
        In the order of computation, each with the gain of its weights and of its activation.
    unreached, cut_off, frozen : tuple of str
        Parameters that the result does not depend on, those of them that the forward read, and those without gradient.
    update_ratios : dict of int to float
        rms(change of W)/rms(W) of one step by the layer's number, where an optimizer was given.
    spectrum : JacobianSpectrum or None
        The singular values of d(output)/d(input), if they were asked for.
    noise : dict of int to GradientNoise
        How far single examples agree on the gradient of a layer's weights, by the layer's number, if it was asked for.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd_mini import Tensor, signals
    >>> w, v = Tensor(np.eye(3), requires_grad=True), Tensor(np.ones((3, 1)), requires_grad=True)
    >>> seen = signals(np.sum(np.tanh(np.ones((4, 3)) @ w) @ v))
    >>> type(seen).__name__, len(seen.layers), round(seen[v].rms, 2)
    ('Signals', 2, 3.05)
    """

    @property
    def findings(self) -> tuple[str, ...]:
        """What is to be seen, the most important first, each a sentence or two."""
        return findings(self)

    @property
    def without_signal(self) -> str:
        """What `findings` say where a signal is exactly zero or the loss is cut off from parameters, or ""."""
        if any(map(is_zero, self.layers)):
            return self.findings[0]
        return " ".join(cut_off(self))

    def layers_reading(self, weights: Tensor) -> list[Layer]:
        """The layers whose weights are this tensor; more than one where it is shared."""
        record = weights._record
        pairs = zip(self.layers, self.places, strict=True)
        return [layer for layer, place in pairs if place.mixing.inputs[place.weights] is record]

    def table(self, rows: str = "layers") -> np.ndarray[Any, Any]:
        """All numbers as a structured array, one row for each of the "layers", "operations" or "edges"."""
        return table(self, rows)

    def to_dataframe(self, rows: str = "layers") -> Any:
        """`table(rows)` as a data frame of pandas.

        Raises
        ------
        ImportError
            If pandas is missing.
        """
        return showing.data_frame("seen.to_dataframe()", self.table(rows))

    def to_csv(self, path: str | os.PathLike[str], rows: str = "layers") -> None:
        """Write `table(rows)` as comma-separated values with a header."""
        write_csv(self, path, rows)

    def plot(
        self,
        question: str = "where",
        *others: Signals,
        names: Sequence[str] | None = None,
        spectrum: JacobianSpectrum | None = None,
        ax: Any = None,
    ) -> Figure:
        """A matplotlib figure that answers one question, for this net or for several side by side.

        Parameters
        ----------
        question : str
            "map": how far does the signal get; "where" does it shrink, "why", in which "units", how is it "spread",
            does it pass in all "directions", does it train ("learns"),
            and is it "noise".
        *others : Signals
            More nets.
        names : sequence of str, optional
            What to call them.
        spectrum : JacobianSpectrum, optional
            For "directions".
        ax : matplotlib axis, optional
            Where to draw a question that needs one panel only.
        """
        return plot((self, *others), question, names, spectrum, ax)

    def draw(
        self, level: str = "layers", *, expand: Collection[str | int] = (), max_nodes: int | None = None
    ) -> Drawing:
        """Draw the layers, each with its factors, or the "operations", or the "units" of a tiny net.

        Parameters
        ----------
        level : str
            "layers", "operations" or "units".
        expand : collection of str and int
            Layers, by name or number, of which to show the operations.
        max_nodes : int, optional
            Fold beyond so many boxes: by default 40 layers or 1,000 operations.
        """
        from autograd_mini.signals.graphs import draw_signals

        return draw_signals(self, level, expand, max_nodes)

    def save(
        self,
        path: str | os.PathLike[str],
        *others: Signals,
        title: str | None = None,
        sections: Mapping[str, Any] | None = None,
    ) -> None:
        """Write the report: one HTML page that needs no network, for this net or for several side by side.

        Parameters
        ----------
        path : str or path
            Where to; the name ends in .html.
        *others : Signals
            More nets.
        title : str, optional
            The page's title; by default it says what happens to the signal.
        sections : mapping of str to object, optional
            Sections of one's own below the findings, by their titles: text, a list of nets, whose map is shown, a
            figure of matplotlib, or what notebooks show as HTML, such as a `Bars` or a table of pandas.
        """
        nets = self, *others
        save_page(nets, path, figures(nets) if has_matplotlib() else (), title, sections)

    def cures(self, *_given: Any, **_options: Any) -> Any:
        """Only what `nn.signals` returns can try changes: they need a model that is trained."""
        raise TypeError(NO_MODEL)

    def __str__(self) -> str:
        return "\n".join([*self.findings, "", text_table(self)])

    def _repr_html_(self) -> str:
        return html_table(self)


def report(  # noqa: PLR0917
    tensor: Tensor,
    seed: Any,
    inputs: Sequence[Tensor] | None,
    outputs: Sequence[Tensor],
    forward: Recorder | None,
    targets: Any,
) -> Signals:
    """What `autograd_mini.signals` returns."""
    root, seed = root_and_seed(tensor, seed)
    known = None if inputs is None else records_of(inputs, "inputs")
    values = {} if forward is None else forward.values
    found = measurement(root, seed, known, records_of(outputs, "outputs"), values, tensor.name or "a tensor")
    wanted = None if targets is None else np.asarray(targets.data if isinstance(targets, Tensor) else targets)
    data = data_of(found, tensor, inputs or (), outputs, wanted, values)
    return Signals(**(vars(found) | {"data": data}))


def records_of(tensors: Sequence[Tensor], argument: str) -> list[Record]:
    """The records of tensors."""
    if isinstance(tensors, Tensor) or not all(isinstance(t, Tensor) for t in tensors):
        raise TypeError(NOT_TENSORS.format(argument=argument, what=type(tensors).__name__))
    return [t._record for t in tensors if t._record is not None]
