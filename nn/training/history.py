"""`History`: what a training measured, epoch by epoch, as arrays, tables and a picture. It measures nothing itself."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from autograd_mini import showing

Array = np.ndarray[Any, Any]

UNKNOWN = "history[{name!r}]: there is no such quantity. This history has {known}."
NO_EPOCHS = "The history is empty: no epoch was completed."
BAD_STATE = "load_state_dict() was given a state that is none of a History: {reason}."

KEPT = "kept: the weights of epoch {epoch}"

SHOWN = 20  # rows of the table, more are left out in the middle
COLOURS = "#0072B2", "#D55E00"  # Okabe and Ito's blue and vermilion


class History(Mapping[str, Array]):
    """The numbers of each epoch: `history["loss"]` is an array with one entry for each.

    Attributes
    ----------
    stopped : str or None
        Why the training ended before its last epoch.
    kept : int or None
        The epoch whose weights the model got back from `EarlyStopping`, counted from 1.

    Examples
    --------
    >>> from nn.training.history import History
    >>> history = History()
    >>> history.append({"loss": 0.5, "val_loss": 0.75})
    >>> history.append({"loss": 0.25, "val_loss": 0.5})
    >>> history["loss"]
    array([0.5 , 0.25])
    >>> print(history)
    epoch      loss  val_loss
        1       0.5      0.75
        2      0.25       0.5
    """

    def __init__(self) -> None:
        self._columns: dict[str, list[float]] = {}
        self.epochs = 0
        self.stopped: str | None = None
        self.kept: int | None = None

    def append(self, row: Mapping[str, float]) -> None:
        """Add the numbers of an epoch; what an epoch lacks is nan there."""
        for name in row.keys() - self._columns.keys():
            self._columns[name] = [math.nan] * self.epochs
        self._columns = {name: self._columns[name] for name in dict.fromkeys([*row, *self._columns])}
        for name, values in self._columns.items():
            values.append(float(row.get(name, math.nan)))
        self.epochs += 1

    def __getitem__(self, name: str) -> Array:
        if name not in self._columns:
            raise KeyError(UNKNOWN.format(name=name, known=", ".join(map(repr, self._columns)) or "none"))
        return np.array(self._columns[name])

    def last(self, name: str) -> float:
        """The number of the last epoch, without making an array."""
        return self._columns[name][-1]

    def __eq__(self, other: object) -> bool:
        """Whether both have the same numbers, also nan in the same places, and stopped for the same reason."""
        if not isinstance(other, History):
            return NotImplemented
        same = self._columns.keys() == other._columns.keys() and self.stopped == other.stopped
        return same and all(np.array_equal(self[name], other[name], equal_nan=True) for name in self)

    __hash__ = None  # type: ignore[assignment]

    def __contains__(self, name: object) -> bool:
        return name in self._columns  # without making an array, as a mapping's would

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def state_dict(self) -> dict[str, Any]:
        """The columns as arrays, their order, and why it stopped."""
        columns = {f"column.{i}": np.array(values) for i, values in enumerate(self._columns.values())}
        names = {f"name.{i}": name for i, name in enumerate(self._columns)}
        return {"epochs": self.epochs, "stopped": self.stopped, **names, **columns}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the numbers of a `state_dict`.

        Raises
        ------
        ValueError
            If it is none.
        """
        epochs, stopped = state.get("epochs"), state.get("stopped")
        columns = {}
        for i in range(len(state) // 2 - 1):
            name, column = state.get(f"name.{i}"), np.asarray(state.get(f"column.{i}"))
            if not isinstance(name, str) or column.shape != (epochs,) or column.dtype.kind != "f":
                raise ValueError(BAD_STATE.format(reason=f"column {i} is no column of {epochs} numbers"))
            columns[name] = column.tolist()
        if not isinstance(epochs, int) or not isinstance(stopped, str | None):
            raise ValueError(BAD_STATE.format(reason=f"it has epochs={epochs!r}, stopped={stopped!r}"))  # noqa: TRY004
        self._columns, self.epochs, self.stopped, self.kept = columns, epochs, stopped, None

    def to_dataframe(self) -> Any:
        """A data frame of pandas: a row for each epoch, counted from 1, and a column for each quantity.

        Raises
        ------
        ImportError
            If pandas is missing.
        """
        frame = showing.data_frame("history.to_dataframe()", self._columns, index=range(1, self.epochs + 1))
        return frame.rename_axis("epoch")

    def to_json(self) -> str:
        """The columns, and how the training ended, as text in JSON, which has no nan and no infinity: null.

        Examples
        --------
        >>> from nn.training.history import History
        >>> history = History()
        >>> history.append({"loss": 0.5})
        >>> history.to_json()
        '{"epochs": 1, "stopped": null, "kept": null, "columns": {"loss": [0.5]}}'
        """
        columns = {name: [x if math.isfinite(x) else None for x in values] for name, values in self._columns.items()}
        return json.dumps({"epochs": self.epochs, "stopped": self.stopped, "kept": self.kept, "columns": columns})

    def _end(self) -> list[str]:
        """How the training ended."""
        stopped = [f"stopped: {self.stopped}"] if self.stopped else []
        return stopped if self.kept is None else [*stopped, KEPT.format(epoch=self.kept)]

    def _shown(self) -> list[int | None]:
        """The epochs that a table shows, the one whose weights were kept among them; None where it leaves some out."""
        return showing.shortened(self.epochs, SHOWN, [] if self.kept is None else [self.kept - 1])

    def __str__(self) -> str:
        if not self.epochs:
            return NO_EPOCHS
        widths = {name: max(len(name), 8) for name in self}
        lines = ["epoch" + "".join(f"  {name:>{width}}" for name, width in widths.items())]
        for i in self._shown():
            if i is None:
                lines.append("  ...")
                continue
            cells = (f"  {self._columns[name][i]:>{width}.4g}" for name, width in widths.items())
            lines.append(f"{i + 1:5d}" + "".join(cells))
        return "\n".join([*lines, *self._end()])

    def __repr__(self) -> str:
        last = "".join(f", {name}={values[-1]:.4g}" for name, values in self._columns.items() if values)
        kept = "" if self.kept is None else f", {KEPT.format(epoch=self.kept)}"
        return f"History({self.epochs} epochs{last}{kept})"

    def _repr_html_(self) -> str:
        if not self.epochs:
            return showing.table([], [], above=[NO_EPOCHS])
        shown = self._shown()
        rows = [
            [] if i is None else [str(i + 1), *(f"{values[i]:.4g}" for values in self._columns.values())] for i in shown
        ]
        strong = [n for n, i in enumerate(shown) if i is not None and i + 1 == self.kept]
        count = f"{self.epochs} epoch{'s' * (self.epochs != 1)}"
        return showing.table(["epoch", *self], rows, words=(), strong=strong, above=[count], below=self._end())

    def _constant_rate(self, name: str) -> bool:
        """A learning rate that never changed needs no panel."""
        return name == "rate" and len(set(self._columns[name])) == 1

    def plot(self) -> Any:
        """A matplotlib figure: a panel for each quantity, training and validation in one.

        Raises
        ------
        ValueError
            If no epoch was completed.
        ImportError
            If matplotlib is missing.
        """
        if not self.epochs:
            raise ValueError(NO_EPOCHS)
        panels = list(dict.fromkeys(name.removeprefix("val_") for name in self if not self._constant_rate(name)))
        made = showing.figure(7, 0.6 + 2.1 * len(panels))
        axes = made.subplots(len(panels), 1, squeeze=False, sharex=True)[:, 0]
        epochs = np.arange(1, self.epochs + 1)
        marker = "." if self.epochs <= 40 else ""
        for axis, name in zip(axes, panels, strict=True):
            both = name in self and f"val_{name}" in self
            for key, label, colour in ((name, "training", COLOURS[0]), (f"val_{name}", "validation", COLOURS[1])):
                if key in self:
                    (line,) = axis.plot(epochs, self[key], marker=marker, color=colour, label=label)
                    if both:
                        line.set_linestyle("-" if key == name else "--")
            axis.set_ylabel(name)
            axis.grid(alpha=0.25)
            axis.spines[["top", "right"]].set_visible(False)
        first = next((axis for axis in axes if len(axis.lines) > 1), None)
        if first is not None:
            first.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, borderaxespad=0)
        made.align_ylabels(axes)
        axes[-1].set_xlabel("epoch")
        axes[-1].xaxis.get_major_locator().set_params(integer=True)
        return made
