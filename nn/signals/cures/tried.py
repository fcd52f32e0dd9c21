"""`Tried`: what was tried and what came out, as rows, sentences, a table, a data frame; and the changed models."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

from autograd_mini import showing
from nn.module import Module
from nn.signals.cures.candidates import AS_IT_IS, BATCH_NORM, Change, Start
from nn.signals.cures.section import NUMBERS, section

NO_MODEL = "tried.model({i}): this change could not be tried: {why}. Choose a row without `why_not`."
NO_ROW = "tried.model({i}): the table has rows 0 to {last}."
NO_NAME = "tried.model({name!r}): no row has that name. Write a number, or one of: {known}."

NOTE = (
    "First what trained longest, the best first, by the held-out loss and, where it was tried, half of that at three "
    "times the rate; of what the held-out examples cannot tell from the best, the simplest change first. Of each "
    "change its best rate, the others are in `rows`. Rates are those of {optimizer}; x and y are the batch that "
    "nn.signals was given."
)
BATCHES = (
    "BatchNorm had {batch} examples in each batch. Leave a last batch of few out of a training: "
    "`nn.DataLoader(x, y, batch_size={batch}, shuffle=True, drop_last=True)`."
)
ASK = "Do inputs and targets belong together, does the optimizer go downhill?"
NODES = (
    "Of this model only learning rates, and its inputs and outputs scaled, can be tried: its parts are nodes of a "
    "program. Write the same in `nn` to try the other changes."
)
NO_RATE = "{which} rates than {rate:.3g} were not tried with it."
HEAD = "row", "change", "rate", "held-out", "at 3x rate", "steps", "the line of code"
TEXTS = 1, 6  # columns of words

UNCLEAR = 0.05  # of the loss as it is: differences below it are no help
SHOWN = 4
WIDTH = 110


class TriedRow(NamedTuple):
    """One row of `Tried.rows`: a change of the model, the rate that it was trained at, and the losses.

    Attributes
    ----------
    change : str
        What was changed: "BatchNorm", "tanh + Glorot"; "as it is" of the model without a change.
    rate : float
        The learning rate itself; of a schedule that of the first step, of several groups that of the first.
    held_out_loss : float
        The loss on held-out examples after `steps` steps, in evaluation mode.
    tripled_loss : float
        The same after 100 steps at three times the rate, or 200 where that rate is another row; nan where it was not
        tried.
    seconds : float
        How long it took.
    why_not : str
        Why it could not be tried, or "".
    times : float
        The rate as a multiple of the optimizer's own.
    steps : int
        How many it was trained for.
    how : object
        The change itself, which `Tried.model` makes again.
    guess_loss : float
        The held-out loss that it may have by luck with the targets of other examples: what has learned something has a
        lower one with its own; nan where it was not asked.
    recognises : bool
        Whether it classifies held-out examples better than such targets, whatever its loss.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> x = np.random.default_rng(0).standard_normal((64, 4))
    >>> model = nn.MLP([4, 8, 8, 2], "sigmoid", init=nn.init.small_random(0.1), rng=0)
    >>> tried = nn.signals(model, nn.cross_entropy, x, (x[:, 0] > 0).astype(int)).cures(seconds=2)
    >>> row = next(row for row in tried.rows if row.change == "He")
    >>> row.rate, row.code
    (0.02, "model = nn.changes.drawn(model, x, 'he')  # rate 0.02")
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
    guess_loss: float = math.nan
    recognises: bool = False

    @classmethod
    def refused(cls, change: Change, why: str) -> TriedRow:
        """A change that no copy could be made of."""
        return cls(change.name, math.nan, math.nan, math.nan, 0.0, why, math.nan, 0, change)

    @property
    def code(self) -> str:
        """The line of code that makes the change, with the rate at which it was trained; "" where the model stays as
        it is."""
        rate = "" if math.isnan(self.rate) else f"  # rate {self.rate:.3g}"
        return self.how.code and self.how.code + rate

    @property
    def said(self) -> str:
        """What a table shows in the place of the code."""
        return self.code or ("-" if self.times == 1 else "the rate alone")

    @property
    def guesses(self) -> bool:
        """Whether its outputs may fit the targets of other examples as well as their own."""
        return not self.recognises and self.held_out_loss >= self.guess_loss - UNCLEAR * abs(self.guess_loss)

    @property
    def learned(self) -> bool:
        """Whether it is known to have done better than to guess."""
        return not math.isnan(self.guess_loss) and not self.guesses

    @property
    def losses(self) -> str:
        """The losses in words."""
        tripled = "" if math.isnan(self.tripled_loss) else f", at three times the rate {number(self.tripled_loss)}"
        return number(self.held_out_loss) + tripled

    @property
    def title(self) -> str:
        """The change and, where it is another, the learning rate."""
        return self.change if self.times == 1 or math.isnan(self.times) else f"{self.change}, rate x{short(self.times)}"


