"""`Tried`: what was tried and what came out, as rows, sentences, a table, a data frame; and the changed models."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

from nn.module import Module
from nn.signals.cures.candidates import AS_IT_IS, Change, Start
from nn.signals.cures.section import section

NO_PANDAS = "tried.to_dataframe() makes a data frame of pandas, which is not installed. Write `pip install pandas`."
NO_MODEL = "tried.model({i}): this change could not be tried: {why}. Choose a row without `why_not`."
NO_ROW = "tried.model({i}): the table has rows 0 to {last}."

CLEARLY = 0.98  # of the loss as it is, below which a change helps
SHOWN = 3
WIDTH = 110


class Row(NamedTuple):
    """One trial.

    Attributes
    ----------
    change : str
    rate : float
        The learning rate itself; of a schedule that of the first step, of several groups that of the first.
    held_out_loss : float
        The loss on held-out examples after `steps` steps, in evaluation mode.
    tripled_loss : float
        The same after 100 steps at three times the rate; nan where it was not tried.
    seconds : float
    why_not : str
        Why it could not be tried, or "".
    times : float
        The rate as a multiple of the optimizer's own.
    steps : int
    how : Change
        The change itself.
    """

    change: str
    rate: float
    held_out_loss: float
    tripled_loss: float
    seconds: float
    why_not: str
    times: float
    steps: int
    how: Change

    @classmethod
    def refused(cls, change: Change, why: str) -> Row:
        """A change that no copy could be made of."""
        return cls(change.name, math.nan, math.nan, math.nan, 0.0, why, math.nan, 0, change)

    @property
    def code(self) -> str:
        """The line of code that makes the change; "" where the model stays as it is."""
        return self.how.code

    @property
    def title(self) -> str:
        """The change and, where it is another, the learning rate."""
        return self.change if self.times in {1.0} or math.isnan(self.times) else f"{self.change}, rate x{self.times:g}"


class Tried:
    """What `seen.cures()` returns; `print` it for what would help and the table.

    Attributes
    ----------
    rows : tuple of Row
        The best first, then those that went fewer rounds, then those that could not be tried.
    untrained : float
        The held-out loss of the model as it is, before any step.
    trials, examples : int
        How many copies were trained, on how many examples.
    seconds : float
    stopped : str
        Where the limit of time ended it, or "".
    """

    def __init__(  # noqa: PLR0917
        self,
        rows: Sequence[Row],
        start: Start,
        untrained: float,
        trials: int,
        examples: int,
        seconds: float,
        optimizer: str,
        stopped: str,
    ) -> None:
        self.rows = tuple(rows)
        self.untrained, self.trials, self.examples = untrained, trials, examples
        self.seconds, self.optimizer, self.stopped = seconds, optimizer, stopped
        self._start = start

    def model(self, i: int) -> Module:
        """The changed copy of row i, untrained, as it was before its first step.

        Raises
        ------
        IndexError, ValueError
            If there is no such row, or its change could not be tried.
        """
        if not -len(self.rows) <= i < len(self.rows):
            raise IndexError(NO_ROW.format(i=i, last=len(self.rows) - 1))
        row = self.rows[i]
        if row.why_not and row.times != row.times:
            raise ValueError(NO_MODEL.format(i=i, why=row.why_not))
        return row.how.applied(self._start.model, self._start.x)

    @property
    def as_it_is(self) -> Row:
        """The row of the model without a change, at the optimizer's own rate."""
        return next(row for row in self.rows if row.change == AS_IT_IS and row.times == 1)

    @property
    def helping(self) -> tuple[Row, ...]:
        """The best row of each change that has a clearly lower loss than the model as it is, after as many rounds."""
        base, found = self.as_it_is, {}
        for row in self.measured:
            if row.steps >= base.steps and row.held_out_loss < CLEARLY * base.held_out_loss - (
                (1 - CLEARLY) * abs(base.held_out_loss) if base.held_out_loss < 0 else 0
            ):
                found.setdefault(row.change, row)
        return tuple(found.values()) if self.measured and self.measured[0] in found.values() else ()

    @property
    def measured(self) -> list[Row]:
        return [row for row in self.rows if not row.why_not]

    @property
    def summary(self) -> str:
        """What would help, in sentences."""
        head = (
            f"What would help, measured ({self.seconds:.0f} s, {self.trials} trials on copies, "
            f"{self.examples:,} examples): "
        )
        base, helping = self.as_it_is, self.helping
        if base.why_not:
            said = f"the model as it is could not be trained: {base.why_not}."
        elif not helping:
            said = f"nothing that was tried is clearly better than the model as it is, held-out loss {number(base.held_out_loss)}."
        else:
            best, *others = helping
            said = f"{best.title}: held-out loss {number(best.held_out_loss)} (as it is {number(base.held_out_loss)})."
            if others:
                listed = ", ".join(f"{row.title} {number(row.held_out_loss)}" for row in others[:SHOWN])
                said += f" Also {listed}."
        return " ".join(filter(None, (head + said, self.stopped)))

    def __str__(self) -> str:
        lines = textwrap.wrap(self.summary, WIDTH)
        best: dict[str, int] = {}
        for i, row in enumerate(self.rows):
            if not row.why_not:
                best.setdefault(row.change, i)
        table = [("row", "change", "rate", "held-out", "at 3x rate", "steps", "the line of code")]
        for i in best.values():
            row = self.rows[i]
            code = row.code or ("-" if row.times == 1 else "the rate alone")
            cells = (f"{row.rate:.3g}", number(row.held_out_loss), number(row.tripled_loss), str(row.steps), code)
            table.append((str(i), row.title, *cells))
        widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
        for line in table:
            cells = [
                text.ljust(width) if i in {1, 6} else text.rjust(width)
                for i, (text, width) in enumerate(zip(line, widths, strict=True))
            ]
            lines.append("  ".join(cells).rstrip())
        lines.append(
            f"Rates are of {self.optimizer}; of each change the best rate is shown. In the code, x is the batch"
        )
        lines[-1] += " that nn.signals was given."
        refused: dict[str, str] = {
            row.change: row.why_not for row in self.rows if row.why_not and row.change not in best
        }
        lines += [f"{change} cannot: {why}." for change, why in refused.items()]
        return "\n".join(["", *lines][1:])

    def _repr_html_(self) -> str:
        return section(self)

    def to_dataframe(self) -> Any:
        """The rows as a data frame of pandas."""
        try:
            import pandas
        except ImportError as error:
            raise ImportError(NO_PANDAS) from error
        names = "change", "rate", "held_out_loss", "tripled_loss", "seconds", "why_not", "times", "steps", "code"
        return pandas.DataFrame([{name: getattr(row, name) for name in names} for row in self.rows])


def number(value: float) -> str:
    """A loss in short."""
    if math.isnan(value):
        return "-"
    return "diverged" if math.isinf(value) else f"{value:.3g}"
