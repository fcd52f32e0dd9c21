"""`ModelSignals`: what `nn.signals` returns, with the model as it was, so that cures can be tried on copies of it."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_mini import Signals, Tensor
from nn.checks import as_values, positive
from nn.module import Module
from nn.signals.state import saved, saved_globals, saved_grads

if TYPE_CHECKING:
    from nn.signals.cures.candidates import Start
    from nn.signals.cures.tried import Tried

NO_MODULE = (
    "seen.cures() trains changed copies of a model, and nn.signals was given a {what}. Give it an nn.Module: "
    "`nn.signals(model, loss_fn, x, y).cures()`."
)
NO_TARGETS = (
    "seen.cures(data=...): these are inputs alone, and the loss that nn.signals was given takes targets too. Write "
    "`data=(x, y)`."
)
NO_COPY = "seen.cures() trains copies of the model, and this one cannot be copied: {error}"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ModelSignals(Signals):
    """What `nn.signals` measured: an `autograd_mini.Signals` that also tries what would help, `seen.cures()`.

    `print` it for the findings and the table of layers; `save` writes a report.

    Attributes
    ----------
    given : tuple
        The model and the loss function themselves, which no trial may change.
    start : object
        Copies of them, as they were, of which changed copies are made; or the error that the copying raised.
    tried : Tried or None
        What the last `cures()` returned, which reports show.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> model = nn.MLP([8, 16, 16, 1], activation="tanh", init=nn.init.small_random(0.05), rng=0)
    >>> seen = nn.signals(model, nn.squared_error, np.ones((4, 8)), np.zeros((4, 1)))
    >>> type(seen).__name__, len(seen.layers), seen.tried is None
    ('ModelSignals', 3, True)
    """

    given: tuple[Any, ...] = ()
    start: Start | Exception | None = None
    tried: Tried | None = None

    def cures(self, optimizer: Any = None, data: Any = None, seconds: float = 30, progress: bool = True) -> Tried:
        """Try what would help: changes of weights, activations and structure, and other learning rates, on copies.

        Some twenty changes, each at the optimizer's learning rate and a tenth of it, train for 15 steps; the better
        ones, of each kind the best, go on for 45, 140 and 200 more. They are judged by the loss on a quarter of the
        examples that is held out, in evaluation mode; the best must also bear three times their rate, and of what these
        examples cannot tell apart the simplest comes first. The model as it is goes through all rounds to compare with,
        begins at five more rates, and stays in the race at the best of them. Nothing that was given changes: no
        parameter, gradient or generator.

        Parameters
        ----------
        optimizer : callable, optional
            Makes an optimizer from parameters, as for `nn.fit`: `lambda parameters: nn.Adam(parameters, 1e-3)`. By
            default SGD with a learning rate of 0.02 and momentum 0.9.
        data : tuple of arrays or DataLoader, optional
            Examples to learn from, as for `nn.fit`, of which at most 5,000 are used; by default the batch that
            `nn.signals` was given. Give the training set: few examples do not show what falls over later.
        seconds : float
            When to stop, to within one step or one look at the held-out examples. Where the time is short, fewer go on,
            and `tried.stopped` and the table say so; as long as they do not, the same call makes the same table.
        progress : bool
            A bar, if tqdm is installed and there is a terminal or notebook.

        Returns
        -------
        Tried
            `print` it; its `rows` are `TriedRow`, best first, and `model(i)` is the changed copy of row i, untrained.

        Raises
        ------
        TypeError
            If the model is no module or cannot be copied, or the optimizer is no function.
        ValueError
            If there are too few examples.

        Examples
        --------
        >>> import numpy as np
        >>> import nn
        >>> x = np.random.default_rng(0).standard_normal((64, 4))
        >>> model = nn.MLP([4, 8, 8, 2], "sigmoid", rng=0)
        >>> seen = nn.signals(model, nn.cross_entropy, x, (x[:, 0] > 0).astype(int))
        >>> tried = seen.cures(lambda parameters: nn.SGD(parameters, 0.1, momentum=0.9), seconds=0.5)
        >>> better = tried.model(0)
        >>> optimizer = nn.SGD(better.parameters(), tried.rows[0].rate, momentum=0.9)
        """
        from nn.signals.cures.race import race
        from nn.signals.cures.trials import data_of

        positive("seen.cures", "seconds", seconds)
        model, loss = self.given
        if not isinstance(model, Module):
            raise TypeError(NO_MODULE.format(what=type(model).__name__))
        if isinstance(self.start, Exception) or self.start is None:
            raise TypeError(NO_COPY.format(error=self.start)) from self.start
        kept = [*saved(model), *saved(loss), *saved_grads(model, loss), *saved_globals()]
        try:
            start, given = with_targets(self.start, data)
            found = race(start, optimizer, data_of(given), seconds, progress)
        finally:
            for put_back in reversed(kept):
                put_back()
        found.finding = self.without_signal
        object.__setattr__(self, "tried", found)
        return found

    @property
    def section(self) -> str:
        """What was tried, for the report."""
        return "" if self.tried is None else self.tried._repr_html_()


def with_targets(start: Start, data: Any) -> tuple[Start, Any]:
    """The data to train on, by default the batch of the measurement, in the order of `nn.fit`: inputs, then targets.

    A loss without targets of several inputs gets some that it does not look at.
    """
    from nn.signals.cures.trials import TARGETS

    inputs = start.x if isinstance(start.x, tuple) else (start.x,)
    count = len(inputs[0])
    if start.y is None:
        data = inputs if data is None else data
        if not isinstance(data, tuple) or len(data) == 1:
            return start, data
        return start._replace(loss=lambda output, _: start.loss(output)), (*data, np.zeros(len(data[0])))
    if data is not None:
        if isinstance(data, np.ndarray | Tensor) or (isinstance(data, tuple) and len(data) < 2):
            raise ValueError(NO_TARGETS)
        return start, data
    targets = as_values(start.y)
    if not np.shape(targets) or len(targets) != count:
        raise ValueError(TARGETS.format(count=count))
    return start, (*inputs, targets)


def with_start(seen: Signals, model: Any, loss: Callable[..., Any], start: Any) -> ModelSignals:
    """What was measured, with what it was measured of."""
    fields = {field.name: getattr(seen, field.name) for field in dataclasses.fields(seen)}
    return ModelSignals(**fields, given=(model, loss), start=start)


def remembered(model: Any, loss: Callable[..., Any], x: Any, y: Any) -> Start | Exception | None:
    """Copies of a model and of what it was measured with; the error, if they cannot be made."""
    from nn.signals.cures.candidates import Start

    if not isinstance(model, Module):
        return None
    inputs = tuple(as_values(part).copy() for part in x) if isinstance(x, tuple) else as_values(x).copy()
    try:
        twin, loss, y = copy.deepcopy((model, loss, y))
    except Exception as error:  # noqa: BLE001 - it is raised where a copy is needed
        return error
    twin.zero_grad()
    return Start(twin, loss, inputs, y)