class Tried:
    """What `nn.ModelSignals.cures` returns: `print` it for what would help, in sentences, and the table of trials.

    Attributes
    ----------
    rows : tuple of TriedRow
        A trial each: the best first, then those that went fewer rounds, then those that could not be tried.
    untrained : float
        The held-out loss of the model as it is, before any step.
    trials, examples : int
        How many copies were trained, on how many examples.
    seconds : float
        How long all of it took.
    optimizer : str
        What the rates are of, as code.
    stopped : str
        Where the limit of time ended it, or "".
    finding : str
        Why parameters of the model as it is get no signal at all, if that was seen, or "".
    batch : int
        How many examples a batch had.

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> x = np.random.default_rng(0).standard_normal((64, 4))
    >>> model = nn.MLP([4, 8, 8, 2], "sigmoid", init=nn.init.small_random(0.1), rng=0)
    >>> tried = nn.signals(model, nn.cross_entropy, x, (x[:, 0] > 0).astype(int)).cures(seconds=2)
    >>> tried.rows[0].held_out_loss < tried.as_it_is.held_out_loss
    True
    >>> better = tried.model(0)  # a changed copy, untrained
    """

    def __init__(  # noqa: PLR0917
        self,
        rows: Sequence[TriedRow],
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
        self.finding, self.batch = "", 0
        self._start = start

    def model(self, i: int | str) -> Module:
        """The changed copy of row i, or of the change of that name, untrained, as it was before its first step.

        Parameters
        ----------
        i : int or str
            The row's number, or its `change`.

        Returns
        -------
        Module
            A new copy at each call.

        Raises
        ------
        IndexError, KeyError, ValueError
            If there is no such row, or its change could not be tried.
        """
        if isinstance(i, str):
            names = [row.change for row in self.rows]
            if i not in names:
                raise KeyError(NO_NAME.format(name=i, known=", ".join(dict.fromkeys(names))))
            i = names.index(i)
        if not -len(self.rows) <= i < len(self.rows):
            raise IndexError(NO_ROW.format(i=i, last=len(self.rows) - 1))
        row = self.rows[i]
        if row.why_not and row.times != row.times:
            raise ValueError(NO_MODEL.format(i=i, why=row.why_not))
        return row.how.applied(self._start.model, self._start.x, self._start.y)

    @property
    def as_it_is(self) -> TriedRow:
        """The row of the model without a change, at the optimizer's own rate."""
        return next(row for row in self.rows if row.change == AS_IT_IS and row.times == 1)

    @property
    def measured(self) -> list[TriedRow]:
        return [row for row in self.rows if not row.why_not]

    @property
    def best(self) -> dict[str, int]:
        """The number of the best row of each change."""
        found: dict[str, int] = {}
        for i, row in enumerate(self.rows):
            if not row.why_not:
                found.setdefault(row.change, i)
        return found

    @property
    def shown(self) -> list[int]:
        """The numbers of the rows that tables show: the best of each change, and the model as it is."""
        own = self.rows.index(self.as_it_is)
        return sorted({*self.best.values(), *(() if self.as_it_is.why_not else (own,))})

    def edge(self, row: TriedRow) -> str:
        """What is to be said of a row whose rate is the lowest or the highest that was tried with its change."""
        times = [other.times for other in self.measured if other.change == row.change]
        which = ["Lower"] if row.times == min(times) else []
        if row.times == max(times) and not row.tripled_loss > row.held_out_loss:
            which.append("Higher" if not which else "higher")
        return NO_RATE.format(which=" and ".join(which), rate=row.rate) if which else ""

    @property
    def refused(self) -> dict[str, list[str]]:
        """Why changes could not be tried at all, and which."""
        best, found = self.best, dict[str, list[str]]()
        for row in self.rows:
            names = found.setdefault(row.why_not, []) if row.change not in best else []
            if row.change not in names:
                names.append(row.change)
        return found

    @property
    def batches(self) -> str:
        """What is to be said of batches where a row that is shown has BatchNorm."""
        steps = {step for i in self.shown for step in self.rows[i].how.steps}
        return BATCHES.format(batch=self.batch) if BATCH_NORM in steps and self.batch else ""

    @property
    def helping(self) -> tuple[TriedRow, ...]:
        """The changes, each at its best rate, with a clearly lower loss than the model as it is after as many steps,
        and than a guess; none if the first row has not, unless it guesses where others are known to have learned."""
        base = self.as_it_is
        bound = base.held_out_loss
        if math.isfinite(bound):
            bound -= UNCLEAR * abs(bound)
        rows = [self.rows[i] for i in self.best.values()]
        longest = (row for row in rows if row.steps >= base.steps)
        found = tuple(row for row in longest if row.held_out_loss < bound and not row.guesses)
        if rows and rows[0].guesses:
            return tuple(row for row in found if row.learned)
        return found if found and found[0] is rows[0] else ()

    @property
    def summary(self) -> str:
        """What would help, in sentences."""
        base, helping = self.as_it_is, self.helping
        was = number(base.held_out_loss)
        effort = f"{self.seconds:.0f} s, {self.trials} trials on copies, {self.examples:,} examples"
        whole = not self._start.model._has_parts_to_change
        said = [NODES] if whole else []
        said.append(f"What would help, measured ({effort}):")
        if base.why_not:
            said.append(f"the model as it is could not be trained: {base.why_not}.")
        elif not helping and self.rows[0].guesses and not any(row.learned for row in self.rows):
            first = self.rows[0]
            losses = number(first.held_out_loss), number(first.guess_loss)
            said.append(
                f"nothing that was tried learned more than to guess: {first.title} has a held-out loss of {losses[0]}, "
                f"as it may have with the targets of other examples ({losses[1]}; as it is {was})."
            )
            said.append(self.finding or ("" if whole else ASK))
        elif not helping:
            said.append(f"nothing that was tried is clearly better than the model as it is (held-out loss {was}).")
            said.append(self.finding)
        else:
            said.append(f"{helping[0].title}: held-out loss {helping[0].losses} (as it is {was}).")
            said.append(self.edge(helping[0]))
            others = "; ".join(f"{row.title} {row.losses}" for row in helping[1:SHOWN] if row.code)
            said += [f"Also {others}."] if others else []
            alone = next((row for row in helping[1:] if not row.code), None)
            said += [f"The learning rate alone, {alone.rate:.3g}, comes to {alone.losses}."] if alone else []
        return " ".join(filter(None, (*said, self.stopped)))

    def __str__(self) -> str:
        lines = [HEAD]
        for i in self.shown:
            row = self.rows[i]
            numbers = f"{row.rate:.3g}", number(row.held_out_loss), number(row.tripled_loss), str(row.steps)
            lines.append((str(i), row.title, *numbers, row.said))
        widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
        table = [
            "  ".join(
                text.ljust(width) if i in TEXTS else text.rjust(width)
                for i, (text, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        notes = [*filter(None, [self.batches]), NOTE.format(optimizer=self.optimizer)]
        if self.refused:
            said = (f"{', '.join(names)} ({why})" for why, names in self.refused.items())
            notes.append(f"Could not be tried: {'; '.join(said)}.")
        above = [line for said in (self.summary, NUMBERS) for line in textwrap.wrap(said, WIDTH)]
        below = [line for n in notes for line in textwrap.wrap(n, WIDTH)]
        return "\n".join([*above, *table, *below])

    def _repr_html_(self) -> str:
        return section(self)

    def to_dataframe(self) -> Any:
        """The rows as a data frame of pandas."""
        names = "change", "rate", "held_out_loss", "tripled_loss", "seconds", "why_not", "times", "steps", "code"
        rows = [{name: getattr(row, name) for name in names} for row in self.rows]
        return showing.data_frame("tried.to_dataframe()", rows)


def number(value: float) -> str:
    """A loss in short."""
    if math.isnan(value):
        return "-"
    return "diverged" if math.isinf(value) else short(value)


def short(value: float) -> str:
    """Three digits; as people write it, up to a million."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:,g}" if 1e3 <= abs(rounded) < 1e6 else f"{value:.3g}"
